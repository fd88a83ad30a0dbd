"""Tells a client that nobody can serve it: 503 with Retry-After where HTTP is spoken in clear text,
a closed connection elsewhere (a gRPC client reports UNAVAILABLE and tries again). Loop thread only.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass

#: A client that has been answered gets this long to close first: closing while its request arrives
#: would reset the connection and could take the answer from it.
_LINGER = 1.0
#: Answers under way. Further clients are closed at once, or a flood of them would use up the
#: descriptors that the supervisor needs for its workers.
_MAX_LINGERING = 256
_BODY = b'{"error":"no worker is ready, try again later"}\n'


@dataclass(frozen=True)
class RefusalState:
    """Of one port: clients told so far, and connections of those that still read it."""

    total: int
    lingering: list[int]


class Refusal:
    """Of one port. `http`: whether a plain HTTP answer would be understood."""

    def __init__(self, http: bool, retry_after: Callable[[], int]) -> None:
        """`retry_after()`: seconds until it may be worth to try again."""
        self.total = 0
        self._http = http
        self._retry_after = retry_after
        self._lingering: dict[socket.socket, asyncio.TimerHandle] = {}

    def refuse(self, fd: int) -> None:
        """Answer and close a connection. Takes the descriptor."""
        self.total += 1
        client = socket.socket(fileno=fd)
        client.setblocking(False)
        if not self._http or len(self._lingering) >= _MAX_LINGERING:
            client.close()
            return
        try:
            client.send(self._answer())  # fits: nothing else is in its send buffer
            client.shutdown(socket.SHUT_WR)
        except OSError:
            client.close()
            return
        self._linger(client)

    def saved(self) -> RefusalState:
        """For `resume`. The connections stay ours."""
        return RefusalState(self.total, [client.fileno() for client in self._lingering])

    def resume(self, state: RefusalState) -> None:
        """Go on where another supervisor stopped."""
        self.total = state.total
        for fd in state.lingering:
            self._linger(socket.socket(fileno=fd))

    def _linger(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._lingering[client] = loop.call_later(_LINGER, self._end, client)
        loop.add_reader(client, self._discard, client)

    def close(self) -> None:
        """Wait for no client any more. Idempotent."""
        for client in list(self._lingering):
            self._end(client)

    def _answer(self) -> bytes:
        head = (
            "HTTP/1.1 503 Service Unavailable\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(_BODY)}\r\n"
            f"Retry-After: {max(1, self._retry_after())}\r\n"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + _BODY

    def _discard(self, client: socket.socket) -> None:
        try:
            data = client.recv(65536)
        except BlockingIOError:
            return
        except OSError:  # it was reset
            data = b""
        if not data:
            self._end(client)

    def _end(self, client: socket.socket) -> None:
        timer = self._lingering.pop(client, None)
        if timer is None:
            return
        timer.cancel()
        asyncio.get_running_loop().remove_reader(client)
        client.close()
