"""The worker processes of a slot besides the one that counts: a successor that loads, and workers
that leave. Loop thread only; owned by the slot.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine

from .generation import Generation
from .report import SlotReport
from .spec import ServeOptions
from .successor import Leaver, Replay, Successor
from .tasks import Pulse


class Turnover:
    """At most one successor at a time, and none while a worker still leaves: models are in memory
    twice at most.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        leaked: Callable[[], None],
        guard: Callable[[Coroutine[object, object, None]], Coroutine[object, object, None]],
    ) -> None:
        """`changed`: the set of processes; `leaked`: something survived; `guard` reports bugs."""
        self._changed = changed
        self._leaked = leaked
        self._guard = guard
        self._successor: Successor | None = None
        self._decision = Pulse()
        self._leavers: set[Leaver] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        return self._successor is not None or bool(self._leavers)

    @property
    def loading(self) -> bool:
        """Is there a successor of which nobody knows yet whether it will serve?"""
        return self._successor is not None

    async def decided(self) -> None:
        """Until that is known."""
        while self._successor is not None:
            await self._decision.wait()

    @property
    def processes(self) -> list[Generation]:
        loading = self._successor.generation if self._successor else None
        found = [loading, *(leaver.generation for leaver in self._leavers)]
        return [each for each in found if each is not None]

    async def replace(
        self,
        options: ServeOptions,
        report: SlotReport,
        start: Callable[[Successor], Generation],
        promote: Callable[[Successor, Generation], Awaitable[str]],
        replay: Replay,
    ) -> str:
        """Load a successor; `promote` makes it the one that counts, or says why not. "" or why."""
        successor = Successor(options, report, time.monotonic, replay)
        self._successor = successor
        why = "gave up its start"
        try:
            why = await self._try(successor, start, promote)
            return why
        finally:
            self._successor = None
            self._decision.pulse()
            if why and successor.generation is not None:
                self.see_off(successor.generation, options, kill=why)

    async def _try(
        self,
        successor: Successor,
        start: Callable[[Successor], Generation],
        promote: Callable[[Successor, Generation], Awaitable[str]],
    ) -> str:
        try:
            made = start(successor)
        except OSError as error:
            return f"cannot start a worker process: {error}"
        successor.started(made)
        self._changed()
        return await successor.ready() or await promote(successor, made)

    def see_off(self, generation: Generation, options: ServeOptions, kill: str = "") -> None:
        """End a worker in the background: drained, or killed for the reason `kill`."""
        leaver = Leaver(generation, options)
        self._leavers.add(leaver)

        async def work() -> None:
            if not await (leaver.kill(kill) if kill else leaver.leave()):
                self._leaked()
            self._leavers.discard(leaver)
            self._changed()

        task = asyncio.get_running_loop().create_task(self._guard(work()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self, reason: str, *, immediate: bool) -> None:
        """The slot is emptied: no successor any more; who leaves may finish unless `immediate`."""
        if self._successor is not None:
            self._successor.end(reason)
        if immediate:
            for leaver in self._leavers:
                leaver.hurry(reason)

    async def settled(self) -> None:
        """Until nobody leaves any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)
