"""Last known values of the GPUs in use, and whether one may get a worker; never waits for NVML.

Loop thread only. A driver that does not answer makes values stale and stops nobody: a worker that
starts on a sick GPU says so itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..options.spec import Device
from .gpu_health import (
    LOST,
    POISONOUS,
    RECHECK,
    MemoryPeak,
    Quarantine,
    memory_reason,
    needed,
    xid_text,
)
from .nvml import GpuSample, Nvml
from .xid_watch import XidWatch

#: Seconds between samples: status is for people, and NVML takes driver locks.
SAMPLE_EVERY = 5
_PRESENT_WAIT = 2.0
#: Samples in a row without a GPU after which it is lost: a single one may be a passing error.
_MISSED = 2


@dataclass(frozen=True)
class GpuState:
    """What was learned of the GPUs, by UUID: cases are (reason, since)."""

    cases: dict[str, tuple[str, float]]
    peaks: dict[str, int]
    xids: dict[str, int]


@dataclass(frozen=True)
class Admission:
    """Whether a device may get a worker now, else why not. `patient`: wait as long as it takes;
    `sound`: not in quarantine, where a device comes as well that is missing in two samples.
    """

    ready: bool
    reason: str = ""
    patient: bool = False
    sound: bool = True


class GpuWatch:
    """Last known values of the GPUs in use; never waits for NVML.

    `memory_needed`: bytes that a worker needs free, or "auto" (what workers of that GPU used).
    `recheck`: seconds of quiet after which a quarantined GPU is tried again. `workers(uuid)` counts
    the worker processes of a GPU: what one needs is seen only where there is one.
    """

    def __init__(
        self,
        nvml: Nvml,
        devices: Sequence[Device],
        memory_needed: str = "auto",
        recheck: float = RECHECK,
        workers: Callable[[str], int] = lambda uuid: 1,
    ) -> None:
        self._nvml = nvml
        self._devices = [device for device in devices if device.uuid]
        self.uuids = [device.uuid for device in self._devices]
        self._memory_needed = memory_needed
        self._pending: asyncio.Future[dict[str, GpuSample]] | None = None
        self._peaks = {uuid: MemoryPeak() for uuid in self.uuids}
        self._workers = workers
        self._shared: set[str] = set()  # at the last sample; memory is freed a moment after an end
        self._missed = dict.fromkeys(self.uuids, 0)  # samples in a row without it
        self._poisoned: Callable[[Device, str], None] = lambda device, reason: None
        self.quarantine = Quarantine(time.monotonic, recheck)
        self.samples: dict[str, GpuSample] = {}
        self.updated_at: float | None = None
        self.xids: dict[str, int] = {}  # the last one of each GPU

    @property
    def stale(self) -> bool:
        limit = 3 * SAMPLE_EVERY
        return self.updated_at is None or time.monotonic() - self.updated_at > limit

    @property
    def doubtful(self) -> bool:
        """Was a GPU missing from the last sample that was there before? The next one tells."""
        return any(0 < missed < _MISSED for missed in self._missed.values())

    @property
    def stuck(self) -> bool:
        """Has the driver kept a call for longer than values may be old?"""
        return self._nvml.stuck_for > SAMPLE_EVERY

    def saved(self) -> GpuState:
        """For `resume`."""
        peaks = {uuid: peak.peak for uuid, peak in self._peaks.items()}
        return GpuState(self.quarantine.saved(), peaks, dict(self.xids))

    def resume(self, state: GpuState) -> None:
        """What another supervisor of this instance has learned."""
        self.quarantine.resume(state.cases)
        self.xids.update(state.xids)
        for uuid, peak in state.peaks.items():
            if uuid in self._peaks:
                self._peaks[uuid].peak = peak

    def refresh(self) -> None:
        """Ask for new values unless the last question is still unanswered."""
        if self.uuids and self._pending is None:
            self._pending = asyncio.wrap_future(self._nvml.sample(self.uuids))
            self._pending.add_done_callback(self._arrived)

    def watch_errors(self, poisoned: Callable[[Device, str], None]) -> None:
        """Call `poisoned(device, reason)` when the driver reports a GPU's fatal error, or does not
        know the GPU any more.
        """
        if not self._devices:
            return
        self._poisoned = poisoned
        loop = asyncio.get_running_loop()

        def happened(index: int, xid: int) -> None:
            for device in self._devices:
                if device.index == index:
                    self.xids[device.uuid] = xid
                    if self.condemn(device, xid):
                        poisoned(device, xid_text(xid))

        def report(index: int, xid: int) -> None:
            loop.call_soon_threadsafe(happened, index, xid)

        XidWatch(sorted({device.index for device in self._devices}), report).start()

    def condemn(self, device: Device, xid: int) -> bool:
        """Quarantine the device if the error is of that kind."""
        if xid not in POISONOUS:
            return False
        self.quarantine.put(device.uuid, xid_text(xid))
        return True

    async def admit(self, device: Device, instead_of: Device | None = None) -> Admission:
        """May `device` get a worker, perhaps that of another device, whose needs are known?

        Yes as well if NVML does not answer: the worker will know.
        """
        if not device.uuid:
            return Admission(True)
        if reason := self.quarantine.reason(device.uuid):
            return Admission(False, reason, patient=True, sound=False)
        self.refresh()
        if self._pending is not None:
            await asyncio.wait({self._pending}, timeout=_PRESENT_WAIT)
        if self.stale:
            return Admission(True)
        sample = self.samples.get(device.uuid)
        if sample is None:
            return Admission(False, f"device {device.uuid} is not present")
        peak = self._peaks[device.uuid]
        uuids = {device.uuid, instead_of.uuid if instead_of else ""} & self._peaks.keys()
        need = max(map(self.memory_needed, uuids))
        if reason := memory_reason(need, sample.mem_used, sample.mem_total):
            return Admission(False, reason, patient=True)
        peak.start(sample.mem_used)
        return Admission(True)

    def memory_needed(self, uuid: str) -> int:
        """Bytes that must be free before a worker starts on the GPU; 0: not looked at."""
        return needed(self._memory_needed, self._peaks[uuid].peak)

    def memory(self, uuid: str) -> tuple[int | None, int | None]:
        """Bytes free, and what its worker has taken at its most: what is in use now, or was seen
        before. None if nobody knows, or if what is known is old.
        """
        sample = None if self.stale else self.samples.get(uuid)
        if sample is None or sample.mem_used is None or sample.mem_total is None:
            return None, None
        return sample.mem_total - sample.mem_used, max(sample.mem_used, self._peaks[uuid].peak)

    def _arrived(self, future: asyncio.Future[dict[str, GpuSample]]) -> None:
        self._pending = None
        if not future.cancelled() and future.exception() is None:
            self.samples = future.result()
            self.updated_at = time.monotonic()
            self._look_for_lost()
            for uuid, sample in self.samples.items():
                if self._workers(uuid) == 1 and uuid not in self._shared:
                    self._peaks[uuid].sample(sample.mem_used)
            self._shared = {uuid for uuid in self.uuids if self._workers(uuid) > 1}

    def _look_for_lost(self) -> None:
        """Not every loss comes with an XID, and a worker without its GPU fails requests quickly,
        which makes it the first to take new ones.
        """
        for uuid, before in self._missed.items():
            self._missed[uuid] = missed = 0 if uuid in self.samples else before + 1
            if missed == _MISSED:
                self.quarantine.put(uuid, LOST)
                self._poisoned(next(d for d in self._devices if d.uuid == uuid), LOST)
