"""An HTTP/2 client made of single frames (RFC 9113), for tests of what no gRPC library would send.

Nothing is automatic but the acknowledgement of SETTINGS and PING and the credit for received DATA
(both can be turned off). Every wait ends after ``TIMEOUT_S`` with an error.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import hpack

TIMEOUT_S = 20.0
FRAME_SIZE = 16_384  # before SETTINGS allow more
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)
END_STREAM = ACK = 0x1
END_HEADERS = 0x4

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME, MAX_HEADER_LIST = range(
    1, 7
)


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def error_code(self) -> int:
        """Of a RST_STREAM or GOAWAY."""
        at = 4 if self.kind == GOAWAY else 0
        return int.from_bytes(self.payload[at : at + 4], "big")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(values: dict[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", k, v) for k, v in values.items()))


def message(payload: bytes, flag: int = 0) -> bytes:
    """A gRPC length-prefixed message."""
    return struct.pack(">BI", flag, len(payload)) + payload


@dataclass
class Reply:
    """What a stream has received until it ended."""

    headers: list[hpack.Headers] = field(default_factory=list)  # one list per header block
    data: bytes = b""
    reset: int | None = None  # code of RST_STREAM

    @property
    def fields(self) -> dict[str, str]:
        return {name: value for block in self.headers for name, value in block}

    @property
    def status(self) -> int | None:
        value = self.fields.get("grpc-status")
        return None if value is None else int(value)

    @property
    def message(self) -> str:
        return self.fields.get("grpc-message", "")

    @property
    def messages(self) -> list[bytes]:
        out, rest = [], self.data
        while rest:
            size = int.from_bytes(rest[1:5], "big")
            out.append(rest[5 : 5 + size])
            rest = rest[5 + size :]
        return out


class RawH2:
    """A connection to a port on the loopback interface; ``options`` are SETTINGS of this client."""

    def __init__(
        self, port: int, options: dict[int, int] | None = None, preface: bool = True
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.credit = True
        self._buffer = b""
        self.replies: dict[int, Reply] = {}
        self.ended: set[int] = set()
        if preface:
            self.send(PREFACE + settings({HEADER_TABLE_SIZE: 0} | (options or {})))

    def __enter__(self) -> RawH2:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            piece = self.socket.recv(1 << 16)
            if not piece:
                raise EOFError(f"closed, {len(self._buffer)} bytes of a frame read")
            self._buffer += piece
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def read(self) -> Frame:
        """The next frame, after the automatic answers to it."""
        head = self._take(9)
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        got = Frame(kind, flags, stream, self._take(int.from_bytes(head[:3], "big")))
        if kind in (SETTINGS, PING) and not flags & ACK:
            self._answer(frame(kind, ACK, 0, got.payload if kind == PING else b""))
        elif kind == DATA and got.payload and self.credit:
            grant = struct.pack(">I", len(got.payload))
            alive = b"" if flags & END_STREAM else frame(WINDOW_UPDATE, 0, stream, grant)
            self._answer(frame(WINDOW_UPDATE, 0, 0, grant) + alive)
        self._note(got)
        return got

    def _answer(self, data: bytes) -> None:
        # If the peer is closing, what it sent before is still to be read.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send(data)

    def _note(self, got: Frame) -> None:
        if got.stream == 0 or got.kind not in (DATA, HEADERS, RST_STREAM):
            return
        reply = self.replies.setdefault(got.stream, Reply())
        if got.kind == DATA:
            reply.data += got.payload
        elif got.kind == HEADERS:
            assert got.flags & END_HEADERS, "long header blocks are not expected"
            reply.headers.append(hpack.decode(got.payload))
        else:
            reply.reset = got.error_code
        if got.kind == RST_STREAM or got.flags & END_STREAM:
            self.ended.add(got.stream)

    def wait_for(self, kind: int, stream: int = 0) -> Frame:
        """Reads until a frame of this kind on this stream; ACKs do not count."""
        while True:
            got = self.read()
            if (
                got.kind == kind
                and got.stream == stream
                and not (kind == SETTINGS and got.flags & ACK)
            ):
                return got

    def finish(self, stream: int) -> Reply:
        """Reads until the stream has ended."""
        while stream not in self.ended:
            self.read()
        return self.replies[stream]

    def drain(self) -> list[Frame]:
        """Every frame until the server closes the connection."""
        frames = []
        try:
            while True:
                frames.append(self.read())
        except (EOFError, ConnectionResetError):
            return frames

    def ping(self, payload: bytes = b"pingpong") -> None:
        """Returns when the server has answered a PING: everything before it was processed."""
        self.send(frame(PING, 0, 0, payload))
        while True:
            got = self.read()
            if got.kind == PING and got.flags & ACK and got.payload == payload:
                return


def grpc_headers(
    path: str, *extra: tuple[str, str | bytes], **replace: str | None
) -> list[tuple[str, str | bytes]]:
    """Request headers of a call. ``replace`` overrides (None: drops) the usual ones by their name,
    with ``_`` for ``-`` and without the colon of pseudo headers."""
    usual = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "test"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]
    out: list[tuple[str, str | bytes]] = []
    for name, value in usual:
        key = name.lstrip(":").replace("-", "_")
        chosen = replace.get(key, value)
        if chosen is not None:
            out.append((name, chosen))
    return out + list(extra)


def open_call(
    stream: int, path: str, *extra: tuple[str, str | bytes], **replace: str | None
) -> bytes:
    block = hpack.encode(grpc_headers(path, *extra, **replace))
    return frame(HEADERS, END_HEADERS, stream, block)


def body(stream: int, data: bytes) -> bytes:
    """DATA frames of the size that every peer takes, the last with END_STREAM."""
    cuts = range(0, max(len(data), 1), FRAME_SIZE)
    return b"".join(
        frame(DATA, END_STREAM * (at == cuts[-1]), stream, data[at : at + FRAME_SIZE])
        for at in cuts
    )


def unary(
    stream: int,
    path: str,
    payload: bytes = b"",
    *extra: tuple[str, str | bytes],
    **replace: str | None,
) -> bytes:
    """A whole unary call: HEADERS and DATA with END_STREAM."""
    return open_call(stream, path, *extra, **replace) + body(stream, message(payload))
