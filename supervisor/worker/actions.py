"""What the worker's main loop is to do, said by other threads and by signals."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from ..system.signals import on_terminate
from ..system.wakeup import Wakeup

Action = Callable[[], None]


class Actions:
    """Made on the main thread, once per process: signals wake one loop only. `fileno()` is readable
    when there is something to `run`.
    """

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Action] = queue.SimpleQueue()
        self._wakeup = Wakeup()

    def fileno(self) -> int:
        return self._wakeup.fileno()

    def on_terminate(self, action: Action) -> None:
        """SIGTERM is `action`. SIGINT is nothing: our own session keeps the terminal's Ctrl-C away,
        so it can only have been sent by hand.
        """
        on_terminate(lambda: self._waiting.put(action), self._wakeup.signal_fd)

    def post(self, action: Action) -> None:
        """Run `action` on the main loop. From any thread."""
        self._waiting.put(action)
        self._wakeup.wake()

    def thread(self, work: Action) -> None:
        """Run `work` elsewhere; what comes of it is posted."""
        threading.Thread(target=work, daemon=True).start()

    def run(self) -> None:
        """All that waits now. Main thread only."""
        self._wakeup.clear()
        while not self._waiting.empty():
            self._waiting.get()()
