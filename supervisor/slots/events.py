"""What happens to one slot, in its order, and the job that its state has under way.

Anything on the loop thread may post; only the slot's task takes. A job tells its outcome as an
event. An exception in one is a bug: it is raised where events are taken, which ends the group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from .state import Event

#: Begun by its task: a task that is cancelled before its first turn leaves nothing unawaited.
Work = Callable[[], Coroutine[Any, Any, None]]
Guard = Callable[[Work], Coroutine[Any, Any, None]]


class SlotEvents:
    """The queue of a slot, and the task of its job."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[Event, str] | Exception] = asyncio.Queue()
        self._job: asyncio.Task[None] | None = None

    def post(self, event: Event, reason: str = "") -> None:
        self._queue.put_nowait((event, reason))

    @property
    def empty(self) -> bool:
        return self._queue.empty()

    async def take(self, seconds: float | None) -> tuple[Event, str] | None:
        """The next event and its reason; None if there is none within `seconds` (None: for ever).

        Raises what guarded work raised.
        """
        try:
            item = await asyncio.wait_for(self._queue.get(), seconds)
        except asyncio.TimeoutError:
            return None
        if isinstance(item, Exception):
            raise item
        return item

    def start_job(self, work: Work) -> None:
        self._job = asyncio.get_running_loop().create_task(self.guard(work))

    def stop_job(self) -> None:
        if self._job is not None:
            self._job.cancel()

    async def guard(self, work: Work) -> None:
        """Do it; `take` raises what goes wrong in it."""
        try:
            await work()
        except Exception as error:
            self._queue.put_nowait(error)
