"""gRPC frame by frame: what gRPC libraries do not send, and exactly what is answered."""

from __future__ import annotations

import shutil
import struct
import subprocess
from typing import Any

import pytest
import rawh2
from calls import infer_request, slow_request
from rawh2 import RawH2, frame, message, open_call, unary
from waiting import failures, settled_failures, until

LIVE = "/inference.GRPCInferenceService/ServerLive"
INFER = "/inference.GRPCInferenceService/ModelInfer"
METADATA = "/inference.GRPCInferenceService/ModelMetadata"
CANCEL, REFUSED, NO_ERROR = 8, 7, 0


def uint8_request(size: int) -> bytes:
    blob: bytes = infer_request(
        "identity_uint8", [tensor_of(size)], [bytes(size)]
    ).SerializeToString()
    return blob


def tensor_of(size: int) -> Any:
    from calls import tensor

    return tensor("INPUT0", "UINT8", [size])


def test_a_successful_call(grpc_port: int) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(unary(1, LIVE))
        reply = h2.finish(1)
        assert reply.messages == [b"\x08\x01"]
        assert len(reply.headers) == 2
        first, last = (dict(block) for block in reply.headers)
        assert first[":status"] == "200"
        assert first["content-type"].startswith("application/grpc")
        assert "identity" in first["grpc-accept-encoding"]
        assert last["grpc-status"] == "0"
        assert not [name for name in last if name.startswith(":")]


def test_an_error_is_one_header_block(grpc_port: int) -> None:
    name = "n\u00f6pe\n%x".encode()
    with RawH2(grpc_port) as h2:
        h2.send(unary(1, METADATA, b"\x0a" + bytes([len(name)]) + name))
        reply = h2.finish(1)
    assert len(reply.headers) == 1
    assert reply.fields[":status"] == "200"
    assert reply.fields["content-type"].startswith("application/grpc")
    assert reply.status == 5
    assert reply.message == "Request for unknown model: 'n%C3%B6pe%0A%25x' is not found"


def test_the_first_frame_is_settings(grpc_port: int) -> None:
    with RawH2(grpc_port) as h2:
        first = h2.read()
        assert (first.kind, first.stream, first.flags) == (rawh2.SETTINGS, 0, 0)
        values = dict(struct.iter_unpack(">HI", first.payload))
        assert values.get(rawh2.INITIAL_WINDOW, 65535) >= 65535
        assert 0xFE03 not in values  # nobody may send true binary metadata


@pytest.mark.parametrize("size", [1, 2, 5, 7])
def test_messages_cut_anywhere(grpc_port: int, size: int) -> None:
    payload = message(infer_request().SerializeToString())
    with RawH2(grpc_port) as h2:
        data = open_call(1, INFER)
        for at in range(0, len(payload), size):
            end = rawh2.END_STREAM if at + size >= len(payload) else 0
            data += frame(rawh2.DATA, end, 1, payload[at : at + size])
        for at in range(0, len(data), 3):
            h2.send(data[at : at + 3])
        assert h2.finish(1).status == 0


def test_end_of_stream_in_an_empty_frame_and_padding(grpc_port: int) -> None:
    payload = message(infer_request().SerializeToString())
    padded = bytes([10]) + payload + bytes(10)
    with RawH2(grpc_port) as h2:
        h2.send(open_call(1, INFER) + frame(rawh2.DATA, 0x8, 1, padded) + frame(rawh2.DATA, 1, 1))
        assert h2.finish(1).status == 0


def test_headers_in_continuations(grpc_port: int) -> None:
    block = open_call(1, LIVE, *[(f"x-{n}", "v" * 40) for n in range(30)])[9:]
    pieces = [block[at : at + 400] for at in range(0, len(block), 400)]
    data = frame(rawh2.HEADERS, 0, 1, pieces[0])
    for piece in pieces[1:-1]:
        data += frame(rawh2.CONTINUATION, 0, 1, piece)
    data += frame(rawh2.CONTINUATION, rawh2.END_HEADERS, 1, pieces[-1])
    with RawH2(grpc_port) as h2:
        h2.send(data + frame(rawh2.DATA, 1, 1, message(b"")))
        assert h2.finish(1).status == 0


def test_trailers_of_the_client_are_ignored(grpc_port: int) -> None:
    import hpack

    end = frame(
        rawh2.HEADERS, rawh2.END_HEADERS | rawh2.END_STREAM, 1, hpack.encode([("x-trailer", "1")])
    )
    with RawH2(grpc_port) as h2:
        h2.send(open_call(1, LIVE) + frame(rawh2.DATA, 0, 1, message(b"")) + end)
        assert h2.finish(1).status == 0


# Request headers: what replaces the usual one, and the grpc-status (or HTTP status) that may come.
HEADERS = [
    ({"content_type": "application/grpc+proto"}, {0}),
    ({"content_type": "application/grpc;x=y"}, {0}),
    ({"te": None}, {0}),
    ({"scheme": "https"}, {0}),
]


@pytest.mark.parametrize(("replace", "statuses"), HEADERS)
def test_unusual_headers(grpc_port: int, replace: dict[str, Any], statuses: set[int]) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(unary(1, LIVE, b"", **replace))
        assert h2.finish(1).status in statuses


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "application/grpcx", "application/grpc-web"]
)
def test_wrong_content_types(grpc_port: int, content_type: str) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(unary(1, LIVE, b"", content_type=content_type))
        reply = h2.finish(1)
        assert reply.fields[":status"] == "415"
        assert reply.status not in (None, 0)
        h2.send(unary(3, LIVE))
        assert h2.finish(3).status == 0


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_wrong_methods(grpc_port: int, method: str) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(unary(1, LIVE, b"", method=method))
        reply = h2.finish(1)
        assert reply.status not in (None, 0) or reply.fields[":status"] == "405"
        h2.send(unary(3, LIVE))
        assert h2.finish(3).status == 0


def test_unknown_path(grpc_port: int) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(unary(1, "/nope"))
        reply = h2.finish(1)
    assert (reply.fields[":status"], reply.status, len(reply.headers)) == ("200", 12, 1)


TIMEOUTS = [
    ("0n", 4),
    ("0S", 4),
    ("1n", 4),
    ("10S", 0),
    ("99999999H", 0),
    ("5000m", 0),
    ("60000000u", 0),
    ("1M", 0),
]


@pytest.mark.parametrize(("timeout", "status"), TIMEOUTS)
def test_timeouts(grpc_port: int, timeout: str, status: int) -> None:
    request = slow_request().SerializeToString() if status else infer_request().SerializeToString()
    with RawH2(grpc_port) as h2:
        h2.send(unary(1, INFER, request, ("grpc-timeout", timeout)))
        reply = h2.finish(1)
        assert reply.status == status
        if status:
            assert reply.message == "Deadline Exceeded"


@pytest.mark.parametrize("timeout", ["5x", "5", "S", "-1S", "1.5S", "", "S5"])
def test_malformed_timeouts(grpc_port: int, timeout: str) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(unary(1, LIVE, b"", ("grpc-timeout", timeout)))
        reply = h2.finish(1)
        assert reply.status == 13
        assert "grpc-timeout" in reply.message


def test_a_deadline_without_half_close(grpc_port: int) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(open_call(1, LIVE, ("grpc-timeout", "20m")))
        assert h2.finish(1).status == 4


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        (frame(rawh2.DATA, 1, 1), 13, "Unable to parse request"),
        (frame(rawh2.DATA, 1, 1, b"\0\0\0"), 13, "Unable to parse request"),
        (frame(rawh2.DATA, 1, 1, b"\0\0\0\0\5ab"), 13, "Unable to parse request"),
        (frame(rawh2.DATA, 1, 1, message(b"", flag=2)), 13, None),
        (frame(rawh2.DATA, 1, 1, message(b"", flag=255)), 13, None),
        (frame(rawh2.DATA, 1, 1, message(b"x", flag=1)), 13, None),
        (
            frame(rawh2.DATA, 0, 1, b"\0\xff\xff\xff\xff"),
            8,
            "SERVER: Received message larger than max (4294967295 vs. 2147483647)",
        ),
        (
            frame(rawh2.DATA, 0, 1, b"\0\x80\0\0\0"),
            8,
            "SERVER: Received message larger than max (2147483648 vs. 2147483647)",
        ),
    ],
)
def test_framing_errors(grpc_port: int, data: bytes, status: int, text: str | None) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(open_call(1, INFER) + data)
        reply = h2.finish(1)
        assert reply.status == status
        assert reply.message == text if text else reply.message
        h2.send(unary(3, LIVE))
        assert h2.finish(3).status == 0


def test_an_unknown_encoding_of_a_compressed_message(grpc_port: int) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(
            open_call(1, LIVE, ("grpc-encoding", "snappy"))
            + frame(rawh2.DATA, 1, 1, message(b"x", flag=1))
        )
        reply = h2.finish(1)
        assert reply.status == 12
        assert "identity" in reply.fields["grpc-accept-encoding"]
        # Announced but not used: fine.
        h2.send(
            open_call(3, LIVE, ("grpc-encoding", "snappy")) + frame(rawh2.DATA, 1, 3, message(b""))
        )
        assert h2.finish(3).status == 0


def test_an_answer_before_the_half_close_ends_the_stream(grpc_port: int) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(open_call(1, "/nope"))
        assert h2.finish(1).status == 12
        assert h2.wait_for(rawh2.RST_STREAM, 1).error_code == NO_ERROR


def test_a_reset_cancels(grpc_port: int, http_port: int) -> None:
    before = settled_failures(http_port, "delay")
    with RawH2(grpc_port) as h2:
        h2.send(unary(1, INFER, slow_request().SerializeToString()))
        h2.ping()
        h2.send(frame(rawh2.RST_STREAM, 0, 1, struct.pack(">I", CANCEL)))
        until(
            lambda: failures(http_port, "delay") == before + 1, "the reset inference is cancelled"
        )
        h2.send(unary(3, LIVE))
        assert h2.finish(3).status == 0
        assert 1 not in h2.replies


def test_a_closed_window_holds_the_answer(grpc_port: int) -> None:
    with RawH2(grpc_port, {rawh2.INITIAL_WINDOW: 0}) as h2:
        h2.credit = False
        h2.send(unary(1, INFER, infer_request().SerializeToString()))
        h2.ping()
        h2.ping()
        assert h2.replies.get(1) is None or not h2.replies[1].data
        h2.send(unary(3, "/nope"))  # needs no window
        assert h2.finish(3).status == 12
        h2.send(frame(rawh2.WINDOW_UPDATE, 0, 1, struct.pack(">I", 1)))
        while not h2.replies.get(1) or not h2.replies[1].data:
            h2.read()
        assert len(h2.replies[1].data) == 1
        h2.send(frame(rawh2.WINDOW_UPDATE, 0, 1, struct.pack(">I", 1 << 20)))
        reply = h2.finish(1)
        assert (reply.status, len(reply.messages)) == (0, 1)


def test_a_window_that_turns_negative(grpc_port: int) -> None:
    size = 300_000
    with RawH2(grpc_port) as h2:
        h2.ping()  # the windows of the server's SETTINGS hold once they are acknowledged
        h2.send(open_call(1, INFER))
        payload = message(uint8_request(size))
        for at in range(0, len(payload), 16384):
            end = rawh2.END_STREAM if at + 16384 >= len(payload) else 0
            h2.send(frame(rawh2.DATA, end, 1, payload[at : at + 16384]))
        h2.send(rawh2.settings({rawh2.INITIAL_WINDOW: 10}))
        h2.ping()
        h2.send(rawh2.settings({rawh2.INITIAL_WINDOW: 1 << 20}))
        reply = h2.finish(1)
        assert reply.status == 0
        assert len(reply.messages[0]) > size


def test_unknown_frames_and_settings_are_ignored(grpc_port: int) -> None:
    with RawH2(grpc_port, {0x7777: 1, rawh2.ENABLE_PUSH: 0, rawh2.MAX_STREAMS: 0, 0xFE03: 1}) as h2:
        h2.send(frame(0x55, 0xFF, 0, b"anything") + frame(0x56, 0, 1, b"more"))
        h2.send(frame(rawh2.PRIORITY, 0, 1, struct.pack(">IB", 0, 16)))
        h2.send(unary(1, LIVE))
        assert h2.finish(1).status == 0


@pytest.mark.skipif(shutil.which("nghttp") is None, reason="no nghttp (package nghttp2-client)")
def test_nghttp_sees_a_trailers_only_answer(grpc_port: int) -> None:
    command = [
        "nghttp",
        "-v",
        "-H:method: POST",
        "-H",
        "content-type: application/grpc",
        "-H",
        "te: trailers",
        f"http://127.0.0.1:{grpc_port}/nope",
    ]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    assert b"grpc-status: 12" in done.stdout
