"""Tell the service manager how we are: the protocol of sd_notify(3), without its library.

Nothing is sent unless NOTIFY_SOCKET names a socket (systemd with Type=notify, or a container
runtime). Sending never blocks and never fails the service. The variables are taken out of our
environment, so that no worker can speak for us.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, MutableMapping

#: Twice within the manager's limit, as sd_watchdog_enabled(3) recommends.
_BEATS_PER_LIMIT = 2
_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier:
    """One connection to the manager. Every method does nothing if there is none."""

    def __init__(self, address: str = "", watchdog_seconds: float = 0.0) -> None:
        """`address` is a path, or "@" and an abstract name. A watchdog of 0 wants no beats."""
        self.watchdog_seconds = watchdog_seconds
        self.address = address
        self._last = ""
        self._told_ready = False
        self._socket: socket.socket | None = None
        if address[:1] not in ("/", "@"):
            return
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        try:
            self._socket.connect("\0" + address[1:] if address[0] == "@" else address)
        except OSError:
            self.close()

    @classmethod
    def take(cls, environ: MutableMapping[str, str], pid: int) -> Notifier:
        """From the environment that the manager gave to process `pid`, which loses it."""
        address, usec, owner = (environ.pop(name, "") for name in _VARIABLES)
        seconds = int(usec) / 1e6 if usec.isascii() and usec.isdigit() else 0.0
        return cls(address, seconds if owner in ("", str(pid)) else 0.0)

    def ready(self) -> None:
        """Service starts that wait for us go on."""
        self._told_ready = True
        self._send("READY=1")

    def reloading(self) -> None:
        """Nothing stops, and `ready` follows: another version of the program takes over."""
        if not self._told_ready:  # a start is not over before that
            return
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        if self.watchdog_seconds:
            self.beat()

    def stayed(self) -> None:
        """After `reloading`: nothing has changed."""
        if self._told_ready:
            self.ready()

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for people, sent when it has changed."""
        if text != self._last:
            self._last = text
            self._send("STATUS=" + text.replace("\n", " "))

    def beat(self) -> None:
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Idempotent."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _send(self, text: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the manager is busy or gone
                self._socket.send(text.encode())

    async def run(self, ready: Callable[[], bool], line: Callable[[], str]) -> None:
        """Until cancelled: READY once `ready` says so, STATUS lines, and beats from this very loop,
        so that a supervisor whose loop is stuck is restarted.
        """
        wait = min(1.0, self.watchdog_seconds / _BEATS_PER_LIMIT or 1.0)
        while self._socket is not None:
            if not self._told_ready and ready():
                self.ready()
            self.status(line())
            if self.watchdog_seconds:
                self.beat()
            await asyncio.sleep(wait)


def of_this_process() -> Notifier:
    return Notifier.take(os.environ, os.getpid())
