"""A network of its own whose round trip takes as long as wanted: two tun devices, and a thread that
carries packets between them. Needs root and /dev/net/tun; a queueing discipline that delays is not
in every kernel.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_CLONE_NEWNET = 0x40000000
_MTU = 1500
#: For documentation (RFC 5737); a machine that has them all the same is left alone.
_NET = "203.0.113."
HERE, THERE = f"{_NET}1", f"{_NET}2"


class DelayedNetwork:
    """The test's processes are `HERE`; a thread that called `enter` is `THERE`. Raises OSError."""

    def __init__(self, round_trip: float) -> None:
        """`round_trip` in seconds."""
        if _NET in _ip("addr") + _ip("route"):
            raise OSError(f"{_NET}0/24 is in use")
        self._name = f"tfe{os.getpid()}"
        self._delay = round_trip / 2
        self._done = threading.Event()
        with contextlib.ExitStack() as stack:
            ours = _open_tun(f"{self._name}a")
            stack.callback(os.close, ours)
            theirs = _open_tun(f"{self._name}b")
            stack.callback(os.close, theirs)
            self._set_up(stack)
            self._carrier = threading.Thread(target=self._carry, args=(ours, theirs), daemon=True)
            self._carrier.start()
            self._stack = stack.pop_all()

    def _set_up(self, stack: contextlib.ExitStack) -> None:
        _ip("netns", "add", self._name)
        stack.callback(_ip, "netns", "del", self._name)
        _ip("link", "set", f"{self._name}b", "netns", self._name)
        _ip("addr", "add", HERE, "peer", THERE, "dev", f"{self._name}a")
        _ip("link", "set", f"{self._name}a", "up")
        _ip("-n", self._name, "addr", "add", THERE, "peer", HERE, "dev", f"{self._name}b")
        _ip("-n", self._name, "link", "set", f"{self._name}b", "up")

    def enter(self) -> None:
        """From now on the sockets of the calling thread are made on the far side."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/run/netns", self._name).open() as file:
            if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def close(self) -> None:
        self._done.set()
        self._carrier.join()
        self._stack.close()

    def _carry(self, ours: int, theirs: int) -> None:
        other = {ours: theirs, theirs: ours}
        under_way: deque[tuple[float, int, bytes]] = (
            deque()
        )  # one delay for all: first in, first out
        while not self._done.is_set():
            wait = min(0.1, max(0.0, under_way[0][0] - time.monotonic())) if under_way else 0.1
            for fd in select.select([ours, theirs], [], [], wait)[0]:
                under_way.append((time.monotonic() + self._delay, other[fd], os.read(fd, _MTU)))
            while under_way and under_way[0][0] <= time.monotonic():
                _, fd, packet = under_way.popleft()
                with contextlib.suppress(OSError):
                    os.write(fd, packet)


def _open_tun(name: str) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError:
        os.close(fd)
        raise
    return fd


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def delayed_network(round_trip: float) -> Iterator[DelayedNetwork]:
    network = DelayedNetwork(round_trip)
    try:
        yield network
    finally:
        network.close()
