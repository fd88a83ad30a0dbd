"""Flags of `serve` as one table: name, where its value goes, how it is read, what it means.

A flag that `tritonserver` has too carries its name and its value format. `core` values are fields
of `tritonserver.Options`, `http` and `grpc` values fields of the frontends' `Options`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .spec import SpecError

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def natural(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number >= 0")
    return value


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e7:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds >= 0")
    return value


def choice(**names: str) -> Callable[[str], str]:
    """A word of `names`; the value is what the API calls it."""

    def read(text: str) -> str:
        if text.lower() not in names:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(names)}")
        return names[text.lower()]

    return read


@dataclass(frozen=True)
class Flag:
    """One flag. `style`: "set" (last wins), "list", "pairs" (a list of tuples), "sizes" (device to
    bytes), or "nested" (`<group>,<key>=<value>`, repeatable).
    """

    name: str
    target: str
    key: str
    read: Callable[[str], Any]
    help: str
    style: str = "set"

    @property
    def dest(self) -> str:
        return f"{self.target}.{self.key}"


FLAGS = (
    Flag("--id", "core", "server_id", str, "name of the server in its metadata"),
    Flag(
        "--model-control-mode",
        "core",
        "model_control_mode",
        choice(none="none", poll="poll", explicit="explicit"),
        "none: load all models; poll: follow changes of the repository; explicit: load on demand",
    ),
    Flag(
        "--load-model",
        "core",
        "startup_models",
        str,
        "model to load at start (explicit mode; repeatable; '*' for all)",
        "list",
    ),
    Flag(
        "--strict-model-config",
        "core",
        "strict_model_config",
        boolean,
        "do not complete missing parts of model configurations",
    ),
    Flag(
        "--strict-readiness",
        "core",
        "strict_readiness",
        boolean,
        "ready only while every model is ready (default true)",
    ),
    Flag(
        "--model-namespacing",
        "core",
        "model_namespacing",
        boolean,
        "models of the same name in different repositories",
    ),
    Flag(
        "--enable-peer-access",
        "core",
        "enable_peer_access",
        boolean,
        "GPU peer access (default true)",
    ),
    Flag(
        "--model-load-thread-count",
        "core",
        "model_load_thread_count",
        natural,
        "threads that load models (default 4)",
    ),
    Flag(
        "--model-load-retry-count",
        "core",
        "model_load_retry_count",
        natural,
        "further tries after a failed load (default 0)",
    ),
    Flag(
        "--model-load-gpu-limit",
        "core",
        "model_load_device_limits",
        str,
        "<device>:<fraction> of GPU memory that loading may use",
        "fractions",
    ),
    Flag(
        "--buffer-manager-thread-count",
        "core",
        "buffer_manager_thread_count",
        natural,
        "threads that copy inputs (default 0)",
    ),
    Flag(
        "--rate-limit",
        "core",
        "rate_limiter_mode",
        choice(off="OFF", execution_count="EXEC_COUNT"),
        "off or execution_count",
    ),
    Flag(
        "--rate-limit-resource",
        "core",
        "rate_limiter_resources",
        str,
        "<name>:<count>[:<device>], repeatable",
        "resources",
    ),
    Flag(
        "--pinned-memory-pool-byte-size",
        "core",
        "pinned_memory_pool_size",
        natural,
        "bytes of pinned memory of each worker (default 256 MiB)",
    ),
    Flag(
        "--cuda-memory-pool-byte-size",
        "core",
        "cuda_memory_pool_sizes",
        str,
        "<device>:<bytes>; a worker's only GPU is its device 0",
        "sizes",
    ),
    Flag(
        "--min-supported-compute-capability",
        "core",
        "min_supported_compute_capability",
        float,
        "GPUs below are not used",
    ),
    Flag("--backend-directory", "core", "backend_directory", str, "where backends are searched"),
    Flag(
        "--repoagent-directory",
        "core",
        "repo_agent_directory",
        str,
        "where repository agents are searched",
    ),
    Flag("--cache-directory", "core", "cache_directory", str, "where caches are searched"),
    Flag(
        "--backend-config",
        "core",
        "backend_configuration",
        str,
        "<backend>,<setting>=<value>, repeatable",
        "nested",
    ),
    Flag(
        "--cache-config",
        "core",
        "cache_config",
        str,
        "<cache>,<setting>=<value>, repeatable",
        "nested",
    ),
    Flag(
        "--host-policy",
        "core",
        "host_policies",
        str,
        "<policy>,<setting>=<value>, repeatable",
        "nested",
    ),
    Flag(
        "--metrics-config",
        "core",
        "metrics_configuration",
        str,
        "[<name>,]<setting>=<value>, repeatable",
        "nested",
    ),
    Flag("--allow-gpu-metrics", "core", "gpu_metrics", boolean, "(default true)"),
    Flag("--allow-cpu-metrics", "core", "cpu_metrics", boolean, "(default true)"),
    Flag(
        "--metrics-interval-ms",
        "core",
        "metrics_interval",
        natural,
        "how often the core samples its devices (default 2000)",
    ),
    Flag("--log-verbose", "core", "log_verbose", natural, "0 off, 1 and more verbose"),
    Flag("--log-info", "core", "log_info", boolean, "(default false: N workers would repeat it)"),
    Flag("--log-warning", "core", "log_warn", boolean, "(default true)"),
    Flag("--log-error", "core", "log_error", boolean, "(default true)"),
    Flag(
        "--log-format",
        "core",
        "log_format",
        choice(default="DEFAULT", iso8601="ISO8601"),
        "default or ISO8601",
    ),
    Flag("--log-file", "core", "log_file", str, "the core's log; .w<slot> is added per worker"),
    Flag("--http-thread-count", "http", "thread_count", natural, "threads of each HTTP frontend"),
    Flag(
        "--http-header-forward-pattern",
        "http",
        "header_forward_pattern",
        str,
        "headers (regular expression) that become request parameters",
    ),
    Flag(
        "--grpc-infer-thread-count",
        "grpc",
        "infer_thread_count",
        natural,
        "threads of each gRPC frontend",
    ),
    Flag(
        "--grpc-header-forward-pattern",
        "grpc",
        "forward_header_pattern",
        str,
        "metadata (regular expression) that becomes request parameters",
    ),
    Flag(
        "--grpc-infer-allocation-pool-size",
        "grpc",
        "infer_allocation_pool_size",
        natural,
        "request objects kept for reuse (default 8)",
    ),
    Flag(
        "--grpc-infer-response-compression-level",
        "grpc",
        "infer_compression_level",
        choice(none="0", low="1", medium="2", high="3"),
        "none, low, medium or high",
    ),
    Flag("--grpc-use-ssl", "grpc", "use_ssl", boolean, "TLS on the gRPC port"),
    Flag("--grpc-use-ssl-mutual", "grpc", "use_mutual_auth", boolean, "clients need certificates"),
    Flag("--grpc-server-cert", "grpc", "server_cert", str, "PEM file"),
    Flag("--grpc-server-key", "grpc", "server_key", str, "PEM file"),
    Flag("--grpc-root-cert", "grpc", "root_cert", str, "PEM file"),
    Flag("--grpc-keepalive-time", "grpc", "keepalive_time_ms", natural, "ms between pings"),
    Flag("--grpc-keepalive-timeout", "grpc", "keepalive_timeout_ms", natural, "ms for an answer"),
    Flag(
        "--grpc-keepalive-permit-without-calls",
        "grpc",
        "keepalive_permit_without_calls",
        boolean,
        "ping idle connections",
    ),
    Flag(
        "--grpc-http2-max-pings-without-data",
        "grpc",
        "http2_max_pings_without_data",
        natural,
        "pings between data frames",
    ),
    Flag(
        "--grpc-http2-min-recv-ping-interval-without-data",
        "grpc",
        "http2_min_recv_ping_interval_without_data_ms",
        natural,
        "ms between a client's pings",
    ),
    Flag(
        "--grpc-http2-max-ping-strikes",
        "grpc",
        "http2_max_ping_strikes",
        natural,
        "early pings before a client is cut off",
    ),
    Flag("--grpc-max-connection-age", "grpc", "max_connection_age_ms", natural, "ms, 0 = no limit"),
    Flag("--grpc-max-connection-age-grace", "grpc", "max_connection_age_grace_ms", natural, "ms"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Add all flags to `parser`, grouped by what they configure."""
    titles = {
        "core": "Triton core (as for tritonserver)",
        "http": "HTTP frontend",
        "grpc": "gRPC frontend",
    }
    groups = {target: parser.add_argument_group(title) for target, title in titles.items()}
    for flag in FLAGS:
        group = groups[flag.target]
        metavar = "BOOL" if flag.read is boolean else "VALUE"
        text = flag.help.replace("%", "%%")
        if flag.style == "set":
            optional: Any = {"nargs": "?", "const": True} if flag.read is boolean else {}
            group.add_argument(
                flag.name, dest=flag.dest, type=flag.read, help=text, metavar=metavar, **optional
            )
        else:
            group.add_argument(
                flag.name, dest=flag.dest, action="append", help=text, metavar=metavar
            )


def collect(arguments: argparse.Namespace, target: str) -> dict[str, Any]:
    """The given flags of one target as keyword arguments. SpecError for a malformed list item."""
    values: dict[str, Any] = {}
    for flag in FLAGS:
        given = getattr(arguments, flag.dest)
        if flag.target == target and given is not None:
            values[flag.key] = _convert(flag, given)
    return values


def _convert(flag: Flag, given: Any) -> Any:
    match flag.style:
        case "nested":
            return _nested(flag.name, given)
        case "sizes":
            return {device: size for device, size in _pairs(flag.name, given, int)}
        case "fractions":
            return [[int(device), size] for device, size in _pairs(flag.name, given, float)]
        case "resources":
            return [_resource(flag.name, item) for item in given]
        case _:
            return given


def _nested(name: str, items: Iterable[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for item in items:
        left, equals, value = item.partition("=")
        group, comma, key = left.rpartition(",")
        if not equals or not key or (not comma and name != "--metrics-config"):
            raise SpecError(name, f"{item!r} is not <name>,<setting>=<value>")
        found.setdefault(group, {})[key] = value
    return found


def _pairs(name: str, items: Iterable[str], number: Callable[[str], Any]) -> list[tuple[str, Any]]:
    found = []
    for item in items:
        device, colon, size = item.partition(":")
        try:
            if not colon or not device.isdigit():
                raise ValueError
            found.append((device, number(size)))
        except ValueError:
            raise SpecError(name, f"{item!r} is not <device>:<number>") from None
    return found


def _resource(name: str, item: str) -> list[str | int]:
    parts = item.split(":")
    numbers = [part for part in parts[1:] if part.isdigit()]
    if not parts[0] or len(parts) not in (2, 3) or len(numbers) != len(parts) - 1:
        raise SpecError(name, f"{item!r} is not <name>:<count>[:<device>]")
    # The core reads -1 as "every device".
    return [parts[0], int(parts[1]), int(parts[2]) if len(parts) == 3 else -1]
