"""Client side of the operator socket, for commands. Blocking."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .server import ControlError

#: An answer holds all models of all workers; more than this is not an answer of ours.
MAX_ANSWER = 64 << 20


class Unreachable(ControlError):
    """Nobody took the request."""


class NoAnswer(ControlError):
    """The request was sent; whether anything came of it is not known."""


class ConnectionEnded(NoAnswer):
    """The supervisor closed before it answered: it ends, or becomes another one (`upgrade`)."""


@contextlib.contextmanager
def connection(path: Path, seconds: float = 5.0) -> Any:
    """A connection: `ask` function, usable until the block ends. Raises ControlError."""
    with _connected(path, seconds) as (sock, lines):

        def request(op: str, **args: Any) -> dict[str, Any]:
            _send(sock, op, args)
            return _receive(lines)

        yield request


def ask(path: Path, op: str, **args: Any) -> dict[str, Any]:
    """One request on a connection of its own. Raises ControlError."""
    with connection(path) as request:
        answer: dict[str, Any] = request(op, **args)
        return answer


def follow(path: Path, op: str, **args: Any) -> Iterator[dict[str, Any]]:
    """Answers of an operation that follows something, until the supervisor ends.

    Raises ControlError if it refuses or cannot be reached.
    """
    with _connected(path, 5.0) as (sock, lines):
        _send(sock, op, args)
        sock.settimeout(None)
        while True:
            try:
                line = lines.readline(MAX_ANSWER)
            except OSError:
                return
            if not line:
                return
            yield _decoded(line)


@contextlib.contextmanager
def _connected(path: Path, seconds: float) -> Any:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(seconds)
        try:
            sock.connect(str(path))
        except OSError as error:
            raise Unreachable(f"{path}: {error.strerror or error}") from error
        with sock.makefile("rb") as lines:
            yield sock, lines


def _send(sock: socket.socket, op: str, args: Mapping[str, Any]) -> None:
    try:
        sock.sendall(json.dumps({"op": op, **args}).encode() + b"\n")
    except OSError as error:
        raise Unreachable(f"the supervisor takes no request ({error})") from error


def _receive(lines: Any) -> dict[str, Any]:
    try:
        line = lines.readline(MAX_ANSWER)
    except ConnectionResetError:
        line = b""
    except OSError as error:
        raise NoAnswer(f"no answer from the supervisor ({error})") from error
    if not line:
        raise ConnectionEnded("no answer from the supervisor (it closed the connection)")
    return _decoded(line)


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise ControlError(f"no answer from the supervisor ({error})") from error
    if not isinstance(answer, dict) or not answer.pop("ok", False):
        raise ControlError(str(answer.get("error", answer) if isinstance(answer, dict) else answer))
    return answer
