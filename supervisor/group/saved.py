"""What an upgrade in place hands on of a group: plain records."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..devices.gpu_watch import GpuState
from ..ports.traffic import TrafficState
from ..replication.replication import ReplicationState
from ..slots.saved import SlotState
from .events import EventsState


@dataclass(frozen=True)
class GroupState:
    """What the slots share. `rates`: by slot (at, CPU seconds, completed) of one generation.

    `enough_were_ready`: whether `--min-ready` workers have ever served together; None in the state
    of a version whose start had ended with the first worker.
    """

    started_at: float
    first_ready_at: float | None
    config_generation: int
    events: EventsState
    flights_fd: int
    rates: list[list[tuple[float, float, int]]]
    gpus: GpuState
    traffic: TrafficState
    slots: list[SlotState]
    replication: ReplicationState = field(default_factory=ReplicationState)
    enough_were_ready: bool | None = None

    @property
    def start_ended(self) -> bool:
        """Nothing that happens from now on is a matter of the start."""
        if self.enough_were_ready is None:
            return self.first_ready_at is not None
        return self.enough_were_ready
