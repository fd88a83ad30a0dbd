"""A minimal HTTP/1.1 server for GET: the supervisor's metrics and group health. asyncio.

Hostile input costs a bounded amount: the head is limited in size and time, connections in number,
bodies are not read at all (a request that announces one is answered and closed). Nobody can keep a
scraper or a probe out by holding connections: the one that has waited for longest makes room.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

Handler = Callable[[], Awaitable["Answer"]]

MAX_HEAD = 8192
#: A scraper sends its head at once; after an answer it may keep the connection for a while.
HEAD_SECONDS = 10.0
IDLE_SECONDS = 75.0
_WRITE_SECONDS = 10.0

_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Answer:
    """Status, body and content type."""

    status: int
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"


class HttpServer:
    """Serves fixed paths on one listening socket, which stays the caller's."""

    def __init__(self, routes: Mapping[str, Handler], max_connections: int) -> None:
        self._routes = routes
        self._max_connections = max_connections
        self._server: asyncio.AbstractServer | None = None
        #: Since when each has waited for a request (loop time); None while one is answered.
        self._writers: dict[asyncio.StreamWriter, float | None] = {}

    async def start(self, sock: socket.socket) -> None:
        # asyncio closes what it is given; the caller keeps the original.
        self._server = await asyncio.start_server(self._serve, sock=sock.dup(), limit=MAX_HEAD)

    async def finish(self, seconds: float) -> None:
        """Take no more connections, and end those that there are when they are answered."""
        if self._server is not None:
            self._server.close()
        deadline = _now() + seconds
        while self._answering and _now() < deadline:
            await asyncio.sleep(0.01)
        await self.close()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._make_room():
            writer.close()
            return
        self._writers[writer] = _now()
        try:
            limit = HEAD_SECONDS
            while await self._one(reader, writer, limit):
                limit = IDLE_SECONDS
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.pop(writer, None)
            writer.close()

    @property
    def _answering(self) -> bool:
        return None in self._writers.values()

    def _make_room(self) -> bool:
        """For one more connection. False if all that there are have a request in hand."""
        if len(self._writers) < self._max_connections:
            return True
        waiting = [(since, each) for each, since in self._writers.items() if since is not None]
        if not waiting:
            return False
        _, longest = min(waiting, key=lambda pair: pair[0])
        del self._writers[longest]
        longest.close()
        return True

    async def _one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
    ) -> bool:
        """One request. False when the connection ends."""
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), seconds)
        except asyncio.LimitOverrunError:
            await _write(
                writer, Answer(431, "the request's head exceeds 8192 bytes\n"), True, False
            )
            return False
        request = _parse(head)
        if request is None:
            await _write(writer, Answer(400, "not an HTTP/1.x request\n"), True, False)
            return False
        method, path, keep = request
        self._writers[writer] = None
        await _write(writer, await self._answer(method, path), method != "HEAD", keep)
        self._writers[writer] = _now()
        return keep

    async def _answer(self, method: str, path: str) -> Answer:
        handler = self._routes.get(path.partition("?")[0])
        if handler is None:
            known = ", ".join(self._routes)
            return Answer(404, f"unknown path; known: {known}\n")
        if method not in ("GET", "HEAD"):
            return Answer(405, "only GET and HEAD\n")
        try:
            return await handler()
        except Exception as error:  # a bug; the loop's handler prints where it is
            context = {"message": f"GET {path} failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            return Answer(500, "internal error, see the log\n")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _parse(head: bytes) -> tuple[str, str, bool] | None:
    """(method, path, keep the connection), or None if it is no request."""
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0") or not words[1].startswith("/"):
        return None
    headers: dict[str, str] = {}
    for line in lines[1:]:
        if not line:
            continue
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            return None
        headers[name.lower()] = value.strip().lower()
    body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    connection = headers.get("connection", "")
    keep = connection != "close" if words[2] == "HTTP/1.1" else connection == "keep-alive"
    return words[0], words[1], keep and not body


async def _write(writer: asyncio.StreamWriter, answer: Answer, body: bool, keep: bool) -> None:
    data = answer.body.encode()
    allow = "Allow: GET, HEAD\r\n" if answer.status == 405 else ""
    head = (
        f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(data)}\r\n{allow}"
        f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    )
    writer.write(head.encode("latin-1") + (data if body else b""))
    await asyncio.wait_for(writer.drain(), _WRITE_SECONDS)
