"""When a GPU may get a worker: errors that poison it, and memory that it must have free. Pure.

An XID error of the driver that leaves a GPU in doubt, or its loss, quarantines it: its worker is
drained, and the next one waits until the GPU has been quiet, and listed by NVML, for a while. Other
GPUs serve on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

#: XIDs after which a worker must not go on with the GPU. (13, 31, 43 and 45 are the program's own
#: faults: they end a process, not a GPU.)
POISONOUS = {
    48: "double-bit ECC error",
    63: "memory row to be remapped",
    64: "memory row could not be remapped",
    74: "NVLink error",
    79: "GPU has fallen off the bus",
    94: "contained ECC error",
    95: "uncontained ECC error",
}
#: What is said of a GPU that went without an XID.
LOST = "lost (the driver does not list it any more)"
#: Seconds of quiet after which a quarantined GPU is tried again. A reset or a reboot, which cures
#: most of these, takes longer; a wrong try costs one failed start.
RECHECK = 60.0


def xid_text(xid: int) -> str:
    return f"XID {xid} ({POISONOUS[xid]})" if xid in POISONOUS else f"XID {xid}"


@dataclass(frozen=True)
class _Case:
    reason: str
    since: float


@dataclass
class Quarantine:
    """GPUs in doubt, by UUID. `clock`: monotonic seconds."""

    clock: Callable[[], float]
    recheck: float = RECHECK
    _cases: dict[str, _Case] = field(default_factory=dict)

    def put(self, uuid: str, reason: str) -> None:
        """From now on; a further error starts the time again."""
        self._cases[uuid] = _Case(reason, self.clock())

    def reason(self, uuid: str) -> str:
        """Why the GPU is not to be used now, for people; empty if it may be."""
        case = self._cases.get(uuid)
        if case is None:
            return ""
        left = case.since + self.recheck - self.clock()
        if left <= 0:
            del self._cases[uuid]
            return ""
        return f"GPU quarantined: {case.reason}; tried again in {left:.0f} s"

    def saved(self) -> dict[str, tuple[str, float]]:
        """For `resume`: reason and time of each case."""
        return {uuid: (case.reason, case.since) for uuid, case in self._cases.items()}

    def resume(self, cases: Mapping[str, tuple[str, float]]) -> None:
        self._cases.update({uuid: _Case(*case) for uuid, case in cases.items()})

    def cases(self) -> dict[str, str]:
        """What each quarantined GPU suffers from."""
        return {uuid: case.reason for uuid, case in self._cases.items()}


def memory_reason(needed: int, used: int | None, total: int | None) -> str:
    """Why a worker that needs `needed` bytes must wait; empty if it need not, or nobody knows."""
    if needed <= 0 or used is None or total is None:
        return ""
    if needed > total:
        return f"GPU memory: {_gib(needed)} needed, the GPU has {_gib(total)} in all"
    free = total - used
    if free >= needed:
        return ""
    return f"GPU memory: {_gib(needed)} needed, {_gib(free)} free"


@dataclass
class MemoryPeak:
    """What workers of one GPU were seen to use: the growth of its used memory since a start."""

    peak: int = 0
    _before: int | None = None

    def start(self, used: int | None) -> None:
        """A worker is about to start; `used` is the GPU's memory in use (None: not known)."""
        self._before = used

    def sample(self, used: int | None) -> None:
        """While it runs. Other programs on the GPU may be counted too, so it never shrinks a need
        that was too small but may overstate it: see `needed`.
        """
        if used is not None and self._before is not None:
            self.peak = max(self.peak, used - self._before)


def needed(wanted: str, peak: int) -> int:
    """Bytes by `--gpu-memory-needed`: "auto" is the observed peak, or a number of bytes."""
    return peak if wanted == "auto" else int(wanted)


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
