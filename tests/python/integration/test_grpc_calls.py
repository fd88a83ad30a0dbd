"""gRPC calls as such: concurrency, deadlines, cancellation, flow control, common clients."""

from __future__ import annotations

import asyncio
import queue
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.grpc.aio as aioclient
from calls import SERVICE, channel, infer_request, outcome, raw_call, slow_request, stub, tensor
from tritonclient.grpc import service_pb2 as pb
from tritonclient.utils import InferenceServerException
from waiting import failures, settled_failures, until


def client_input(module: Any, value: float) -> Any:
    made = module.InferInput("INPUT0", [1], "FP32")
    made.set_data_from_numpy(np.array([value], dtype=np.float32))
    return made


def value_of(response: Any) -> float:
    return float(np.frombuffer(response.raw_output_contents[0], "<f4")[0])


def number_request(model: str, value: float, **fields: Any) -> Any:
    return infer_request(model, [tensor()], [np.float32(value).tobytes()], **fields)


def test_every_call_of_the_client(grpc_client: grpcclient.InferenceServerClient) -> None:
    client = grpc_client
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("identity_fp32")
    assert client.get_server_metadata().name
    assert client.get_model_metadata("identity_fp32", as_json=True)["name"] == "identity_fp32"
    assert client.get_inference_statistics("identity_fp32").model_stats
    assert client.get_model_repository_index().models
    result = client.infer(
        "identity_echo",
        [client_input(grpcclient, 5)],
        request_id="id-1",
        parameters={"text": "x", "number": 5, "flag": True},
        timeout=77,
        headers={"x-any": "thing"},
        client_timeout=30,
    )
    assert result.as_numpy("OUTPUT0") == [5]
    response = result.get_response()
    assert response.id == "id-1"
    assert response.parameters["text"].string_param == "x"
    assert response.parameters["request.timeout_us"].int64_param == 77


def test_errors_reach_the_client(grpc_client: grpcclient.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException) as caught:
        grpc_client.infer("nope", [client_input(grpcclient, 1)])
    assert caught.value.status() == "StatusCode.NOT_FOUND"
    assert caught.value.message() == "Request for unknown model: 'nope' is not found"


def test_async_infer(grpc_client: grpcclient.InferenceServerClient) -> None:
    done: queue.Queue[tuple[Any, Any]] = queue.Queue()
    for n in range(100):
        grpc_client.async_infer(
            "identity_fp32",
            [client_input(grpcclient, n)],
            lambda result, error: done.put((result, error)),
            request_id=str(n),
        )
    for _ in range(100):
        result, error = done.get(timeout=30)
        assert error is None
        assert result.as_numpy("OUTPUT0")[0] == float(result.get_response().id)


def test_aio(grpc_port: int) -> None:
    async def run() -> list[float]:
        async with aioclient.InferenceServerClient(f"127.0.0.1:{grpc_port}") as client:
            assert await client.is_server_ready()
            calls = [
                client.infer("identity_fp32", [client_input(aioclient, n)]) for n in range(100)
            ]
            results = await asyncio.gather(*calls)
            with pytest.raises(InferenceServerException, match="'nope' is not found"):
                await client.get_model_metadata("nope")
        return [float(result.as_numpy("OUTPUT0")[0]) for result in results]

    assert asyncio.run(run()) == list(range(100))


def test_concurrent_calls_on_one_connection(triton_stub: Any) -> None:
    calls = [triton_stub.ModelInfer.future(number_request("identity_fp32", n)) for n in range(100)]
    assert [value_of(call.result(timeout=30)) for call in calls] == list(range(100))


def test_calls_complete_out_of_order(triton_stub: Any) -> None:
    slow = triton_stub.ModelInfer.future(slow_request())
    for n in range(20):
        assert value_of(triton_stub.ModelInfer(number_request("identity_fp32", n))) == n
    assert not slow.done()
    slow.cancel()


def test_many_connections(grpc_port: int) -> None:
    def work(n: int) -> list[float]:
        with stub(grpc_port) as made:
            return [
                value_of(made.ModelInfer(number_request("identity_fp32", n), timeout=30))
                for _ in range(10)
            ]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(32))) == [[float(n)] * 10 for n in range(32)]


def test_cancellation_reaches_the_core(grpc_port: int, http_port: int) -> None:
    before = settled_failures(http_port, "delay")
    with stub(grpc_port) as made:
        call = made.ModelInfer.future(slow_request())
        assert made.ServerLive(pb.ServerLiveRequest()).live  # the call before it has been read
        call.cancel()
        until(lambda: failures(http_port, "delay") == before + 1, "the cancelled inference ends")
        assert value_of(made.ModelInfer(number_request("delay", 3))) == 3


def test_a_closed_connection_cancels(grpc_port: int, http_port: int) -> None:
    before = settled_failures(http_port, "delay")
    with stub(grpc_port) as made:
        calls = [made.ModelInfer.future(slow_request()) for _ in range(3)]
        assert made.ServerLive(pb.ServerLiveRequest()).live
    assert {call.code() for call in calls} == {grpc.StatusCode.CANCELLED}
    until(lambda: failures(http_port, "delay") == before + 3, "the abandoned inferences end")


def test_many_cancellations(triton_stub: Any, http_port: int) -> None:
    for _ in range(10):
        calls = [triton_stub.ModelInfer.future(slow_request()) for _ in range(50)]
        for call in calls:
            call.cancel()
    assert value_of(triton_stub.ModelInfer(number_request("identity_fp32", 3))) == 3

    def idle() -> bool:
        return (
            outcome(lambda: triton_stub.ModelInfer(number_request("delay", 1), timeout=5))[0]
            == "OK"
        )

    until(idle, "the model is free again")


def test_a_deadline_cancels(triton_stub: Any, http_port: int) -> None:
    before = settled_failures(http_port, "delay")
    code, _ = outcome(lambda: triton_stub.ModelInfer(slow_request(), timeout=0.2))
    assert code == "DEADLINE_EXCEEDED"
    until(lambda: failures(http_port, "delay") == before + 1, "the late inference ends")


def test_deadlines_that_are_long_enough(triton_stub: Any) -> None:
    for timeout in (30, 10_000, 10.0**9):
        assert (
            value_of(triton_stub.ModelInfer(number_request("identity_fp32", 1), timeout=timeout))
            == 1
        )


# Options of clients that leave little room: windows, frames, header tables.
SMALL = [
    [("grpc.http2.lookahead_bytes", 1024)],
    [("grpc.http2.max_frame_size", 16384)],
    [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 16384)],
    [("grpc.http2.hpack_table_size.decoder", 0), ("grpc.http2.hpack_table_size.encoder", 0)],
    [("grpc.http2.write_buffer_size", 1)],
]


@pytest.mark.parametrize("options", SMALL)
def test_clients_with_small_windows(grpc_port: int, options: list[tuple[str, Any]]) -> None:
    blob = bytes(range(256)) * (4 << 12)
    request = infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [len(blob)])], [blob])
    with stub(grpc_port, *options) as made:
        calls = [made.ModelInfer.future(request) for _ in range(4)]
        assert all(call.result(timeout=60).raw_output_contents[0] == blob for call in calls)
        assert value_of(made.ModelInfer(number_request("identity_fp32", 1))) == 1


def test_metadata_of_any_kind(triton_stub: Any) -> None:
    metadata = [
        ("x-text", "value"),
        ("x-text", "again"),
        ("x-data-bin", b"\0\xff,"),
        ("x-empty", ""),
    ]
    metadata += [(f"x-{n}", "v" * 50) for n in range(50)]
    assert triton_stub.ServerLive(pb.ServerLiveRequest(), metadata=metadata).live


def test_metadata_beyond_the_limit(grpc_port: int) -> None:
    with stub(grpc_port) as made:
        request = pb.ServerLiveRequest()
        big = [("x-large", "v" * 17_000)]
        assert outcome(lambda: made.ServerLive(request, metadata=big))[0] == "RESOURCE_EXHAUSTED"
        assert made.ServerLive(request).live


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests_are_understood_or_refused(
    grpc_port: int, algorithm: grpc.Compression
) -> None:
    blob = bytes(100_000)
    request = infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [len(blob)])], [blob])
    with stub(grpc_port) as made:
        code, text = outcome(lambda: made.ModelInfer(request, compression=algorithm))
        assert (code, text) == ("OK", "") or (code == "UNIMPLEMENTED" and "ompress" in text)


def test_client_streaming_of_two_messages_to_a_unary_method(grpc_port: int) -> None:
    # The first message is the request, as in gRPC's own servers.
    with channel(grpc_port) as opened:
        method = opened.stream_unary(SERVICE + "ServerLive", _registered_method=False)
        assert method(iter([b"", b"\xff"]), timeout=30) == b"\x08\x01"


def test_no_message_at_all(grpc_port: int) -> None:
    with channel(grpc_port) as opened:
        method = opened.stream_unary(SERVICE + "ServerLive", _registered_method=False)
        assert outcome(lambda: method(iter([]), timeout=30)) == (
            "INTERNAL",
            "Unable to parse request",
        )
        assert raw_call(opened, SERVICE + "ServerLive") == b"\x08\x01"
