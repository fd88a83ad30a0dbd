"""What to run: frozen descriptions, validated whole before anything starts.

`ServeOptions` is everything a user can ask for; what one worker is told of it is in
`protocol/worker_spec.py`. Nothing here touches the operating system except to check that named
directories exist.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

#: Deadlines that may be zero, and those whose flag is not called `--<field>-timeout`.
_MAY_BE_ZERO = ("drain", "suspect_after", "hang", "queue")
_TIMEOUT_FLAGS = {"suspect_after": "--suspect-after"}
RELOAD_STRATEGIES = ("auto", "surge", "spare", "stop-start", "in-place")
_CONTROL_MODES = ("none", "poll", "explicit")
CPU_AFFINITY_MODES = ("auto", "split", "none")  # see devices/affinity.py


class SpecError(ValueError):
    """A setting is wrong. `field` is the name that the user typed."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


@dataclass(frozen=True)
class Device:
    """What one worker computes on.

    `kind` is "cpu", "gpu" or "mig"; `uuid` pins GPUs and MIG instances (indices may change between
    boots); `index` is the position in NVML (= PCI) order, or the number of the CPU worker. `numa`
    is the GPU's node, `cpus` where the worker shall run (empty: anywhere).
    """

    kind: str
    index: int
    uuid: str = ""
    name: str = ""
    pci: str = ""
    numa: int | None = None
    cpus: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.kind}:{self.index}"

    @property
    def visible(self) -> str:
        """The worker's CUDA_VISIBLE_DEVICES; empty hides every GPU from a CPU worker."""
        return self.uuid


@dataclass(frozen=True)
class PortSpec:
    """One public endpoint. Port 0 takes any free port."""

    name: str
    enabled: bool
    address: str
    port: int

    def check(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SpecError(f"--{self.name}-port", f"{self.port} is not in 0..65535")
        if not self.address:
            raise SpecError(f"--{self.name}-address", "must not be empty")


@dataclass(frozen=True)
class Timeouts:
    """Deadlines of a slot's states, in seconds."""

    hello: float = 10.0  # exec to first message: an interpreter and our imports, 0.1 s idle
    start: float = 1800.0  # whole model load; large models on network disks take many minutes
    start_stall: float = 300.0  # without a sign of life while loading (a load may hold the GIL)
    drain: float = 30.0  # requests in flight at a stop
    device: float = 30.0  # a GPU that is not there (yet)
    gpu_quarantine: float = 60.0  # quiet of a GPU after a fatal error; a reset takes longer
    stop_margin: float = 5.0  # on top of the core's own exit timeout
    # Three beats of a loop. Wrong on a busy machine now and then, which costs nothing.
    suspect_after: float = 0.15
    hang: float = 10.0  # silence of a loop after which a worker is killed; 0: never
    queue: float = 10.0  # clients wait so long for any worker, then they are told; 0: not at all
    reclaim: float = 1.0  # helpers of a dead worker notice within 0.3 s; then they are killed


@dataclass(frozen=True)
class RestartPolicy:
    """Numbers of the policy; times in seconds. The flags are in `restart_flags.py`."""

    base_delay: float = 0.5  # before the second try; doubles with every further failure
    max_delay: float = 60.0
    jitter: float = 0.2
    healthy_after: float = 60.0  # ready for so long: the next crash counts as the first
    breaker_failures: int = 5  # 0: never give up
    breaker_window: float = 300.0
    half_open_every: float = 600.0  # tries of a worker that was given up; 0: none


@dataclass(frozen=True)
class ServeOptions:
    """A whole group of workers. Names follow the flags of `tritonserver` where it has them."""

    model_repository: tuple[str, ...]
    name: str = ""
    devices: str = "auto"
    spare_devices: str = ""
    run_dir: str = ""
    http: PortSpec = PortSpec("http", True, "0.0.0.0", 8000)
    grpc: PortSpec = PortSpec("grpc", True, "0.0.0.0", 8001)
    metrics: PortSpec = PortSpec("metrics", True, "0.0.0.0", 8002)
    sagemaker: PortSpec = PortSpec("sagemaker", False, "0.0.0.0", 8080)
    vertex_ai: PortSpec = PortSpec("vertex-ai", False, "0.0.0.0", 8080)
    core: Mapping[str, Any] = field(default_factory=dict)
    frontends: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trace: tuple[tuple[str, str], ...] = ()
    exit_on_error: bool = True
    exit_timeout: int = 30
    repository_poll_secs: int = 15
    model_hang_timeout: float | str = "auto"  # seconds, 0: never; see worker/hang_limit.py
    model_hang_restart: bool = False
    cpu_affinity: str = "auto"
    gpu_memory_needed: str = "auto"
    steering: bool = True
    log_json: bool = False
    record_in_flight: bool = True  # two stores and a copy of two names per request
    metrics_max_connections: int = 64  # a scraper or a probe needs one
    event_history: int = 2000  # a day of a quiet instance, an hour of a crash loop; about 1 MB
    timeouts: Timeouts = Timeouts()
    restarts: RestartPolicy = field(default_factory=RestartPolicy)
    worker_command: tuple[str, ...] = ()
    min_ready: int = 1  # below it the group is not ready, and nothing takes a worker away
    reload_strategy: str = "auto"  # how one worker is replaced; see group/rolling.py
    worker_max_rss: int = 0  # bytes; 0: no limit
    worker_max_age: float = 0.0  # seconds; 0: no limit
    replicate_control: bool = True  # what a client changes on one worker is changed on all
    # Beyond what the worker that was asked took: to map memory takes milliseconds, and to load a
    # model again as long as the first time, or longer where workers share a disk.
    replication_timeout: float = 30.0
    replication_patience: float = 150.0  # a model may hold the interpreter for two minutes
    replication_queue_limit: int = 256  # as many as may wait for the threads of a frontend
    gather_timeout: float = 1.0  # somebody waits, and the answers take milliseconds

    def __post_init__(self) -> None:
        self._check_repository()
        self._check_ports()
        self._check_core()
        if self.name and not _NAME.fullmatch(self.name):
            raise SpecError(
                "--name", f"{self.name!r} is not 1 to 63 letters, digits, '.', '_' or '-'"
            )
        for item in fields(self.timeouts):
            value = getattr(self.timeouts, item.name)
            if not 0 <= value < 1e7 or (value == 0 and item.name not in _MAY_BE_ZERO):
                flag = _TIMEOUT_FLAGS.get(item.name, f"--{item.name.replace('_', '-')}-timeout")
                raise SpecError(flag, f"{value} is not a number of seconds up to 1e7")
        for name in ("replication_timeout", "replication_patience", "gather_timeout"):
            value = getattr(self, name)
            if not 0 < value < 1e7:
                raise SpecError(
                    f"--{name.replace('_', '-')}",
                    f"{value:g} is not a number of seconds above 0, up to 1e7",
                )
        if not 1 <= self.replication_queue_limit <= 1_000_000:
            raise SpecError(
                "--replication-queue-limit", f"{self.replication_queue_limit} is not in 1..1000000"
            )
        if not 1 <= self.event_history <= 1_000_000:
            raise SpecError("--event-history", f"{self.event_history} is not in 1..1000000")
        if not 1 <= self.metrics_max_connections <= 10_000:
            raise SpecError(
                "--metrics-max-connections", f"{self.metrics_max_connections} is not in 1..10000"
            )
        if self.min_ready < 1:
            raise SpecError("--min-ready", f"{self.min_ready} is less than one worker")
        if self.reload_strategy not in RELOAD_STRATEGIES:
            allowed = ", ".join(RELOAD_STRATEGIES)
            raise SpecError(
                "--reload-strategy", f"{self.reload_strategy!r} is not one of {allowed}"
            )
        if self.reload_strategy == "spare" and not self.spare_devices:
            raise SpecError("--reload-strategy", "spare needs --spare-devices")
        if self.exit_timeout < 1:
            raise SpecError("--exit-timeout-secs", f"{self.exit_timeout} is less than one second")

    def _check_repository(self) -> None:
        if not self.model_repository:
            raise SpecError("--model-repository", "at least one is needed")
        for path in self.model_repository:
            if "://" in path:  # remote storage is the core's business
                continue
            if not path or not Path(path).is_dir():
                raise SpecError("--model-repository", f"{path!r} is not a directory")
            if not os.access(path, os.R_OK | os.X_OK):
                raise SpecError("--model-repository", f"{path!r} cannot be read")

    def _check_ports(self) -> None:
        if not self.worker_ports:
            raise SpecError("--allow-http", "HTTP and gRPC are both off, nothing to serve")
        ports = [*self.worker_ports, *([self.metrics] if self.metrics.enabled else [])]
        seen: dict[int, PortSpec] = {}
        for port in ports:
            port.check()
            other = seen.setdefault(port.port, port) if port.port else port
            if other is not port:
                raise SpecError(f"--{port.name}-port", f"{port.port} is also the {other.name} port")

    def _check_core(self) -> None:
        mode = self.core.get("model_control_mode", "none")
        if mode not in _CONTROL_MODES:
            allowed = ", ".join(_CONTROL_MODES)
            raise SpecError("--model-control-mode", f"{mode!r} is not one of {allowed}")
        if self.core.get("startup_models") and mode != "explicit":
            raise SpecError("--load-model", "needs --model-control-mode=explicit")

    @property
    def worker_ports(self) -> tuple[PortSpec, ...]:
        """The endpoints that workers serve. The supervisor serves the metrics itself."""
        ports = (self.http, self.grpc, self.sagemaker, self.vertex_ai)
        return tuple(port for port in ports if port.enabled)

    @property
    def instance_name(self) -> str:
        """`--name`, or one made from the port: two groups on one machine differ at least there."""
        port = self.worker_ports[0].port
        return self.name or (f"triton-{port}" if port else "triton")
