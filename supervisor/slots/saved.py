"""What an upgrade in place hands on of one slot and its worker: plain records."""

from __future__ import annotations

from dataclasses import dataclass

from ..options.spec import ServeOptions
from .aftermath import Intent
from .report import SlotReport
from .state import State


@dataclass(frozen=True)
class GenerationState:
    """A running worker. Times are monotonic seconds; `rests` are unfinished lines by stream."""

    pid: int
    start: int
    pidfd: int
    out_fd: int
    log_fd: int
    channel_fd: int
    shm_prefix: str
    spawned_at: float
    ready_at: float | None
    lot: float
    killed_because: str | None
    fatal: str
    oom_before: int
    page_seq: int
    tail: list[str]
    rests: dict[str, str]
    replicates: bool = False  # it has what clients changed, and gets what they change


@dataclass(frozen=True)
class SlotState:
    """One slot. `deadline` and `load_ends` are monotonic, `failures` as well."""

    state: State
    number: int
    intent: Intent
    leaked: bool
    options: ServeOptions
    report: SlotReport
    consecutive: int
    half_open: bool
    failures: list[float]
    deadline: float | None
    load_ends: float
    generation: GenerationState | None
