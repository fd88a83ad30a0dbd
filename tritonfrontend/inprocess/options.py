"""Options of a server: NVIDIA's names and defaults. Checked by `Server.start`, not before."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .. import _native
from .._core import BACKENDS, CACHES, REPO_AGENTS, Layout
from ..errors import InvalidArgumentError, UnsupportedError
from . import checks
from .enums import InstanceGroupKind, LogFormat, ModelControlMode, RateLimitMode

__all__ = ["ModelLoadDeviceLimit", "Options", "RateLimiterResource", "absolute_path", "to_native"]

_INT32_MAX = 2**31 - 1
_UINT64_MAX = 2**64 - 1


@dataclass(slots=True)
class RateLimiterResource:
    """`count` units of a resource on a device, for models that declare it."""

    name: str
    count: int
    device: int


@dataclass(slots=True)
class ModelLoadDeviceLimit:
    """Load no model on the device once this fraction (0..1) of its memory is in use."""

    kind: InstanceGroupKind
    device: int
    fraction: float


@dataclass(slots=True)
class Options:
    """What `Server` starts with.

    model_repository: one path or several; the only field without a usable default.
    startup_models: what to load with ModelControlMode.EXPLICIT; "*" is every model.
    strict_model_config: false lets backends complete a configuration.
    pinned_memory_pool_size, cuda_memory_pool_sizes: bytes; the latter by device.
    cache_config: settings by cache name, e.g. {"local": {"size": 1048576}}; one cache at most.
    exit_on_error: a model that does not load makes `start` fail.
    strict_readiness: ready only if every model is.
    exit_timeout: seconds that `stop` may take, at least 1.
    log_verbose: 0 is off. Verbose turns on info, info warnings, warnings errors.
    log_callback: needs a core that offers it.
    metrics_interval: milliseconds.
    backend_directory, cache_directory, repo_agent_directory: the default is the core's own. Where a
        backend directory has no Python backend, the core's is added.
    gpu_metrics, pinned memory and peer access are left out where no GPU is visible.
    """

    model_repository: str | list[str] = field(default_factory=list)
    server_id: str = "triton"
    model_control_mode: ModelControlMode = ModelControlMode.NONE
    startup_models: list[str] = field(default_factory=list)
    strict_model_config: bool = False
    rate_limiter_mode: RateLimitMode = RateLimitMode.OFF
    rate_limiter_resources: list[RateLimiterResource] = field(default_factory=list)
    pinned_memory_pool_size: int = 1 << 28
    cuda_memory_pool_sizes: dict[int, int] = field(default_factory=dict)
    cache_config: dict[str, dict[str, Any]] = field(default_factory=dict)
    cache_directory: str = CACHES
    min_supported_compute_capability: float = 6.0
    exit_on_error: bool = True
    strict_readiness: bool = True
    exit_timeout: int = 30
    buffer_manager_thread_count: int = 0
    model_load_thread_count: int = 4
    model_load_retry_count: int = 0
    model_namespacing: bool = False
    enable_peer_access: bool = True
    log_file: str | None = None
    log_info: bool = False
    log_warn: bool = False
    log_error: bool = False
    log_format: LogFormat = LogFormat.DEFAULT
    log_verbose: int = 0
    log_callback: Callable[..., Any] | None = None
    metrics: bool = True
    gpu_metrics: bool = True
    cpu_metrics: bool = True
    metrics_interval: int = 2000
    backend_directory: str = BACKENDS
    repo_agent_directory: str = REPO_AGENTS
    model_load_device_limits: list[ModelLoadDeviceLimit] = field(default_factory=list)
    backend_configuration: dict[str, dict[str, str]] = field(default_factory=dict)
    host_policies: dict[str, dict[str, str]] = field(default_factory=dict)
    metrics_configuration: dict[str, dict[str, str]] = field(default_factory=dict)

    def _cascade(self) -> None:
        """Verbose logging needs the levels below it; the object itself is changed."""
        if self.log_verbose:
            self.log_info = True
        if self.log_info:
            self.log_warn = True
        if self.log_warn:
            self.log_error = True


def _repositories(options: Options) -> list[str]:
    """The repositories of `options`, local ones as absolute paths; wraps a single one in place."""
    if options.model_repository is None:
        raise InvalidArgumentError("Model repository must be specified.")
    if not isinstance(options.model_repository, (list, tuple)):
        options.model_repository = [options.model_repository]
    return [absolute_path("model_repository", path) for path in options.model_repository]


def to_native(options: Options, layout: Layout) -> _native.ServerOptions:
    """The checked options for the core. Raises InvalidArgumentError or UnsupportedError."""
    if options.log_callback is not None:
        raise UnsupportedError(
            "log_callback: this core has no TRITONSERVER_ServerOptionsSetLogCallback"
        )
    native = _native.ServerOptions()
    native.model_repositories = _repositories(options)
    _set_plain(native, options)
    native.model_control_mode = checks.enum_member(
        "model_control_mode", options.model_control_mode, ModelControlMode
    )
    native.rate_limiter_mode = checks.enum_member(
        "rate_limiter_mode", options.rate_limiter_mode, RateLimitMode
    )
    names = checks.sequence("startup_models", options.startup_models)
    native.startup_models = [checks.text("startup_models", name) for name in names]
    native.cuda_memory_pool_sizes = _pool_sizes(options.cuda_memory_pool_sizes)
    native.cache_config = _cache_config(options.cache_config)
    _set_log(native, options)
    _set_records(native, options)
    native.backend_directory = layout.backend_directory(native.backend_directory)
    native.cache_directory = layout.cache_directory(native.cache_directory)
    native.repo_agent_directory = layout.repo_agent_directory(native.repo_agent_directory)
    return native


_BOOLS = (
    "strict_model_config",
    "exit_on_error",
    "strict_readiness",
    "model_namespacing",
    "enable_peer_access",
    "metrics",
    "gpu_metrics",
    "cpu_metrics",
)
_INTEGERS = {  # name: smallest, largest
    "pinned_memory_pool_size": (0, _UINT64_MAX),
    "exit_timeout": (1, _INT32_MAX),
    "buffer_manager_thread_count": (0, 1024),
    "model_load_thread_count": (1, 1024),
    "model_load_retry_count": (0, _INT32_MAX),
    "metrics_interval": (1, _UINT64_MAX),
}
_TEXTS = ("server_id", "cache_directory", "backend_directory", "repo_agent_directory")
_SETTINGS = ("backend_configuration", "host_policies", "metrics_configuration")


def _set_plain(native: _native.ServerOptions, options: Options) -> None:
    for name in _BOOLS:
        setattr(native, name, checks.boolean(name, getattr(options, name)))
    for name, (low, high) in _INTEGERS.items():
        setattr(native, name, checks.integer(name, getattr(options, name), low, high))
    for name in _TEXTS:
        value = getattr(options, name)
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
        setattr(native, name, checks.text(name, value))
    for name in _SETTINGS:
        setattr(native, name, checks.nested_texts(name, getattr(options, name)))
    name = "min_supported_compute_capability"
    setattr(native, name, checks.real(name, getattr(options, name)))


def _set_log(native: _native.ServerOptions, options: Options) -> None:
    checks.integer("log_verbose", options.log_verbose, 0, _INT32_MAX)
    options._cascade()
    native.set_log(
        file=checks.text("log_file", os.fspath(options.log_file)) if options.log_file else None,
        info=checks.boolean("log_info", options.log_info),
        warn=checks.boolean("log_warn", options.log_warn),
        error=checks.boolean("log_error", options.log_error),
        format=checks.enum_member("log_format", options.log_format, LogFormat),
        verbose=options.log_verbose,
    )


def _set_records(native: _native.ServerOptions, options: Options) -> None:
    for resource in checks.sequence("rate_limiter_resources", options.rate_limiter_resources):
        native.add_rate_limiter_resource(
            checks.text("rate_limiter_resources: name", resource.name),
            checks.integer("rate_limiter_resources: count", resource.count, 0, _UINT64_MAX),
            checks.integer("rate_limiter_resources: device", resource.device, -1, _INT32_MAX),
        )
    for limit in checks.sequence("model_load_device_limits", options.model_load_device_limits):
        native.add_model_load_device_limit(
            checks.enum_member("model_load_device_limits: kind", limit.kind, InstanceGroupKind),
            checks.integer("model_load_device_limits: device", limit.device, 0, _INT32_MAX),
            checks.real("model_load_device_limits: fraction", limit.fraction),
        )


def _pool_sizes(sizes: object) -> dict[int, int]:
    name = "cuda_memory_pool_sizes"
    if not isinstance(sizes, dict):
        raise InvalidArgumentError(f"{name}: expected a dict of device to bytes, got {sizes!r}")
    return {
        checks.integer(f"{name}: device", device, 0, _INT32_MAX): checks.integer(
            f"{name}[{device!r}]", size, 0, _UINT64_MAX
        )
        for device, size in sizes.items()
    }


def _cache_config(caches: object) -> dict[str, str]:
    if not isinstance(caches, dict):
        raise InvalidArgumentError(f"cache_config: expected a dict of dicts, got {caches!r}")
    # The cache takes every setting as text.
    return {
        name: json.dumps(item) for name, item in checks.nested_texts("cache_config", caches).items()
    }


def absolute_path(name: str, path: object) -> str:
    """A repository's path as the core wants it; addresses of cloud storage stay as they are."""
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    text = checks.text(name, path)
    return text if "://" in text or not text else os.path.abspath(text)
