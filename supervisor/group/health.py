"""Looks at every worker's signs of life many times a second, and tells its slot. Loop thread only.

Everything here is a read of memory or one cheap system call per port: no worker is asked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from ..ports.sockets import PortGroup
from ..protocol.shared_table import SharedTable
from ..slots.slot import Slot
from ..slots.state import LOADED, SERVING, State
from ..system import procfs
from ..system.tasks import every
from .suspicion import Limits, OwnTime, Signs, Verdict, Watchdog

#: Loops beat every 50 ms. A suspicion is at most this much late. This is what costs most in a
#: supervisor that has nothing to do.
_TICK = 0.05
#: A longer gap between two looks was our own stall; the rest of it is not held against anybody.
_MAX_STEP = 2 * _TICK
#: Stopped by a debugger, as /proc calls it: somebody is looking at this worker.
_TRACED = "t"


class Health:
    """The watchdogs of all slots."""

    def __init__(
        self,
        slots: Sequence[Slot],
        ports: Mapping[str, PortGroup],
        table: SharedTable,
        limits: Limits,
    ) -> None:
        self._slots = slots
        self._ports = ports
        self._table = table
        self._limits = limits
        self._time = OwnTime(time.monotonic, _MAX_STEP)
        self._serving = 0
        self._watchdogs: dict[int, tuple[int, Watchdog]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await every(_TICK, self.look)

    def look(self) -> None:
        """Judge all workers once."""
        now = self._time.advance()
        self._serving = sum(slot.state in SERVING for slot in self._slots)
        for slot in self._slots:
            if slot.state in LOADED and slot.generation is not None:
                self._judge(slot, slot.generation.pid, now)

    def _judge(self, slot: Slot, pid: int, now: float) -> None:
        watchdog = self._watchdog(slot)
        verdict, reason = watchdog.judge(now, self._signs(slot.index))
        if verdict is Verdict.HUNG:
            found = procfs.stat(pid)
            if found is not None and found.state != _TRACED:
                slot.hang(reason)
                return
            watchdog.held(now)
            verdict, reason = Verdict.SUSPECT, "a debugger holds it"
            if not self._limits.suspect_after:
                return
        # The last one that serves stays: there is nobody to whom its clients could go instead.
        if verdict is Verdict.SUSPECT and slot.state in SERVING and self._serving > 1:
            self._serving -= 1
            slot.suspect(reason)
        elif verdict is Verdict.FINE and slot.state is State.SUSPECT:
            slot.clear()

    def _watchdog(self, slot: Slot) -> Watchdog:
        generation = slot.report.generation
        known = self._watchdogs.get(slot.index)
        if known is None or known[0] != generation:
            known = self._watchdogs[slot.index] = (generation, Watchdog(self._limits))
        return known[1]

    def _signs(self, slot: int) -> dict[str, Signs]:
        found = {}
        for name, group in self._ports.items():
            page = self._table.read(slot, name)
            queued = group.queue_length(slot) if page.beats else 0
            found[name] = Signs(page.beats, page.arrivals, queued, bool(page.lacking))
        return found
