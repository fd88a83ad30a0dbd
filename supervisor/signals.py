"""Signals of the supervisor: handlers only enqueue, the loop acts.

SIGTERM, SIGINT and SIGHUP (the terminal closed) ask for a clean stop. SIGPIPE stays ignored, as
Python sets it, so a closed output does not end the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def stop_signals() -> Iterator[asyncio.Queue[int]]:
    """A queue of the stop signals that arrive while the block runs. Main thread only."""
    loop = asyncio.get_running_loop()
    received: asyncio.Queue[int] = asyncio.Queue()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, received.put_nowait, int(number))
    try:
        yield received
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
