"""One slot's worker replaced by another while it serves: the processes besides the one that counts,
a successor that loads and workers that leave. Loop thread only; owned by the slot.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ..options.spec import Device, ServeOptions
from ..system.exits import WorkerExit
from ..system.tasks import Pulse
from .events import Guard
from .generation import Generation
from .launcher import Launcher
from .state import LEAVING, LOADED, Event, next_state
from .successor import Leaver, Successor

if TYPE_CHECKING:
    from .slot import Slot


class Turnover:
    """At most one successor at a time, and none while a worker still leaves: models are in memory
    twice at most.
    """

    def __init__(self, slot: Slot, launcher: Launcher, guard: Guard) -> None:
        """`guard` reports bugs."""
        self._slot = slot
        self._launcher = launcher
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
        self, options: ServeOptions, reason: str, device: Device | None = None
    ) -> str:
        """Start a successor beside the running worker and let it take over, on `device` if that is
        another one.

        Returns "" when it serves (the old one may still be draining), else why it never will: then
        the old one goes on as if nothing had been.
        """
        slot = self._slot
        if slot.state not in LOADED or self.busy:
            return f"is {slot.state}, not ready to be replaced"
        number = self._launcher.next_number(beside=slot.report.generation)
        report = slot.report.successor(number)
        where = device or slot.device
        successor = Successor(
            options, report, where, time.monotonic, slot.owner.replay, slot.changed.pulse
        )
        self._successor = successor
        why = "gave up its start"
        try:
            why = await self._try(successor)
        finally:
            self._successor = None
            self._decision.pulse()
            if why and successor.generation is not None:
                self._see_off(successor.generation, options, kill=why)
        if not why:
            slot.owner.note(slot, f"generation {slot.report.generation} took over: {reason}")
        return why

    async def _try(self, successor: Successor) -> str:
        try:
            number = successor.report.generation
            made = self._launcher.launch(successor.options, number, successor.device)
        except OSError as error:
            return f"cannot start a worker process: {error}"
        successor.started(made)
        self._slot.owner.processes_changed()
        why = await successor.ready() or await self._promote(successor, made)
        info = made.exit_info()
        wrong = why and info is not None and info.code == WorkerExit.WRONG_GPU
        if wrong or successor.device_failed:
            self._slot.owner.device_failed(successor.device, why)
        return why

    async def _promote(self, successor: Successor, made: Generation) -> str:
        """Make it the one that counts: "", or why it cannot be."""
        slot = self._slot
        while slot.state in LEAVING or (slot.generation and slot.generation.exit_info()):
            if successor.called_off or slot.unkillable:
                break
            await slot.changed.wait()
        if successor.called_off:
            return successor.called_off
        if made.exit_info() is not None:
            return "ended just when it was ready"
        old, old_options = slot.generation if slot.state in LOADED else None, slot.options
        if old is None and next_state(slot.state, Event.SUCCEEDED) is None:
            return f"the slot is {slot.state} meanwhile"
        successor.report.take_over(slot.report, seamless=old is not None)
        slot.adopt(made, successor.report, successor.options)
        if old is not None:
            self._see_off(old, old_options)
        slot.owner.changed(slot)
        return ""

    def _see_off(self, generation: Generation, options: ServeOptions, kill: str = "") -> None:
        """End a worker in the background: drained, or killed for the reason `kill`."""
        leaver = Leaver(generation, options)
        self._leavers.add(leaver)

        async def work() -> None:
            if not await (leaver.kill(kill) if kill else leaver.leave()):
                self._slot.leaked = True
            self._leavers.discard(leaver)
            self._slot.owner.processes_changed()

        task = asyncio.get_running_loop().create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def give_up(self, number: int, reason: str) -> None:
        """The successor of that number, if it is one, will not take over."""
        if self._successor is not None and self._successor.report.generation == number:
            self._successor.end(reason)

    def leave_device(self, device: Device, reason: str) -> None:
        """A GPU is in doubt: nobody is to take over there."""
        if self._successor is not None and self._successor.device.uuid == device.uuid:
            self._successor.end(reason)

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
