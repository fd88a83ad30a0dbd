"""Operator socket: JSON lines on run_dir/control.sock, for the same user (or root) only.

One request per line: {"op": "status"} -> {"ok": true, ...} or {"ok": false, "error": "..."}. An
operation that follows something answers with one such line after another until either side closes.
A client that does not read holds up nobody but itself. Clients of ours are in `client.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Union

Answered = Union[dict[str, Any], AsyncIterator[dict[str, Any]]]  # noqa: UP007 (evaluated in 3.10)
Handler = Callable[[Mapping[str, Any]], Answered]

MAX_REQUEST = 64 * 1024
#: Operators, dashboards and probes; a leak of connections must not take our descriptors.
MAX_CLIENTS = 64
_IDLE_SECONDS = 60.0


class ControlError(Exception):
    """The request was refused, or nobody answered."""


class ControlServer:
    """Serves one socket. Handlers are plain functions by name of the operation."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def resume(self, fd: int) -> None:
        """Serve a socket that is bound already."""
        await self._listen(socket.socket(fileno=fd))

    def duplicate(self) -> int:
        """The listening socket once more, for `resume` after `close`. Raises OSError."""
        if self._server is None:
            raise OSError("the control socket is not served")
        return self._server.sockets[0].dup().detach()

    async def start(self) -> None:
        """Bind. Raises OSError."""
        self._path.unlink(missing_ok=True)  # we hold the directory's lock: it is a stale one
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            old = os.umask(0o177)
            try:
                sock.bind(str(self._path))
            finally:
                os.umask(old)
            sock.listen(MAX_CLIENTS)
            await self._listen(sock)
        except BaseException:
            sock.close()
            raise

    async def _listen(self, sock: socket.socket) -> None:
        # The path goes when the run directory does; 3.13 would remove it with the server.
        kept: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
        self._server = await asyncio.start_unix_server(
            self._serve, sock=sock, limit=MAX_REQUEST, **kept
        )

    async def close(self) -> None:
        """No new requests; open connections end (a waiting `stop` command reads that as done)."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._clients):
            if writer.transport.get_write_buffer_size():  # it does not read: nothing to wait for
                writer.transport.abort()
            else:
                writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            if not peer_allowed(writer.get_extra_info("socket")):
                return
            if len(self._clients) > MAX_CLIENTS:
                await _send(writer, _refusal(f"more than {MAX_CLIENTS} clients"))
                return
            while line := await asyncio.wait_for(reader.readline(), _IDLE_SECONDS):
                answer = self._answer(line)
                if not isinstance(answer, dict):
                    await _stream(reader, writer, answer)
                    return
                await asyncio.wait_for(_send(writer, answer), _IDLE_SECONDS)
        except (OSError, ValueError, asyncio.TimeoutError):
            pass  # ValueError: a line over the limit
        finally:
            self._clients.discard(writer)
            if writer.transport.get_write_buffer_size():
                writer.transport.abort()
            writer.close()

    def _answer(self, line: bytes) -> Answered:
        try:
            request = json.loads(line)
            handler = self._handlers.get(request["op"])
            if handler is None:
                known = ", ".join(sorted(self._handlers))
                raise ControlError(f"unknown op {request['op']!r}; known: {known}")
            answer = handler(request)
            return {"ok": True, **answer} if isinstance(answer, dict) else answer
        except ControlError as error:
            return _refusal(str(error))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            return _refusal(f"bad request: {type(error).__name__}: {error}")


def _refusal(text: str) -> dict[str, Any]:
    return {"ok": False, "error": text}


async def _send(writer: asyncio.StreamWriter, answer: Mapping[str, Any]) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()


async def _stream(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parts: AsyncIterator[dict[str, Any]]
) -> None:
    """Send part after part until the client closes; what it sends meanwhile is not read as more
    requests. A client that stops reading stops its own parts.
    """

    async def feed() -> None:
        async for part in parts:
            await _send(writer, {"ok": True, **part})

    feeding = asyncio.ensure_future(feed())
    ending = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({feeding, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (feeding, ending):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await task


def peer_allowed(sock: socket.socket) -> bool:
    """Is the other end a process of our user, or of root?"""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return uid in (0, os.geteuid())
