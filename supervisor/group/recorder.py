"""Turns what the group shows into events: compares with what was last seen. Loop thread only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..devices.gpu_watch import GpuWatch
from ..slots.report import LastExit
from ..slots.slot import Slot
from .events import EventRing


class Recorder:
    """Call `slot` at every change of a slot, `group` and `gpus` as often as you like."""

    def __init__(self, ring: EventRing) -> None:
        self._ring = ring
        self._states: dict[int, str] = {}
        self._exits: dict[int, LastExit] = {}
        self._group = ""
        self._gpus_stale = False
        self._gpus_missing: frozenset[str] = frozenset()

    def resume(self, slots: Iterable[Slot], group: str) -> None:
        """What another supervisor of this instance has told already."""
        self._group = group
        for slot in slots:
            self._states[slot.index] = str(slot.state)
            if slot.report.last_exit is not None:
                self._exits[slot.index] = slot.report.last_exit

    def slot(self, slot: Slot) -> None:
        last, index = slot.report.last_exit, slot.index
        if last is not None and self._exits.get(index) is not last:
            self._exits[index] = last
            self._exit(index, last)
        before, state = self._states.get(index, ""), str(slot.state)
        if before == state:
            return
        self._states[index] = state
        reason = slot.report.reason
        text = f"{before} -> {state}" if before else state
        fields: dict[str, Any] = {
            "from": before or None,
            "to": state,
            "reason": reason,
            "generation": slot.report.generation,
            "pid": slot.generation.pid if slot.generation else None,
        }
        self._ring.add("state", f"{text}: {reason}" if reason else text, index, **fields)

    def _exit(self, index: int, last: LastExit) -> None:
        told = last.reason.startswith(str(last.info))
        text = last.reason if told else f"{last.info}: {last.reason}"
        self._ring.add(
            "exit",
            text,
            index,
            code=last.info.code,
            signal=last.info.signal,
            meaning=last.info.meaning,
            uptime_s=round(last.uptime, 3),
        )

    def group(self, state: str) -> None:
        """One word for the whole group, as in status."""
        if state != self._group:
            text = f"{self._group} -> {state}" if self._group else state
            fields: dict[str, Any] = {"from": self._group or None, "to": state}
            self._ring.add("group", text, **fields)
            self._group = state

    def gpus(self, watch: GpuWatch, uuids: Iterable[str]) -> None:
        """Which of the devices `uuids` cannot be seen now; whether the values are old."""
        if watch.updated_at is None:
            return
        if watch.stale != self._gpus_stale:
            self._gpus_stale = watch.stale
            self._ring.add("gpu", "GPU values are " + ("stale" if watch.stale else "fresh again"))
        missing = frozenset(uuids) - watch.samples.keys()
        for uuid in sorted(missing - self._gpus_missing):
            self._ring.add("gpu", f"{uuid} is gone", uuid=uuid, present=False)
        for uuid in sorted(self._gpus_missing - missing):
            self._ring.add("gpu", f"{uuid} is back", uuid=uuid, present=True)
        self._gpus_missing = missing
