"""Bad input on the gRPC port: no HTTP/2 at all, broken frames, floods, lingering clients."""

from __future__ import annotations

import struct

import pytest
import rawh2
from rawh2 import PREFACE, RawH2, frame, grpc_headers, message, open_call, settings, unary
from rawhttp import RawHttp, request

LIVE = "/inference.GRPCInferenceService/ServerLive"
PROTOCOL, FLOW, FRAME_SIZE, COMPRESSION, CALM = 1, 3, 6, 9, 11

NOT_HTTP2 = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /inference.GRPCInferenceService/ServerLive HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
    b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    b"PRI * HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    b"\0" * 100,
    b"\xff" * 10_000,
    b"hello\n",
]


def works(port: int) -> bool:
    with RawH2(port) as h2:
        h2.send(unary(1, LIVE))
        return h2.finish(1).status == 0


@pytest.mark.parametrize("data", NOT_HTTP2)
def test_bytes_that_are_no_http2(grpc_port: int, data: bytes) -> None:
    with RawHttp(grpc_port) as connection:
        connection.send(data)
        connection.half_close()
        answer = connection._rest()
    # The connection ends; what may be said before is HTTP/1.1 (RFC 9113 section 3.4) or a GOAWAY.
    if data.startswith((b"GET", b"POST")):
        assert answer.startswith((b"HTTP/1.1 ", b"\0\0")), answer
    assert works(grpc_port)


def test_an_http1_client_is_told(grpc_port: int) -> None:
    with RawHttp(grpc_port) as connection:
        answer = connection.roundtrip(request("GET", "/v2/health/live"))
        assert 400 <= answer.status < 600
        assert answer.error()


@pytest.mark.parametrize("cut", [0, 1, 10, 23])
def test_a_preface_that_stops(grpc_port: int, cut: int) -> None:
    with RawHttp(grpc_port) as connection:
        connection.send(PREFACE[:cut])
        connection.half_close()
        connection._rest()
    assert works(grpc_port)


# Frames after the preface that are errors of the connection, and the codes that may name them.
CONNECTION_ERRORS = {
    "no settings first": (frame(rawh2.PING, 0, 0, bytes(8)), {PROTOCOL}),
    "ping of 7 bytes": (frame(rawh2.PING, 0, 0, bytes(7)), {FRAME_SIZE, PROTOCOL}),
    "ping on a stream": (frame(rawh2.PING, 0, 1, bytes(8)), {PROTOCOL}),
    "settings of 5 bytes": (frame(rawh2.SETTINGS, 0, 0, bytes(5)), {FRAME_SIZE, PROTOCOL}),
    "settings on a stream": (frame(rawh2.SETTINGS, 0, 1), {PROTOCOL}),
    "a huge window": (settings({rawh2.INITIAL_WINDOW: 2**31}), {FLOW, PROTOCOL}),
    "a tiny frame size": (settings({rawh2.MAX_FRAME: 100}), {PROTOCOL}),
    "window update 0": (frame(rawh2.WINDOW_UPDATE, 0, 0, bytes(4)), {PROTOCOL}),
    "window overflow": (frame(rawh2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**31 - 1)) * 2, {FLOW}),
    "data on stream 0": (frame(rawh2.DATA, 0, 0, b"x"), {PROTOCOL}),
    "data on an idle stream": (frame(rawh2.DATA, 0, 5, b"x"), {PROTOCOL, 5}),
    "headers on stream 0": (frame(rawh2.HEADERS, 4, 0, b"\x82"), {PROTOCOL}),
    "headers on an even stream": (frame(rawh2.HEADERS, 5, 2, b"\x82"), {PROTOCOL}),
    "a broken header block": (
        frame(rawh2.HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\xff"),
        {COMPRESSION},
    ),
    "an index beyond the table": (frame(rawh2.HEADERS, 5, 1, b"\xfe"), {COMPRESSION}),
    "a lone continuation": (frame(rawh2.CONTINUATION, 4, 1, b"\x82"), {PROTOCOL}),
    "something within a block": (
        frame(rawh2.HEADERS, 0, 1, b"\x82") + frame(rawh2.PING, 0, 0, bytes(8)),
        {PROTOCOL},
    ),
    "a reset of an idle stream": (frame(rawh2.RST_STREAM, 0, 9, bytes(4)), {PROTOCOL}),
    "a push": (frame(rawh2.PUSH, 4, 1, bytes(4)), {PROTOCOL}),
    "a frame beyond the limit": (b"\xff\xff\xff\0\0\0\0\0\1", {FRAME_SIZE}),
    "padding beyond the frame": (
        open_call(1, LIVE) + frame(rawh2.DATA, 8, 1, b"\xff" + b"x"),
        {PROTOCOL},
    ),
}


@pytest.mark.parametrize("name", list(CONNECTION_ERRORS))
def test_broken_frames_end_the_connection(grpc_port: int, name: str) -> None:
    data, codes = CONNECTION_ERRORS[name]
    with RawH2(grpc_port, preface=False) as h2:
        h2.send(
            PREFACE
            + (b"" if name == "no settings first" else settings({rawh2.HEADER_TABLE_SIZE: 0}))
            + data
        )
        ends = [f for f in h2.drain() if f.kind == rawh2.GOAWAY]
    assert ends
    assert ends[-1].error_code in codes
    assert works(grpc_port)


# Requests that are malformed: the stream ends, the connection goes on.
WITHOUT_PATH = [header for header in grpc_headers(LIVE) if header[0] != ":path"]
STREAM_ERRORS = {
    "upper case": grpc_headers(LIVE, ("X-Upper", "1")),
    "no path": WITHOUT_PATH,
    "no method": grpc_headers(LIVE, method=None),
    "two paths": [(":path", LIVE), *grpc_headers(LIVE)],
    "unknown pseudo header": [(":nope", "1"), *grpc_headers(LIVE)],
    "response pseudo header": [(":status", "200"), *grpc_headers(LIVE)],
    "late pseudo header": [*WITHOUT_PATH, (":path", LIVE)],
    "connection header": grpc_headers(LIVE, ("connection", "keep-alive")),
    "transfer-encoding": grpc_headers(LIVE, ("transfer-encoding", "chunked")),
    "wrong te": grpc_headers(LIVE, te="gzip"),
    "zero in a value": grpc_headers(LIVE, ("x-zero", "a\0b")),
    "newline in a value": grpc_headers(LIVE, ("x-line", "a\r\nb: c")),
    "blank in a name": grpc_headers(LIVE, ("x y", "1")),
    "wrong content-length": grpc_headers(LIVE, ("content-length", "3")),
}


@pytest.mark.parametrize("name", list(STREAM_ERRORS))
def test_malformed_requests_end_their_stream(grpc_port: int, name: str) -> None:
    import hpack

    block = hpack.encode(STREAM_ERRORS[name])
    with RawH2(grpc_port) as h2:
        h2.send(
            frame(rawh2.HEADERS, rawh2.END_HEADERS, 1, block)
            + frame(rawh2.DATA, 1, 1, message(b""))
        )
        reply = h2.finish(1)
        assert (
            reply.reset is not None
            or reply.status not in (None, 0)
            or reply.fields[":status"] != "200"
        )
        h2.send(unary(3, LIVE))
        assert h2.finish(3).status == 0


@pytest.mark.parametrize("extra", [[("x", "v" * 17_000)], [(f"x-{n}", "v") for n in range(600)]])
def test_headers_beyond_the_limit(grpc_port: int, extra: list[tuple[str, str]]) -> None:
    block = open_call(1, LIVE, *extra)[9:]
    pieces = [block[at : at + 16384] for at in range(0, len(block), 16384)] + [b""]
    data = frame(rawh2.HEADERS, 0, 1, pieces[0])
    data += b"".join(frame(rawh2.CONTINUATION, 0, 1, p) for p in pieces[1:-1])
    data += frame(rawh2.CONTINUATION, rawh2.END_HEADERS, 1, pieces[-1])
    with RawH2(grpc_port) as h2:
        h2.send(data + frame(rawh2.DATA, 1, 1, message(b"")))
        reply = h2.finish(1)
        assert reply.status == 8
        assert "16384" in reply.message
        h2.send(unary(3, LIVE))
        assert h2.finish(3).status == 0


def flood(h2: RawH2, piece: bytes, times: int) -> list[rawh2.Frame]:
    """Sends until all is sent or the server closes; gives back what the server said."""
    try:
        for _ in range(times):
            h2.send(piece)
        h2.send(frame(rawh2.PING, 0, 0, b"the  end"))
    except (BrokenPipeError, ConnectionResetError):
        pass
    frames = []
    try:
        while True:
            frames.append(h2.read())
            if frames[-1].kind == rawh2.PING and frames[-1].payload == b"the  end":
                return frames
    except (EOFError, ConnectionResetError):
        return frames


CONTINUATIONS = frame(rawh2.HEADERS, 0, 1, b"\x82") + frame(rawh2.CONTINUATION, 0, 1, b"") * 1000
FLOODS = {
    "continuations": (CONTINUATIONS, 1),
    "settings": (settings({rawh2.INITIAL_WINDOW: 65535}) * 100, 100),
    "pings": (frame(rawh2.PING, 0, 0, bytes(8)) * 100, 200),
    "empty data": (frame(rawh2.DATA, 0, 1) * 100, 20),
    "priorities": (frame(rawh2.PRIORITY, 0, 1, bytes(4) + b"\1") * 100, 200),
}


@pytest.mark.parametrize("name", list(FLOODS))
def test_floods_end_the_connection(grpc_port: int, name: str) -> None:
    piece, times = FLOODS[name]
    with RawH2(grpc_port) as h2:
        h2.ping()
        if name == "empty data":
            h2.send(open_call(1, LIVE))
        said = flood(h2, piece, times)
    # Ended by the server: with GOAWAY, unless its reset overtook that.
    assert not said or said[-1].payload != b"the  end"
    assert works(grpc_port)


def test_rapid_resets_leave_a_working_server(grpc_port: int) -> None:
    cancel = struct.pack(">I", 8)
    with RawH2(grpc_port) as h2:
        for at in range(0, 3000, 100):
            streams = range(2 * at + 1, 2 * at + 201, 2)
            h2.send(
                b"".join(
                    open_call(s, LIVE) + frame(rawh2.RST_STREAM, 0, s, cancel) for s in streams
                )
            )
        h2.send(unary(9001, LIVE))
        assert h2.finish(9001).status == 0


def test_a_client_that_never_reads(grpc_port: int) -> None:
    with RawH2(grpc_port) as h2:
        try:
            h2.socket.settimeout(2)
            for at in range(3000):
                h2.send(unary(2 * at + 1, "/inference.GRPCInferenceService/ServerMetadata"))
        except (TimeoutError, ConnectionError):
            pass  # held back or thrown out: both protect the others
        assert works(grpc_port)


def test_many_idle_and_half_open_connections(grpc_port: int) -> None:
    connections = [RawHttp(grpc_port) for _ in range(100)]
    for number, connection in enumerate(connections):
        connection.send((PREFACE + settings({}))[: number % 40])
    assert works(grpc_port)
    for connection in connections:
        connection.reset()
    assert works(grpc_port)
