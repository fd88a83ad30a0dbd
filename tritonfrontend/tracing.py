"""Traces of requests, as Triton's trace extension: `configure_tracing(server, {...})`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from . import _native
from ._frontend import native_server
from .errors import InvalidArgumentError

__all__ = ["configure_tracing"]

# Settings live as long as their server object.
_kept: WeakKeyDictionary[Any, _native.Tracing] = WeakKeyDictionary()


def configure_tracing(
    server: Any, settings: Mapping[str, object] | Iterable[tuple[str, object]]
) -> None:
    """Set what is traced on `server`, for all its frontends; clients can change it later.

    `settings` are those of Triton's `--trace-config`: "level" (TIMESTAMPS, TENSORS or OFF; pairs
    may repeat it), "rate" (one request in so many, default 1000), "count" (how many, default -1 for
    all), "triton,file" (where traces are written as JSON), "triton,log-frequency" (traces per
    numbered file, default 0 for one file), and ours: "parent-based" ("true": the sampled flag of a
    client's traceparent has its request traced whatever rate and count say; default "false").
    Raises InvalidArgumentError for a value that cannot be read, UnsupportedError for "mode"
    opentelemetry.
    """
    items = settings.items() if isinstance(settings, Mapping) else settings
    pairs: list[tuple[str, str]] = []
    for item in items:
        if not isinstance(item, (tuple, list)) or len(item) != 2 or not isinstance(item[0], str):
            raise InvalidArgumentError(f"settings: expected pairs of name and value, got {item!r}")
        pairs.append((item[0], str(item[1])))
    native, _ = native_server(server)
    _kept[server] = _native.configure_tracing(native, pairs)
