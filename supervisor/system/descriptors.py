"""Open descriptors: which have something to read, and who inherits them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
from collections.abc import Iterable


def readable(fds: Iterable[int], seconds: float) -> list[int]:
    """Those of `fds` with something to read, or at their end, after at most `seconds`."""
    # poll, not select: a server with many connections has descriptors beyond 1023.
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    return [fd for fd, _ in poller.poll(seconds * 1000)]


def set_inheritable(fds: Iterable[int], inheritable: bool) -> None:
    """Whether programs that are executed from now on have them. Raises OSError."""
    for fd in fds:
        os.set_inheritable(fd, inheritable)


def keep_from_programs() -> None:
    """No program that is started from now on inherits any, but for the standard streams. With a
    listening socket it would hold the port and swallow connections after our death.
    """
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2:
            with contextlib.suppress(OSError):  # the listing's own descriptor is closed by now
                fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)


def silence(fd: int) -> None:
    """What is written to `fd` from now on is lost."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, fd)
    os.close(nowhere)
