"""Messages that must arrive although a channel can be full for a moment: in order, tried again.

Loop thread only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .control_calls import Call

#: Seconds before a message that did not fit is tried again.
RETRY = 0.02

#: Takes op, descriptors and arguments; False for what does not fit now.
Send = Callable[[str, Sequence[int], Mapping[str, Any]], bool]


class Outbox:
    """What waits holds its calls, and so the descriptors that go with them."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: deque[tuple[str, Call | None, Mapping[str, Any]]] = deque()

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def put(self, op: str, args: Mapping[str, Any], call: Call | None = None) -> bool:
        """Send now if nothing waits, else behind it. False if something waits afterwards."""
        self._waiting.append((op, call, args))
        return self.flush()

    def flush(self) -> bool:
        """Send what can be sent. False if something still waits."""
        while self._waiting:
            op, call, args = self._waiting[0]
            if not self._send(op, call.fds if call else (), args):
                return False
            self._waiting.popleft()
        return True

    def clear(self) -> None:
        self._waiting.clear()
