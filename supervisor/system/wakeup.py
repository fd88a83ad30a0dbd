"""Wakes a loop that waits for descriptors, from other threads and from signals."""

from __future__ import annotations

import contextlib
import socket


class Wakeup:
    """`fileno()` is readable from `wake` until `clear`. Writing to `signal_fd` wakes as well."""

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        for sock in (self._read, self._write):
            sock.setblocking(False)

    def fileno(self) -> int:
        return self._read.fileno()

    @property
    def signal_fd(self) -> int:
        return self._write.fileno()

    def wake(self) -> None:
        """From any thread. Never waits."""
        with contextlib.suppress(OSError):  # full: it is awake
            self._write.send(b"x")

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._read.recv(4096)
