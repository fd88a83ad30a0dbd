"""Replace workers one at a time while the group serves: reloads, and workers that grew or aged.

Strategy "surge" starts the successor beside the running worker; nothing is lost, not even capacity,
but the models are in memory twice. "stop-start" drains first, and so needs another worker to serve
meanwhile. A successor that does not come up ends the whole change: slots that have changed already
go back to the old configuration. Loop thread only; one change at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum

from ..options.spec import ServeOptions
from ..slots.slot import Slot
from ..slots.state import LOADED, SERVING, State


class Strategy(str, Enum):
    """How one worker is replaced."""

    SURGE = "surge"
    STOP_START = "stop-start"

    def __str__(self) -> str:
        return self.value


#: A successor needs what its predecessor had at its most, and some room to breathe.
_HEADROOM = 1.1


def choose(wanted: str, uses_gpu: bool, free: int | None, peak: int | None) -> Strategy:
    """`--reload-strategy` for one slot. `free` and `peak` are bytes of GPU memory, None if unknown.

    "auto" surges on CPUs, and on a GPU that is known to have room for the models twice.
    """
    if wanted != "auto":
        return Strategy(wanted)
    if not uses_gpu:
        return Strategy.SURGE
    fits = free is not None and peak is not None and free >= peak * _HEADROOM
    return Strategy.SURGE if fits else Strategy.STOP_START


def obstacle(strategy: Strategy, others_serving: int, min_ready: int) -> str:
    """Why this slot cannot be replaced now; "" if it can."""
    if strategy is Strategy.SURGE or others_serving >= min_ready:
        return ""
    return (
        f"stop-start would leave {others_serving} serving workers, --min-ready is {min_ready}; "
        "use --reload-strategy=surge if the memory allows it"
    )


class Roller:
    """Carries out one change of all slots, or the replacement of one."""

    def __init__(
        self,
        slots: Sequence[Slot],
        strategy: Callable[[Slot, ServeOptions], Strategy],
    ) -> None:
        """`strategy`: for a slot, by the options that are to come."""
        self._slots = slots
        self._strategy = strategy
        self._lock = asyncio.Lock()

    @property
    def busy(self) -> bool:
        return self._lock.locked()

    async def renew(self, slot: Slot, options: ServeOptions, reason: str) -> str:
        """A fresh worker with `options` in one slot. "" or why it did not come up."""
        async with self._lock:
            return await self._replace(slot, options, reason)

    async def change(self, old: ServeOptions, new: ServeOptions, reason: str) -> str:
        """Bring every slot from `old` to `new`. "" or why everything is as before."""
        async with self._lock:
            changed: list[Slot] = []
            for slot in self._slots:
                if slot.state not in LOADED:
                    _use(slot, new, reason)
                    changed.append(slot)
                    continue
                why = await self._replace(slot, new, reason)
                if why:
                    await self._take_back(changed, old)
                    return f"w{slot.index}: {why}"
                changed.append(slot)
            return ""

    async def _take_back(self, changed: Sequence[Slot], old: ServeOptions) -> None:
        for slot in changed:
            if slot.state in LOADED:
                await slot.turnover.settled()
                await self._replace(slot, old, "back to the old configuration")
            _use(slot, old, "back to the old configuration")

    async def _replace(self, slot: Slot, options: ServeOptions, reason: str) -> str:
        strategy = self._strategy(slot, options)
        others = sum(each.state in SERVING for each in self._slots if each is not slot)
        if why := obstacle(strategy, others, options.min_ready):
            return why
        if strategy is Strategy.SURGE:
            why = await slot.turnover.replace(options, reason)
            await slot.turnover.settled()  # models are in memory twice at most
            return why
        return await _stop_start(slot, options, reason)


def _use(slot: Slot, options: ServeOptions, reason: str) -> None:
    """The next worker starts with `options`; one that loads with others serves nobody yet."""
    if slot.state in (State.SPAWNING, State.LOADING) and slot.wanted:
        slot.restart(reason)
    slot.use(options)


async def _bring_back(slot: Slot) -> None:
    """With the options that worked before. Returns when it serves, or fails with them too."""
    before = slot.report.generation
    slot.start("back to the old configuration")
    final = (State.BACKOFF, State.FAILED, State.DISABLED)
    while not (slot.report.generation > before and slot.state in (*SERVING, *final)):
        await slot.changed.wait()


async def _stop_start(slot: Slot, options: ServeOptions, reason: str) -> str:
    """Drain, then the successor. If that fails the slot gets the old options back and goes on."""
    old, before = slot.options, slot.report.generation
    slot.use(options)
    slot.restart(reason)
    final = (State.BACKOFF, State.FAILED, State.DISABLED)
    while not (slot.report.generation > before and slot.state in SERVING):
        if slot.report.generation > before and slot.state in final:
            why = slot.report.reason
            slot.use(old)
            if slot.state is not State.DISABLED:
                await _bring_back(slot)
            return why
        if slot.state is State.DISABLED:
            return "was stopped meanwhile"
        await slot.changed.wait()
    return ""
