"""What a process arranges for itself: whom it outlives, where it runs, what it becomes, its end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Collection, Sequence
from typing import NoReturn

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Orphaned helpers of a dead worker become our children, so we can reap them."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # fails only before Linux 3.4


def follow_parent(parent: int) -> bool:
    """SIGTERM when the supervisor dies. False if it died before we could ask for that."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent


def allowed_cpus() -> set[int]:
    """Where this process may run."""
    return os.sched_getaffinity(0)


def run_on(cpus: Collection[int]) -> None:
    """Only there, from now on; anywhere without any. Threads and programs started later inherit it,
    so call it before there are any.
    """
    if cpus:
        with contextlib.suppress(OSError):  # our cpuset has changed since: anywhere, then
            os.sched_setaffinity(0, cpus)


def become(command: Sequence[str]) -> NoReturn:
    """Execute another program in this process: same pid, children and inheritable descriptors.

    Raises OSError, and then nothing has changed.
    """
    os.execve(command[0], list(command), os.environ)


def leave(code: int) -> NoReturn:
    """End at once, from any thread: no finalizer runs, and no thread is waited for."""
    os._exit(code)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
