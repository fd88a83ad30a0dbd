"""Signals of the supervisor: handlers only enqueue, the loop acts.

SIGTERM, SIGINT and SIGHUP (the terminal closed) ask for a clean stop. SIGPIPE stays ignored, as
Python sets it, so a closed output does not end the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Exit code of a command that Ctrl-C has ended, as shells know it.
INTERRUPTED = 128 + signal.SIGINT


def hold_stop_signals() -> None:
    """They wait, for this thread. Every thread but the main one calls this, so that what the main
    thread holds is held for the process: it then survives even an execve.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def take_stop_signals() -> None:
    """End of `hold_stop_signals`: what waits arrives now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


@contextlib.contextmanager
def stop_signals() -> Iterator[asyncio.Queue[int]]:
    """A queue of the stop signals that arrive while the block runs. Main thread only."""
    loop = asyncio.get_running_loop()
    received: asyncio.Queue[int] = asyncio.Queue()
    # nohup starts us with SIGHUP ignored: that is a wish to survive the terminal.
    wanted = [n for n in STOP_SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
    for number in wanted:
        loop.add_signal_handler(number, received.put_nowait, int(number))
    take_stop_signals()  # held by a predecessor before an upgrade
    try:
        yield received
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)


def on_terminate(enqueue: Callable[[], None], wakeup_fd: int) -> None:
    """For a process without an event loop: SIGTERM calls `enqueue` and makes `wakeup_fd` (which
    must not block) readable at its other end; SIGINT is ignored. Main thread only.
    """
    signal.set_wakeup_fd(wakeup_fd, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: enqueue())
