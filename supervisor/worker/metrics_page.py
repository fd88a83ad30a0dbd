"""A worker's answer to METRICS: the core's page in a memory file, since it may exceed a packet.

Main loop of the worker only; the page is made on a thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from ..protocol.channel import Channel
from ..system.memory_file import written


class MetricsPage:
    """A page that cannot be made or sent is left out: the supervisor keeps the last one."""

    def __init__(
        self,
        page: Callable[[], str],
        channel: Channel,
        thread: Callable[[Callable[[], None]], None],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        """`thread` runs something elsewhere, `post` on the main loop."""
        self._page = page
        self._channel = channel
        self._thread = thread
        self._post = post
        self._busy = False

    def begin(self, seq: int) -> None:
        """Make the page and send it, unless the last one is still being made."""
        if self._busy:
            return
        self._busy = True

        def work() -> None:
            text = ""
            with contextlib.suppress(Exception):
                text = self._page()
            self._post(lambda: self._send(seq, text))

        self._thread(work)

    def _send(self, seq: int, text: str) -> None:
        self._busy = False
        if not text:
            return
        with contextlib.suppress(OSError):  # out of descriptors
            file = written("metrics", text.encode())
            self._channel.send("METRICS", fds=[file.fd], seq=seq)
