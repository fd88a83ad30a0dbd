"""Exit codes of the supervisor and of its workers, and what a worker's end means in words.

Pure: no process is touched here. The numbers are an interface (systemd units, Kubernetes probes
and the restart policy read them), so they never change meaning.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `tritonfrontend serve`. A second stop signal n ends with 128 + n."""

    CLEAN = 0
    INTERNAL = 1
    USAGE = 2
    CONFIG = 3
    IN_USE = 4
    NO_DEVICE = 5
    ALL_FAILED = 6
    START_TIMEOUT = 7
    LEAKED = 8


class WorkerExit(IntEnum):
    """Exit codes of a worker process."""

    DRAINED = 0
    BAD_CONFIG = 10
    MODEL_FAILED = 11
    WRONG_GPU = 12
    GPU_MEMORY = 13
    BAD_FD = 14
    SUPERVISOR_LOST = 15
    SELF_WATCHDOG = 16  # the same, and it could not leave in order
    OTHER = 20


#: A restart cannot cure these: the same configuration gives the same end.
PERMANENT = frozenset({WorkerExit.BAD_CONFIG, WorkerExit.MODEL_FAILED})

_MEANING = {
    WorkerExit.DRAINED: "drained",
    WorkerExit.BAD_CONFIG: "bad configuration",
    WorkerExit.MODEL_FAILED: "a model cannot load",
    WorkerExit.WRONG_GPU: "wrong or lost GPU",
    WorkerExit.GPU_MEMORY: "GPU out of memory",
    WorkerExit.BAD_FD: "bad inherited descriptor",
    WorkerExit.SUPERVISOR_LOST: "supervisor lost",
    WorkerExit.SELF_WATCHDOG: "self watchdog",
    WorkerExit.OTHER: "internal error",
}

_UNKNOWN = "unknown error"
_OOM = "out of memory"
_FROM_OUTSIDE = "killed from outside"
_CRASH = "crash"
_OTHER_SIGNAL = "ended by a signal"
#: All that `meaning` can be, but for what the supervisor says when it kills.
_FIXED = frozenset({*_MEANING.values(), _UNKNOWN, _OOM, _FROM_OUTSIDE, _CRASH, _OTHER_SIGNAL})

_CRASH_SIGNALS = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}
)


@dataclass(frozen=True)
class ExitInfo:
    """How one worker process ended. Exactly one of `code` and `signal` is set."""

    code: int | None
    signal: int | None
    meaning: str

    @property
    def permanent(self) -> bool:
        return self.code in PERMANENT

    def __str__(self) -> str:
        if self.signal is not None:
            return f"signal {_signal_name(self.signal)} ({self.meaning})"
        return f"exit code {self.code} ({self.meaning})"


def describe(returncode: int, *, killed_by_us: str | None = None, oom: bool = False) -> ExitInfo:
    """Words for a `Popen.returncode` (negative = signal).

    `killed_by_us` is the reason when the supervisor sent the SIGKILL itself; `oom` says that the
    kernel's out-of-memory counter of our cgroup rose while the worker died.
    """
    if returncode >= 0:
        return ExitInfo(returncode, None, _code_meaning(returncode))
    number = -returncode
    if number == signal.SIGKILL:
        if killed_by_us:
            return ExitInfo(None, number, killed_by_us)
        return ExitInfo(None, number, _OOM if oom else _FROM_OUTSIDE)
    meaning = _CRASH if number in _CRASH_SIGNALS else _OTHER_SIGNAL
    return ExitInfo(None, number, meaning)


def label(info: ExitInfo, *, was_ready: bool) -> str:
    """The kind of end for metrics, one of a few: reasons to kill are free text with numbers."""
    if info.meaning in _FIXED:
        return info.meaning
    return "hung" if was_ready else "not ready in time"


def _code_meaning(code: int) -> str:
    try:
        return _MEANING[WorkerExit(code)]
    except ValueError:
        return _UNKNOWN


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
