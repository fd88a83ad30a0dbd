"""What a group does once a second: adopted children, GPU values and errors, rates, the start limit,
workers that grew or aged. Loop thread only.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ..devices.gpu_watch import SAMPLE_EVERY
from ..options.spec import Device
from ..slots.slot import Slot
from ..slots.state import State
from ..system import oom, process, procfs
from ..system.exits import Exit
from ..system.words import names
from .recorder import Recorder
from .renewal import Renewal
from .start_limit import doing, shortfall

if TYPE_CHECKING:
    from .group import Group

_TICK = 1.0


class Upkeep:
    """Of one group."""

    def __init__(self, group: Group, recorder: Recorder) -> None:
        self._group = group
        self._recorder = recorder
        self._renewal = Renewal(group.slots, group.roller, group.note)

    async def run(self) -> None:
        """Until cancelled."""
        group, ticks = self._group, 0
        group.gpu_watch.watch_errors(self._poisoned)
        while True:
            self._look_at_processes()
            if ticks % SAMPLE_EVERY == 0 or group.gpu_watch.doubtful:
                group.gpu_watch.refresh()
            self._sample_rates()
            self._recorder.gpus(group.gpu_watch, group.gpu_watch.uuids)
            self._check_start_limit()
            if not group.ending.begun:
                self._renewal.look(group.options)
            group.ending.check()
            ticks += 1
            await asyncio.sleep(_TICK)

    def _look_at_processes(self) -> None:
        workers = [each for slot in self._group.slots for each in slot.processes]
        process.reap(each.pid for each in workers)
        killed = oom.count()
        for each in workers:
            each.oom_kills.look(killed)

    def _sample_rates(self) -> None:
        now = time.monotonic()
        for slot, rates in zip(self._group.slots, self._group.rates, strict=True):
            cpu_s = procfs.cpu_seconds(slot.generation.pid) if slot.generation else None
            rates.sample(now, slot.report.generation, cpu_s, slot.report.total("requests_total"))

    def _check_start_limit(self) -> None:
        group = self._group
        limit, wanted = group.options.timeouts.start, group.options.min_ready
        ready = group.ready
        group.start_limit.look(len(ready), wanted)  # a reload may ask for fewer
        if group.start_limit.exceeded(limit) and not group.ending.begun:
            absent = [_doing(slot) for slot in group.slots if slot.index not in ready]
            cause = shortfall(len(ready), wanted, limit, absent)
            group.ending.fail(Exit.START_TIMEOUT, cause)

    def _poisoned(self, device: Device, reason: str) -> None:
        """The driver reported an error that leaves this GPU in doubt. The others go on."""
        for slot in self._group.slots:
            if slot.device.uuid == device.uuid:
                self._group.note(slot, f"{device.label} {device.uuid}: {reason}; draining")
            slot.leave_device(device, f"GPU error: {reason}")


def _doing(slot: Slot) -> str:
    report = slot.report
    loads = slot.state is State.LOADING and report.loading_total
    loading = names(report.loading, report.loading_total) if loads else ""
    return doing(slot.index, str(slot.state), report.reason, loading)
