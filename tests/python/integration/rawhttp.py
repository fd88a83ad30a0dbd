"""An HTTP/1.1 client that sends exactly the bytes it is given, and parses answers strictly.

For tests of what no well-behaved client library would send. One object is one connection; every
wait ends after ``TIMEOUT_S`` with an error, so that a silent server fails a test instead of
stopping it.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_S = 20.0
HOST = "127.0.0.1"


@dataclass
class Response:
    """One answer. ``headers`` are in wire order, names as received."""

    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, f"{name} is sent {len(found)} times"
        return found[0] if found else None

    def json(self) -> Any:
        return json.loads(self.body)

    def error(self) -> str:
        """The text of an error answer, which must be one object with the one member ``error``."""
        value = self.json()
        assert list(value) == ["error"], value
        assert isinstance(value["error"], str)
        return value["error"]


def request(
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Iterable[tuple[str, str]] = (),
    version: str = "HTTP/1.1",
) -> bytes:
    """The bytes of one request; Content-Length is added when there is a body."""
    lines = [f"{method} {target} {version}", "Host: test"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunked(pieces: Iterable[bytes], extension: str = "", trailers: str = "") -> bytes:
    """``pieces`` in the chunked coding, each chunk with ``extension``, then the trailer lines."""
    coded = b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension.encode(), p) for p in pieces)
    return coded + b"0" + extension.encode() + b"\r\n" + trailers.encode() + b"\r\n"


class RawHttp:
    """A connection to a port on the loopback interface."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> RawHttp:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Closes with RST: pending data of both sides is lost."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self) -> None:
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError(f"closed after {self._buffer!r}")
        self._buffer += piece

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _rest(self) -> bytes:
        try:
            while True:
                self._more()
        except (EOFError, ConnectionResetError):
            taken, self._buffer = self._buffer, b""
            return taken

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._line().split(b";")[0], 16):
            body += self._take(size)
            assert self._take(2) == b"\r\n"
        while self._line():
            pass
        return body

    def read(self, *, head_only: bool = False) -> Response:
        """The next response. ``head_only``: the request was a HEAD, or this is a 1xx."""
        version, status, reason = self._line().decode("latin-1").split(" ", 2)
        response = Response(version, int(status), reason)
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            response.headers.append((name, value.strip(" \t")))
        if head_only or response.status < 200:
            return response
        length = response.header("content-length")
        if response.header("transfer-encoding") is not None:
            assert (response.header("transfer-encoding"), length) == ("chunked", None)
            response.body = self._chunks()
        elif length is not None:
            response.body = self._take(int(length))
        else:
            response.body = self._rest()
        return response

    def at_end(self) -> bool:
        """True if the server closes without sending anything more."""
        return self._rest() == b""

    def roundtrip(self, data: bytes) -> Response:
        self.send(data)
        return self.read()


def call(
    port: int, method: str, target: str, body: bytes | None = None, *headers: tuple[str, str]
) -> Response:
    """One request on a connection of its own."""
    with RawHttp(port) as connection:
        return connection.roundtrip(request(method, target, body, headers))
