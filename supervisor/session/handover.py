"""What one supervisor process hands to its successor when it is upgraded in place: plain records.

The successor is the same process with other code (execve), so numbers of descriptors, children and
monotonic times stay what they are. Everything travels as JSON in a memory file; descriptors are
named by their numbers and listed once more in `Handover.fds`, which is what the successor inherits.
Each part's record is defined beside the part.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from ..group.saved import GroupState
from ..instance.rundir import RunDirState
from ..options.spec import Device, RestartPolicy, ServeOptions
from ..ports.sockets import PortState
from ..protocol.worker_spec import PROTOCOL_VERSION
from ..status.metrics import MetricsState
from ..system import memory_file
from ..system.records import RecordError, dump, load

#: Bumped when a reader of the older form would go wrong without noticing. A field with a default
#: may be added without that.
STATE_VERSION = 1


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
    spares: list[Device] = field(default_factory=list)
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
    return memory_file.create("supervisor-state", json.dumps(raw).encode())


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
