"""Listening sockets that a process has inherited or holds, and their end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable


def opened(fds: Iterable[int]) -> list[socket.socket]:
    """Those of `fds` that are sockets. They own their descriptors now."""
    found = []
    for fd in fds:
        with contextlib.suppress(OSError, ValueError):
            found.append(socket.socket(fileno=fd))
    return found


def refuse(sock: socket.socket) -> None:
    """New clients are refused from now on, in every process that has the socket. Idempotent."""
    with contextlib.suppress(OSError):  # it does not listen any more
        sock.shutdown(socket.SHUT_RD)
