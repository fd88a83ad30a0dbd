"""What the worker's main loop is to do, said by other threads and by signals."""

from __future__ import annotations

import contextlib
import queue
import signal
import socket
import threading
from collections.abc import Callable

Action = Callable[[], None]


class Actions:
    """Made on the main thread, once per process: signals wake one loop only. `fileno()` is readable
    when there is something to `run`.
    """

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Action] = queue.SimpleQueue()
        self._wake_read, self._wake_write = socket.socketpair()
        for sock in (self._wake_read, self._wake_write):
            sock.setblocking(False)

    def fileno(self) -> int:
        return self._wake_read.fileno()

    def on_terminate(self, action: Action) -> None:
        """SIGTERM is `action`. SIGINT is nothing: our own session keeps the terminal's Ctrl-C away,
        so it can only have been sent by hand.
        """
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: self._waiting.put(action))

    def post(self, action: Action) -> None:
        """Run `action` on the main loop. From any thread."""
        self._waiting.put(action)
        with contextlib.suppress(OSError):  # full: it is awake
            self._wake_write.send(b"x")

    def thread(self, work: Action) -> None:
        """Run `work` elsewhere; what comes of it is posted."""
        threading.Thread(target=work, daemon=True).start()

    def run(self) -> None:
        """All that waits now. Main thread only."""
        with contextlib.suppress(BlockingIOError):
            self._wake_read.recv(4096)
        while not self._waiting.empty():
            self._waiting.get()()
