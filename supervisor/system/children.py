"""Children of this process by their pids: watched, told to end, looked at, but never collected.

A child keeps its pid until it is collected, so nobody else can be meant by it.
"""

from __future__ import annotations

import contextlib
import os
import signal


def watch(pid: int) -> int:
    """A pidfd, the caller's to close: readable when the child has ended. OSError if it is gone."""
    return os.pidfd_open(pid)


def terminate(pid: int) -> None:
    """SIGTERM. Raises OSError."""
    os.kill(pid, signal.SIGTERM)


def return_code(pid: int) -> int | None:
    """How a child has ended (negative = signal). None while it runs, and once it is collected."""
    try:
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if result is None:
        return None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


def words(code: int) -> str:
    """A `return_code` as a person reads it."""
    if code >= 0:
        return f"exited with code {code}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
