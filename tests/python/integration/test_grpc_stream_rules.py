"""ModelStreamInfer keeps the rules of every inference: access, forwarding, caps, traces, memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from calls import infer_request, output, stub, tensor
from rawh2 import RawH2, open_call
from streams import FOREVER_MS, STREAM, OpenStream, ids, number, repeat
from tritonclient.grpc import service_pb2 as pb
from waiting import until

from tritonfrontend import KServeGrpc, configure_tracing

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

KEY = ("triton-grpc-protocol-user", "secret")
REFUSED = f"This protocol is restricted, expecting header '{KEY[0]}'"


@contextmanager
def streaming(server: Server, **options: Any) -> Iterator[Any]:
    chosen = KServeGrpc.Options(address="127.0.0.1", port=0, **options)
    with KServeGrpc(server, chosen) as frontend, stub(frontend.port) as made:
        yield made


def test_a_restricted_stream_is_refused_at_its_head(wide_server: Server) -> None:
    rules = ["inference:user=secret"]
    options = KServeGrpc.Options(address="127.0.0.1", port=0, restricted_protocols=rules)
    with KServeGrpc(wide_server, options) as frontend, RawH2(frontend.port) as h2:
        h2.send(open_call(1, STREAM))  # not one message
        reply = h2.finish(1)
        assert (reply.status, reply.message) == (14, REFUSED)
        with stub(frontend.port) as made:
            call = made.ModelStreamInfer(iter([number("identity_fp32", 1, "a")]), metadata=[KEY])
            assert ids(list(call)) == ["a"]


def test_metadata_goes_to_every_request(wide_server: Server) -> None:
    with streaming(wide_server, forward_header_pattern="^x-") as made:
        requests = [number("identity_echo", n, str(n)) for n in range(3)]
        for answer in made.ModelStreamInfer(iter(requests), metadata=[("x-tag", "blue")]):
            assert answer.infer_response.parameters["x-tag"].string_param == "blue"


def test_requests_are_counted_one_by_one(wide_server: Server) -> None:
    with streaming(wide_server, max_inflight_requests=2) as made:
        stream = OpenStream(made)
        for n in range(5):  # none of them keeps its share
            stream.send(number("identity_fp32", n))
            assert not stream.read(1)[0].error_message
        slow = number("repeat", 1, "slow", interval_ms=FOREVER_MS)
        stream.send(slow, slow, number("identity_fp32", 1))
        (refused,) = stream.read(1)
        assert "max_inflight_requests" in refused.error_message
        stream.call.cancel()

        def free() -> bool:
            (answer,) = made.ModelStreamInfer(iter([number("identity_fp32", 1)]))
            return not answer.error_message

        until(free, "cancelled requests give their share back")


@pytest.fixture
def trace_file(wide_server: Server, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "trace.json"
    configure_tracing(wide_server, {"triton,file": str(path), "rate": "1", "level": "TIMESTAMPS"})
    yield path
    configure_tracing(wide_server, {})


def test_every_request_has_its_trace(wide_server: Server, trace_file: Path) -> None:
    with streaming(wide_server) as made:
        requests = [number("identity_fp32", 1, "a"), repeat(3, "b")]
        assert len(list(made.ModelStreamInfer(iter(requests)))) == 4

    def entries() -> list[Any]:
        return list(json.loads(trace_file.read_text())) if trace_file.exists() else []

    def named(request_id: str) -> Counter[str]:
        found = entries()
        (number_of,) = [entry["id"] for entry in found if entry.get("request_id") == request_id]
        return Counter(
            time["name"]
            for entry in found
            if entry["id"] == number_of
            for time in entry.get("timestamps", [])
        )

    until(lambda: {"a", "b"} <= {e.get("request_id") for e in entries()}, "two traces are written")
    for request_id, responses in (("a", 1), ("b", 3)):
        count = named(request_id)
        assert count["GRPC_WAITREAD_START"] == count["GRPC_WAITREAD_END"] == 1
        assert count["INFER_RESPONSE_COMPLETE"] == responses
        assert count["GRPC_SEND_START"] == count["GRPC_SEND_END"] == responses


def test_shared_memory(shm_server: Server, segments: Callable[[int], tuple[str, Any]]) -> None:
    import tritonclient.utils.shared_memory as shm

    key, handle = segments(64)
    shm.set_shared_memory_region(handle, [np.array([1, 2], np.float32)])
    with streaming(shm_server, allow_client_shm=True) as made:
        made.SystemSharedMemoryRegister(
            pb.SystemSharedMemoryRegisterRequest(name="s", key=key, byte_size=64)
        )
        source = tensor(shape=[2])
        place: dict[str, Any] = {"shared_memory_region": "s", "shared_memory_byte_size": 8}
        for name, value in place.items():
            field = "string_param" if isinstance(value, str) else "int64_param"
            setattr(source.parameters[name], field, value)
        target = output(**place, shared_memory_offset=32)
        request = infer_request("identity_fp32", [source], outputs=[target], id="a")
        answers = list(made.ModelStreamInfer(iter([request, request])))
        assert [answer.error_message for answer in answers] == ["", ""]
        assert [list(a.infer_response.raw_output_contents) for a in answers] == [[b""], [b""]]
        assert list(shm.get_contents_as_numpy(handle, np.float32, [2], offset=32)) == [1, 2]
        made.SystemSharedMemoryUnregister(pb.SystemSharedMemoryUnregisterRequest(name="s"))


def test_classification(triton_stub: Any) -> None:
    request = infer_request(
        "labels",
        [tensor(shape=[3])],
        [np.array([1, 3, 2], np.float32).tobytes()],
        outputs=[output(classification=1)],
    )
    (answer,) = triton_stub.ModelStreamInfer(iter([request]))
    assert answer.infer_response.raw_output_contents[0] == b"\x11\0\0\0003.000000:1:banana"
