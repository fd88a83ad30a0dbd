"""Compressed messages both ways, and limits on the size of messages."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import rawh2
from calls import SERVICE, channel, infer_request, outcome, stub, tensor
from grpc_frontends import grpc_frontend
from rawh2 import RawH2, frame, message, open_call
from tritonclient.grpc import service_pb2 as pb

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

INFER = SERVICE + "ModelInfer"
METADATA = SERVICE + "ServerMetadata"
LARGE = 300_000  # compressed and sent by another thread than the connection's
DECODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


def zeros(size: int) -> Any:
    return infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [size])], [bytes(size)])


@pytest.fixture(scope="module", params=["NONE", "LOW", "MED", "HIGH"])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def port(wide_server: Server, level: str) -> Iterator[int]:
    from tritonfrontend import KServeGrpc

    chosen = KServeGrpc.Grpc_compression_level[level]
    with grpc_frontend(wide_server, infer_compression_level=chosen) as frontend:
        yield frontend.port


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
@pytest.mark.parametrize("size", [1, 100_000, 5_000_000])
def test_compressed_requests(grpc_port: int, algorithm: grpc.Compression, size: int) -> None:
    with stub(grpc_port) as made:
        answer = made.ModelInfer(zeros(size), compression=algorithm, timeout=30)
        assert answer.raw_output_contents[0] == bytes(size)
        assert made.ServerLive(pb.ServerLiveRequest(), compression=algorithm).live


@pytest.mark.parametrize("size", [1_000, LARGE])
@pytest.mark.parametrize(
    ("accepted", "encodings"),
    [
        ("identity, deflate, gzip", ("gzip", "deflate", "deflate")),
        ("identity,gzip", ("gzip", "gzip", "gzip")),
        ("identity,deflate", ("deflate", "deflate", "deflate")),
        ("identity", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_responses_follow_level_and_client(
    port: int, level: str, accepted: str | None, encodings: tuple[Any, ...], size: int
) -> None:
    expected = None if level == "NONE" else encodings[["LOW", "MED", "HIGH"].index(level)]
    extra = [("grpc-accept-encoding", accepted)] if accepted else []
    with RawH2(port) as h2:
        h2.ping()  # the SETTINGS that open the window are acknowledged
        h2.send(rawh2.unary(1, INFER, zeros(size).SerializeToString(), *extra))
        reply = h2.finish(1)
        assert reply.status == 0
        assert reply.fields["grpc-accept-encoding"] == "identity, deflate, gzip"
        assert reply.fields.get("grpc-encoding") == expected
        assert reply.data[0] == (1 if expected else 0)
        body = reply.data[5:]
        if expected:
            assert len(reply.data) < size
            body = DECODE[expected](body)
        answer = pb.ModelInferResponse.FromString(body)
        assert answer.raw_output_contents[0] == bytes(size)


def test_other_methods_are_not_compressed(port: int) -> None:
    with RawH2(port) as h2:
        h2.send(rawh2.unary(1, METADATA, b"", ("grpc-accept-encoding", "gzip")))
        reply = h2.finish(1)
        assert (reply.status, reply.data[0]) == (0, 0)
        assert "grpc-encoding" not in reply.fields


def test_grpcio_understands_every_level(port: int) -> None:
    with stub(port) as made:
        for size in (1, 1_000, LARGE, 3_000_000):
            answer = made.ModelInfer(zeros(size), timeout=30)
            assert answer.raw_output_contents[0] == bytes(size)


def test_many_compressed_calls_at_once(port: int) -> None:
    with stub(port) as made:
        calls = [made.ModelInfer.future(zeros(LARGE + n), timeout=60) for n in range(40)]
        for n, call in enumerate(calls):
            assert len(call.result().raw_output_contents[0]) == LARGE + n


def test_streams_keep_their_order(port: int) -> None:
    """Large responses are compressed by other threads, small ones are not."""
    sizes = [LARGE, 1, 50_000, 2, LARGE, 3] * 4
    with stub(port) as made:
        answers = made.ModelStreamInfer((zeros(size) for size in sizes), timeout=60)
        received = [len(answer.infer_response.raw_output_contents[0]) for answer in answers]
    assert received == sizes


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests_of_a_stream(grpc_port: int, algorithm: grpc.Compression) -> None:
    with stub(grpc_port) as made:
        requests = (zeros(size) for size in (1, 100_000, 2, 200_000))
        answers = list(made.ModelStreamInfer(requests, compression=algorithm, timeout=60))
    received = [len(answer.infer_response.raw_output_contents[0]) for answer in answers]
    assert received == [1, 100_000, 2, 200_000]


def test_a_client_that_leaves_while_its_answers_are_compressed(port: int) -> None:
    call = rawh2.unary(1, SERVICE + "ModelStreamInfer", zeros(LARGE).SerializeToString())
    for _ in range(20):
        with RawH2(port) as h2:
            h2.ping()
            h2.send(call)
    with stub(port) as made:
        assert made.ServerLive(pb.ServerLiveRequest(), timeout=30).live


@pytest.mark.parametrize(
    ("encoding", "payload", "status"),
    [
        ("gzip", b"", 13),
        ("gzip", b"junk", 13),
        ("gzip", gzip.compress(b"")[:-1], 13),
        ("gzip", gzip.compress(b"") + b"junk", 13),
        ("deflate", zlib.compress(b"")[:-4], 13),
        ("gzip", gzip.compress(b""), 0),
        ("deflate", zlib.compress(b""), 0),
        ("identity", b"x", 13),
        ("GZIP", gzip.compress(b""), 12),
    ],
)
def test_compressed_data_of_all_kinds(
    grpc_port: int, encoding: str, payload: bytes, status: int
) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(
            open_call(1, SERVICE + "ServerLive", ("grpc-encoding", encoding))
            + frame(rawh2.DATA, rawh2.END_STREAM, 1, message(payload, flag=1))
        )
        reply = h2.finish(1)
        assert reply.status == status
        assert len(reply.headers) == (2 if status == 0 else 1)
        if status == 12:
            assert reply.fields["grpc-accept-encoding"] == "identity, deflate, gzip"
        h2.send(rawh2.unary(3, SERVICE + "ServerLive"))
        assert h2.finish(3).status == 0


def test_message_limits(wide_server: Server) -> None:
    limits = {"max_receive_message_size": 100_000, "max_send_message_size": 50_000}
    with grpc_frontend(wide_server, **limits) as frontend, stub(frontend.port) as made:
        assert made.ModelInfer(zeros(40_000)).raw_output_contents[0] == bytes(40_000)
        code, text = outcome(lambda: made.ModelInfer(zeros(60_000)))
        assert code == "RESOURCE_EXHAUSTED"
        assert re.fullmatch(r"SERVER: Sent message larger than max \(60\d\d\d vs. 50000\)", text)
        size = zeros(100_000).ByteSize()
        assert outcome(lambda: made.ModelInfer(zeros(100_000))) == (
            "RESOURCE_EXHAUSTED",
            f"SERVER: Received message larger than max ({size} vs. 100000)",
        )
        # A bomb: a few kilobytes that become 50 MB.
        bomb = zeros(50_000_000)
        compressed = grpc.Compression.Gzip
        assert outcome(lambda: made.ModelInfer(bomb, compression=compressed, timeout=30)) == (
            "RESOURCE_EXHAUSTED",
            "SERVER: Decompressed message larger than max (100000)",
        )
        assert made.ServerLive(pb.ServerLiveRequest()).live


def test_the_budget_of_all_requests(wide_server: Server) -> None:
    with (
        grpc_frontend(wide_server, max_request_bytes=1_000_000) as frontend,
        channel(frontend.port) as opened,
        RawH2(frontend.port) as h2,
    ):
        # Half a message holds what has come of it.
        h2.ping()
        half = b"\0\0\x0e\0\0" + bytes(700_000)
        h2.send(open_call(1, INFER) + frame(rawh2.DATA, 0, 1, half))
        h2.ping()
        method = opened.unary_unary(INFER, _registered_method=False)
        large = zeros(400_000).SerializeToString()
        code, text = outcome(lambda: method(large, timeout=30))
        assert code == "RESOURCE_EXHAUSTED"
        assert "budget" in text
        h2.send(frame(rawh2.RST_STREAM, 0, 1, b"\0\0\0\x08"))
        h2.ping()
        assert outcome(lambda: method(large, timeout=30)) == ("OK", "")


def test_a_message_that_does_not_go_on(wide_server: Server) -> None:
    with grpc_frontend(wide_server, message_timeout_ms=50) as frontend, RawH2(frontend.port) as h2:
        h2.send(open_call(1, INFER) + frame(rawh2.DATA, 0, 1, b"\0\0\0\1\0half"))
        reply = h2.finish(1)
        assert reply.status == 4
        assert reply.message == "no byte of the request message came for 50 ms"
        h2.send(rawh2.unary(3, SERVICE + "ServerLive"))
        assert h2.finish(3).status == 0
