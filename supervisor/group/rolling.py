"""Replace workers one at a time while the group serves: reloads, and workers that grew or aged.

Strategy "surge" starts the successor beside the running worker; nothing is lost, not even capacity,
but the models are in memory twice. "spare" starts it beside the worker as well, but on an idle
device; the one that becomes free is the next slot's spare. "stop-start" drains first, and so needs
another worker to serve meanwhile. A successor that does not come up ends the whole change: slots
that have changed already go back to the old configuration. Without a successor, `refresh` lets the
workers load their models again. Loop thread only; one change at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ..options.spec import Device, ServeOptions
from ..slots.slot import Slot
from ..slots.state import LOADED, SERVING, State
from .spares import PATIENCE, Spares
from .strategy import Strategy, obstacle


class Roller:
    """Carries out one change of all slots, or the replacement of one."""

    def __init__(
        self,
        slots: Sequence[Slot],
        strategy: Callable[[Slot, str], Strategy],
        spares: Spares,
    ) -> None:
        """`strategy`: for a slot, by what is wanted (`--reload-strategy`)."""
        self._slots = slots
        self._strategy = strategy
        self._spares = spares
        self._lock = asyncio.Lock()

    @property
    def busy(self) -> bool:
        return self._lock.locked()

    async def renew(self, slot: Slot, options: ServeOptions, reason: str) -> str:
        """A fresh worker with `options` in one slot. "" or why it did not come up."""
        async with self._lock:
            return await self._replace(slot, options, options.reload_strategy, reason)

    async def refresh(self, *, everything: bool) -> str:
        """Every worker loads the models again that have changed, or all. "" or what went wrong,
        and then the workers that have not been asked yet are not.
        """
        async with self._lock:
            for slot in self._slots:
                if slot.state not in LOADED or slot.generation is None:
                    _use(slot, slot.options, "models are loaded again")
                    continue
                limit = slot.options.timeouts.start
                asked = slot.generation.questions
                if why := await asked.refresh(everything=everything, seconds=limit):
                    return f"w{slot.index}: {why}"
            return ""

    async def change(
        self, old: ServeOptions, new: ServeOptions, reason: str, strategy: str = ""
    ) -> str:
        """Bring every slot from `old` to `new`, by another strategy than that of `new` if there is
        one. "" or why everything is as before.
        """
        wanted = strategy or new.reload_strategy
        async with self._lock:
            changed: list[Slot] = []
            for slot in self._slots:
                if slot.state not in LOADED:
                    _use(slot, new, reason)
                    changed.append(slot)
                    continue
                why = await self._replace(slot, new, wanted, reason)
                if why:
                    stays = await self._take_back(changed, old, wanted)
                    return "; ".join([f"w{slot.index}: {why}", *stays])
                changed.append(slot)
            return ""

    async def _take_back(
        self, changed: Sequence[Slot], old: ServeOptions, wanted: str
    ) -> list[str]:
        """Texts about the workers that go on with the new options until they end."""
        stays = []
        for slot in changed:
            if slot.state in LOADED:
                await slot.turnover.settled()
                why = await self._replace(slot, old, wanted, "back to the old configuration")
                if why and slot.state in LOADED:
                    stays.append(f"w{slot.index} keeps the new settings until it ends: {why}")
            _use(slot, old, "back to the old configuration")
        return stays

    async def _replace(self, slot: Slot, options: ServeOptions, wanted: str, reason: str) -> str:
        strategy = self._strategy(slot, wanted)
        if strategy is Strategy.SPARE:
            spare, why = await self._spares.take(slot.device, PATIENCE)
            if spare is not None:
                return await self._on_spare(slot, options, reason, spare)
            if wanted == Strategy.SPARE:
                return f"no spare device can have the worker: {why}"
            strategy = Strategy.STOP_START
        others = sum(each.state in SERVING for each in self._slots if each is not slot)
        if why := obstacle(strategy, others, options.min_ready):
            return why
        if strategy is Strategy.SURGE:
            why = await slot.turnover.replace(options, reason)
            await slot.turnover.settled()  # models are in memory twice at most
            return why
        return await _stop_start(slot, options, reason)

    async def _on_spare(self, slot: Slot, options: ServeOptions, reason: str, spare: Device) -> str:
        before, leaked, freed = slot.device, slot.leaked, spare
        try:
            why = await slot.turnover.replace(options, reason, spare)
            if not why:
                freed = before
            await slot.turnover.settled()
        finally:
            if slot.leaked and not leaked:
                text = f"{freed.label} is no spare device any more: a process on it does not end"
                slot.owner.note(slot, text)
            else:
                self._spares.give_back(freed)
        return why


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
