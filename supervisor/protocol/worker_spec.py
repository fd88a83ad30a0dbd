"""What one worker process is told: a frozen description that travels as JSON on an inherited
descriptor, made from the options of the whole group.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..options.spec import Device, ServeOptions, SpecError

#: Bumped when a worker could no longer understand an older supervisor's spec or messages.
PROTOCOL_VERSION = 1

#: A gRPC client keeps one connection for hours, so each counts. Those of HTTP come and go, and a
#: pool of them spreads by itself.
GRPC_HANDOFF_SLACK = 1
#: Off unless asked for. 1 would pass an inference back and forth between two workers.
GRPC_FORWARD_SLACK = 0

#: A client in the middle of a conversation asks again within milliseconds; one that is silent for
#: longer has to expect a closed connection from any server.
DRAIN_GRACE_MS = 1000


@dataclass(frozen=True)
class WorkerSpec:
    """What one worker process is told. Descriptors are numbers valid in the worker.

    `frontends` are the options of each, by name, with "fd" among them.
    """

    name: str
    run_id: str
    slot: int
    generation: int
    supervisor_pid: int
    device: Device
    control_fd: int
    shm_prefix: str
    core: Mapping[str, Any]
    frontends: Mapping[str, Mapping[str, Any]]
    exit_on_error: bool
    exit_timeout: int
    drain_timeout: float
    repository_poll_secs: float = 0.0
    model_hang_timeout: float | str = "auto"
    model_hang_restart: bool = False
    trace: tuple[tuple[str, str], ...] = ()
    replication_limit: int = 0  # changes of clients that may wait for the supervisor; 0: made here
    gather_timeout: float = 1.0  # seconds that other workers have to answer with this one
    flights: Mapping[str, int] = field(default_factory=dict)  # "fd" and "offset", or nothing
    version: int = PROTOCOL_VERSION

    @property
    def listeners(self) -> list[int]:
        """The inherited listening sockets."""
        return [int(options["fd"]) for options in self.frontends.values()]

    @property
    def descriptors(self) -> list[int]:
        """Everything that the worker inherits under its number."""
        names = ("fd", "inbox_fd", "heartbeat_fd")
        found = {int(o[name]) for o in self.frontends.values() for name in names if name in o}
        for options in self.frontends.values():
            found |= {int(peer.rpartition(":")[2]) for peer in options.get("handoff_peers", ())}
        found |= {self.flights["fd"]} if self.flights else set()
        return sorted(found | {self.control_fd})

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> WorkerSpec:
        """Inverse of `to_json`. SpecError if it is not a spec of this version."""
        try:
            raw = json.loads(text)
            device = raw.pop("device")
            device = Device(**{**device, "cpus": tuple(device["cpus"])})
            trace = tuple((key, value) for key, value in raw.pop("trace"))
            spec = cls(device=device, trace=trace, **raw)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SpecError("worker spec", f"cannot be read: {error}") from None
        if spec.version != PROTOCOL_VERSION:
            raise SpecError("worker spec", f"version {spec.version}, not {PROTOCOL_VERSION}")
        return spec


def shm_prefix(app: str, run_id: str, slot: int, generation: int) -> str:
    """Name prefix of one generation's shared memory. The last dash keeps g1 and g10 apart."""
    return f"{app}-{run_id}-w{slot}g{generation}-"


def worker_spec(
    options: ServeOptions,
    run_id: str,
    slot: int,
    generation: int,
    device: Device,
    inherited: Mapping[str, Mapping[str, Any]],
    control_fd: int,
    flights: Mapping[str, int] | None = None,
) -> WorkerSpec:
    """What generation `generation` of `slot` is told. `inherited`: descriptors of each frontend;
    `flights`: where to note the requests in flight.
    """
    core = dict(options.core)
    core["model_repository"] = list(options.model_repository)
    if core.get("log_file"):  # several processes must not write to one file
        core["log_file"] = f"{core['log_file']}.w{slot}"
    backends = core.get("backend_configuration", {})
    app = backends.get("python", {}).get("shm-region-prefix-name", "tfe")
    poll = core.get("model_control_mode") == "poll"
    return WorkerSpec(
        name=options.instance_name,
        run_id=run_id,
        slot=slot,
        generation=generation,
        supervisor_pid=os.getpid(),
        device=device,
        control_fd=control_fd,
        shm_prefix=shm_prefix(app, run_id, slot, generation),
        core=core,
        frontends={
            port.name: _frontend(options, port.name, inherited[port.name], slot)
            for port in options.worker_ports
            if port.name in inherited
        },
        exit_on_error=options.exit_on_error,
        exit_timeout=options.exit_timeout,
        drain_timeout=options.timeouts.drain,
        repository_poll_secs=options.repository_poll_secs if poll else 0,
        model_hang_timeout=options.model_hang_timeout,
        model_hang_restart=options.model_hang_restart,
        trace=tuple((key, _own_file(key, value, slot)) for key, value in options.trace),
        replication_limit=options.replication_queue_limit if options.replicate_control else 0,
        gather_timeout=options.gather_timeout,
        flights=dict(flights or {}),
    )


def _frontend(
    options: ServeOptions, name: str, inherited: Mapping[str, Any], slot: int
) -> dict[str, Any]:
    own = {**options.frontends.get(name, {}), **inherited}
    if "grpc" in (name, *own):
        own.setdefault("handoff_slack", GRPC_HANDOFF_SLACK)
    # A part of the drain limit at most: the requests that come have the rest.
    grace = min(DRAIN_GRACE_MS, int(options.timeouts.drain * 100))
    calls = {"stream_drain_grace_ms": grace, "forward_slack": GRPC_FORWARD_SLACK}
    if name == "grpc":
        own = {**calls, **own}
    else:
        own.setdefault("drain_grace_ms", grace)
    if "grpc" in own:  # on the HTTP port
        own["grpc"] = {**calls, **own["grpc"]}
    if own.get("access_log") not in (None, "", "-"):
        own["access_log"] = f"{own['access_log']}.w{slot}"
    return own


def _own_file(key: str, value: str, slot: int) -> str:
    """Several processes must not write to one trace file."""
    return f"{value}.w{slot}" if key.endswith("file") and value else value
