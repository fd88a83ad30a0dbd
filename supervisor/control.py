"""Operator socket: JSON lines on run_dir/control.sock, for the same user (or root) only.

One request per line, one answer per request: {"op": "status"} -> {"ok": true, ...} or
{"ok": false, "error": "..."}. The client side for commands is `ask`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Handler = Callable[[Mapping[str, Any]], dict[str, Any]]

MAX_REQUEST = 64 * 1024
#: An answer holds all models of all workers; more than this is not an answer of ours.
MAX_ANSWER = 64 << 20
_IDLE_SECONDS = 60.0


class ControlError(Exception):
    """The request was refused, or nobody answered."""


class ControlServer:
    """Serves one socket. Handlers are plain functions by name of the operation."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._server: asyncio.AbstractServer | None = None
        self._clients: set[asyncio.StreamWriter] = set()

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
            self._server = await asyncio.start_unix_server(
                self._serve, sock=sock, limit=MAX_REQUEST
            )
        except BaseException:
            sock.close()
            raise

    async def close(self) -> None:
        """No new requests; open connections end (a waiting `stop` command reads that as done)."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._clients):
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            if not _peer_allowed(writer.get_extra_info("socket")):
                return
            while line := await asyncio.wait_for(reader.readline(), _IDLE_SECONDS):
                writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, asyncio.TimeoutError):
            pass  # ValueError: a line over the limit
        finally:
            self._clients.discard(writer)
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            handler = self._handlers.get(request["op"])
            if handler is None:
                known = ", ".join(sorted(self._handlers))
                raise ControlError(f"unknown op {request['op']!r}; known: {known}")
            return {"ok": True, **handler(request)}
        except ControlError as error:
            return {"ok": False, "error": str(error)}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            return {"ok": False, "error": f"bad request: {type(error).__name__}: {error}"}


def _peer_allowed(sock: socket.socket) -> bool:
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return uid in (0, os.geteuid())


@contextlib.contextmanager
def connection(path: Path, seconds: float = 5.0) -> Any:
    """A client connection: `ask` function, usable until the block ends. Raises ControlError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(seconds)
        try:
            sock.connect(str(path))
        except OSError as error:
            raise ControlError(f"{path}: {error.strerror or error}") from error
        with sock.makefile("rb") as lines:
            yield lambda op, **args: _ask(sock, lines, op, args)


def _ask(sock: socket.socket, lines: Any, op: str, args: Mapping[str, Any]) -> dict[str, Any]:
    try:
        sock.sendall(json.dumps({"op": op, **args}).encode() + b"\n")
        line = lines.readline(MAX_ANSWER)
        answer = json.loads(line)
    except (OSError, ValueError) as error:
        raise ControlError(f"no answer from the supervisor ({error})") from error
    if not isinstance(answer, dict) or not answer.pop("ok", False):
        raise ControlError(str(answer.get("error", answer)))
    return answer


def ask(path: Path, op: str, **args: Any) -> dict[str, Any]:
    """One request on a connection of its own. Raises ControlError."""
    with connection(path) as request:
        answer: dict[str, Any] = request(op, **args)
        return answer
