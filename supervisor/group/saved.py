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
    """What the slots share. `rates`: by slot (at, CPU seconds, completed) of one generation."""

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
