"""The settings of a group by the flags that a user typed, to tell what differs. Pure.

`ServeOptions` has some of them under names of the core, and one that several frontends take once
for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from .flag import plain
from .flags import FLAGS
from .spec import PortSpec, ServeOptions

_FLAGS = {flag.dest: flag for flag in FLAGS}
#: Where the name of the flag does not follow from that of the field.
_NAMES = {
    "exit_timeout": "--exit-timeout-secs",
    "timeouts.suspect_after": "--suspect-after",
    "restarts.base_delay": "--restart-delay",
    "restarts.breaker_failures": "--restart-limit",
    "restarts.breaker_window": "--restart-window",
    "restarts.half_open_every": "--restart-retry",
}


@dataclass(frozen=True)
class Setting:
    """`path`: the field of ServeOptions, or of a record in it. `text`: the value as typed."""

    path: str
    value: Any
    text: str


def running(options: ServeOptions) -> set[str]:
    """Names of the frontends that are on, whatever port they have."""
    on_http = {"grpc"} if _on_http(options) else set()
    return {port.name for port in options.worker_ports} | on_http


def by_flag(options: ServeOptions, frontends: Collection[str]) -> dict[str, Setting]:
    """All settings but those of other frontends. What was not given, and has its default in the
    core or in a frontend, is not there.
    """
    found: dict[str, Setting] = {}
    for field in fields(ServeOptions):
        for name, setting in _of_field(field.name, options, frontends):
            found.setdefault(name, setting)
    return found


def _of_field(
    field: str, options: ServeOptions, frontends: Collection[str]
) -> Iterator[tuple[str, Setting]]:
    value = getattr(options, field)
    if isinstance(value, PortSpec):
        yield from _port(field, value, options)
    elif field == "core":
        yield from _options("core", {k: v for k, v in value.items() if k != "metrics"}, field)
    elif field == "frontends":
        for name in sorted(value.keys() & set(frontends), key=list(value).index):
            given = {k: v for k, v in value[name].items() if k != "grpc"}
            yield from _options(name, given, f"{field}.{name}")
    elif field == "trace":
        yield "--trace-config", Setting(field, value, ", ".join(map("=".join, value)) or "none")
    elif field == "log_json":  # else the format is the core's
        if value:
            yield "--log-format", Setting(field, value, "json")
    elif is_dataclass(value):
        for leaf in fields(value):
            yield _named(f"{field}.{leaf.name}", getattr(value, leaf.name))
    else:
        yield _named(field, value)


def _port(field: str, port: PortSpec, options: ServeOptions) -> Iterator[tuple[str, Setting]]:
    on_http = port.name == "grpc" and _on_http(options)
    if on_http:
        yield "--grpc-on-http-port", Setting(f"{field}.on_http", on_http, plain(on_http))
    enabled = port.enabled or on_http
    yield f"--allow-{port.name}", Setting(f"{field}.enabled", enabled, plain(enabled))
    yield f"--{port.name}-address", Setting(f"{field}.address", port.address, port.address)
    yield f"--{port.name}-port", Setting(f"{field}.port", port.port, plain(port.port))


def _on_http(options: ServeOptions) -> bool:
    return "grpc" in options.frontends.get("http", {})


def _options(target: str, given: Mapping[str, Any], path: str) -> Iterator[tuple[str, Setting]]:
    """Options of the core or of one frontend, which may take flags of the HTTP frontend too."""
    for key, value in given.items():
        flag = _FLAGS.get(f"{target}.{key}") or _FLAGS.get(f"http.{key}")
        if flag is None:
            yield f"--{target}-{key.replace('_', '-')}", Setting(path, value, plain(value))
        elif flag.style == "nested":
            for group, values in value.items():
                for name, text in values.items():
                    where = ",".join(filter(None, (group, name)))
                    yield f"{flag.name}={where}", Setting(path, text, plain(text))
        else:
            yield flag.name, Setting(path, value, flag.typed(value))


def _named(path: str, value: Any) -> tuple[str, Setting]:
    record, _, leaf = path.rpartition(".")
    words = leaf.replace("_", "-")
    usual = {"timeouts": f"--{words}-timeout", "restarts": f"--restart-{words}"}
    name = _NAMES.get(path) or usual.get(record, f"--{words}")
    return name, Setting(path, value, plain(value))
