"""From the description of a worker to a running core: options, and a start that says what fails."""

from __future__ import annotations

import contextlib
from typing import Any

from ..protocol.worker_spec import WorkerSpec


def core_options(api: Any, spec: WorkerSpec) -> Any:
    """`tritonserver.Options` from the JSON form of a spec: names become enums and records."""
    values: dict[str, Any] = dict(spec.core)
    if values.get("model_control_mode", "none") == "none":
        # All models, and clients may not change that; but a model that broke can be loaded again.
        values.update(model_control_mode="explicit", startup_models=["*"])
    for key, enum in (
        ("model_control_mode", api.ModelControlMode),
        ("rate_limiter_mode", api.RateLimitMode),
        ("log_format", api.LogFormat),
    ):
        if key in values:
            values[key] = getattr(enum, str(values[key]).upper())
    resources = values.get("rate_limiter_resources")
    if resources:
        values["rate_limiter_resources"] = [api.RateLimiterResource(*item) for item in resources]
    pools = values.get("cuda_memory_pool_sizes")
    if pools:
        values["cuda_memory_pool_sizes"] = {int(key): int(size) for key, size in pools.items()}
    limits = values.get("model_load_device_limits")
    if limits:
        gpu = api.InstanceGroupKind.GPU
        values["model_load_device_limits"] = [
            api.ModelLoadDeviceLimit(gpu, device, fraction) for device, fraction in limits
        ]
    backends = {
        name: dict(items) for name, items in values.get("backend_configuration", {}).items()
    }
    backends.setdefault("python", {})["shm-region-prefix-name"] = spec.shm_prefix
    values["backend_configuration"] = backends
    # A model that fails must be named by us; the core would only say that some model failed.
    values["exit_on_error"] = False
    values["exit_timeout"] = spec.exit_timeout
    values.setdefault("server_id", "triton")
    return api.Options(**values)


def start_core(api: Any, options: Any) -> Any:
    """A server whose models may have failed, but that is initialised. Raises what the core says."""
    server = api.Server(options).start(wait_until_ready=False)
    try:
        server.models()
    except Exception:
        # It swallowed an error of its own, such as a repository that it cannot read. Only a start
        # that may fail tells which one.
        with contextlib.suppress(Exception):
            server.stop()
        options.exit_on_error = True
        server = api.Server(options).start(wait_until_ready=False)
        server.models()
    return server
