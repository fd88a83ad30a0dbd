"""What a new configuration means for a running group: nothing, a rolling restart, or a new start.

Pure. What workers are told when they start can be changed by starting their successors; ports,
devices and everything that the supervisor itself was built from cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from ..options.spec import ServeOptions

#: Fields that only workers and their slots read. Any other field needs a new start, so that a new
#: one is never silently ignored.
_ROLLING = frozenset(
    {
        "model_repository",
        "core",
        "frontends",
        "trace",
        "exit_on_error",
        "exit_timeout",
        "repository_poll_secs",
        "timeouts",
        "worker_command",
        "model_hang_timeout",
        "model_hang_restart",
        "replicate_control",
        "replication_queue_limit",
        "gather_timeout",
    }
)
#: Of the deadlines, those of watchdogs that are set up once.
_WATCHDOGS = frozenset({"timeouts.suspect_after", "timeouts.hang", "timeouts.queue"})
#: Read by the supervisor at the moment of use.
_LIVE = frozenset(
    {
        "min_ready",
        "reload_strategy",
        "worker_max_rss",
        "worker_max_age",
        "replication_timeout",
        "replication_patience",
        "timeouts.gpu_quarantine",
    }
)


class Effect(str, Enum):
    """What a change needs, in rising order."""

    NOTHING = "nothing"
    LIVE = "no restart"
    ROLLING = "rolling restart"
    FULL = "full restart"

    def __str__(self) -> str:
        return self.value


_ORDER = list(Effect)


@dataclass(frozen=True)
class Change:
    """One setting with its old and new value as text."""

    name: str
    old: str
    new: str
    effect: Effect

    def __str__(self) -> str:
        return f"{self.name}: {self.old} -> {self.new} ({self.effect})"


@dataclass(frozen=True)
class Plan:
    """All changes, and the greatest effect among them."""

    changes: tuple[Change, ...]

    @property
    def effect(self) -> Effect:
        effects = (change.effect for change in self.changes)
        return max(effects, key=_ORDER.index, default=Effect.NOTHING)


def plan(old: ServeOptions, new: ServeOptions) -> Plan:
    """Compare two validated configurations."""
    return Plan(tuple(_changes(old, new)))


def _changes(old: ServeOptions, new: ServeOptions) -> Iterator[Change]:
    for field in fields(ServeOptions):
        before, after = getattr(old, field.name), getattr(new, field.name)
        for name, one, other in _differences(field.name, before, after):
            yield Change(name, one, other, _effect(field.name, name))


def _effect(field: str, name: str) -> Effect:
    """`name` is the field's, or that of a leaf in it."""
    if not _LIVE.isdisjoint({field, name}):
        return Effect.LIVE
    return Effect.ROLLING if field in _ROLLING and name not in _WATCHDOGS else Effect.FULL


def _differences(name: str, old: Any, new: Any) -> Iterator[tuple[str, str, str]]:
    """Leaves that differ: mappings and records are entered, so that a person sees the one key."""
    if old == new:
        return
    if hasattr(old, "__dataclass_fields__"):
        old, new = vars(old), vars(new)
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        yield name, _text(old), _text(new)
        return
    for key in sorted({*old, *new}, key=str):
        yield from _differences(f"{name}.{key}", old.get(key, _ABSENT), new.get(key, _ABSENT))


_ABSENT = object()


def _text(value: Any) -> str:
    return "default" if value is _ABSENT else repr(value)
