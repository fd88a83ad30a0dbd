"""What one supervisor process hands to its successor when it is upgraded in place: plain records.

The successor is the same process with other code (execve), so numbers of descriptors, children and
monotonic times stay what they are. Everything travels as JSON in a memory file; descriptors are
named by their numbers and listed once more in `Handover.fds`, which is what the successor inherits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .aftermath import Intent
from .policy import RestartPolicy
from .records import RecordError, dump, load
from .report import SlotReport
from .spec import Device, PortSpec, ServeOptions
from .state import State
from .worker_spec import PROTOCOL_VERSION

#: Bumped when a reader of the older form would go wrong without noticing. A field with a default
#: may be added without that.
STATE_VERSION = 1


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


@dataclass(frozen=True)
class RefusalState:
    """Of one port: clients told so far, and connections of those that still read it."""

    total: int
    lingering: list[int]


@dataclass(frozen=True)
class TrafficState:
    """`inboxes`: by port and slot, its sending and its receiving end."""

    steering: str
    table_fd: int
    table_current: list[int]
    inboxes: dict[str, list[tuple[int, int]]]
    relayed_total: int
    parked: list[tuple[str, int]]
    refusals: dict[str, RefusalState]


@dataclass(frozen=True)
class EventsState:
    """The ring of events. `last` is the number of the newest."""

    last: int
    events: list[dict[str, Any]]


@dataclass(frozen=True)
class GpuState:
    """What was learned of the GPUs, by UUID: cases are (reason, since)."""

    cases: dict[str, tuple[str, float]]
    peaks: dict[str, int]
    xids: dict[str, int]


@dataclass(frozen=True)
class CallState:
    """A change that a client made, see `control_calls.Call`. `fd`: its memory file, or -1."""

    head: dict[str, Any]
    fd: int


@dataclass(frozen=True)
class ReplicationState:
    """What clients have changed, in the order to repeat it in, and the counters."""

    journal: list[CallState] = field(default_factory=list)
    replicated_total: int = 0
    failed_total: int = 0


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
    replication: ReplicationState = ReplicationState()


@dataclass(frozen=True)
class FamilyState:
    """Of a metrics page; see `metrics.Family`."""

    name: str
    kind: str
    help: str
    samples: list[tuple[str, str, str]]


@dataclass(frozen=True)
class MetricsState:
    """Last pages, and counters of dead workers: (family, sample, labels, value)."""

    pages: dict[int, list[FamilyState]]
    base: dict[int, list[tuple[str, str, str, float]]]
    shape: list[FamilyState]
    generation: dict[int, int]


@dataclass(frozen=True)
class PortState:
    """A public port: its sockets in slot order."""

    spec: PortSpec
    listening: bool
    fds: list[int]


@dataclass(frozen=True)
class RunDirState:
    """The locked run directory; `link` is "" if there is none."""

    base: str
    path: str
    lock_fd: int
    link: str
    made: bool


@dataclass(frozen=True)
class Handover:
    """Everything. `upgrades`: those before this one."""

    name: str
    run_id: str
    package: str  # version of the package that wrote this
    upgrades: int
    options: ServeOptions
    policy: RestartPolicy
    devices: list[Device]
    ports: dict[str, PortState]
    run_dir: RunDirState
    control_fd: int
    group: GroupState
    metrics: MetricsState
    last_reload: dict[str, Any] | None
    notify_address: str
    notify_watchdog: float
    output: list[tuple[str, str]]  # lines that nobody has read yet, by stream
    fds: list[int] = field(default_factory=list)
    version: int = STATE_VERSION
    protocol: int = PROTOCOL_VERSION
    empty_folder: str = ""  # of multi-model containers; the last supervisor removes it


def descriptors(state: Handover) -> list[int]:
    """All that the successor must inherit besides the file with the state itself."""
    traffic = state.group.traffic
    found = [state.control_fd, state.run_dir.lock_fd, traffic.table_fd, state.group.flights_fd]
    found += [fd for port in state.ports.values() for fd in port.fds]
    found += [fd for slots in traffic.inboxes.values() for pair in slots for fd in pair]
    found += [fd for _, fd in traffic.parked]
    found += [fd for each in traffic.refusals.values() for fd in each.lingering]
    found += [call.fd for call in state.group.replication.journal if call.fd >= 0]
    for slot in state.group.slots:
        if (g := slot.generation) is not None:
            found += [g.pidfd, g.out_fd, g.log_fd, g.channel_fd]
    return sorted(found)


def write(state: Handover) -> int:
    """A memory file with the state, not inheritable yet."""
    raw = dump(state)
    raw["fds"] = descriptors(state)
    fd = os.memfd_create("supervisor-state", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(json.dumps(raw).encode())
    return fd


def read_raw(fd: int) -> Any:
    """The JSON of `write`. Raises RecordError."""
    try:
        return json.loads(os.pread(fd, os.fstat(fd).st_size, 0))
    except (OSError, ValueError) as error:
        raise RecordError(f"the state cannot be read: {error}") from None


def parse(raw: Any) -> Handover:
    """The record of `read_raw`. Raises RecordError for one that this version cannot take over."""
    if not isinstance(raw, dict):
        raise RecordError("the state is no object")
    for name, mine in (("version", STATE_VERSION), ("protocol", PROTOCOL_VERSION)):
        if raw.get(name) != mine:
            what = {"version": "state", "protocol": "worker protocol"}[name]
            raise RecordError(f"{what} version {raw.get(name)!r}, this code knows {mine} only")
    return load(Handover, raw)


def set_inheritable(fds: Iterable[int], inheritable: bool) -> None:
    for fd in fds:
        os.set_inheritable(fd, inheritable)
