"""What a new configuration means for a running group: nothing, a rolling restart, or a new start.

Pure. What workers are told when they start can be changed by starting their successors; ports,
devices and everything that the supervisor itself was built from cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ..options.by_flag import Setting, by_flag, running
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
    """One setting, by its flag, with its old and new value as typed."""

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
    frontends = running(old) | running(new)
    before, after = by_flag(old, frontends), by_flag(new, frontends)
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name), after.get(name)
        if one is None or other is None or one.value != other.value:
            effects = (_effect(each.path) for each in (one, other) if each is not None)
            yield Change(name, _text(one), _text(other), max(effects, key=_ORDER.index))


def _effect(path: str) -> Effect:
    field = path.partition(".")[0]
    if not _LIVE.isdisjoint({field, path}):
        return Effect.LIVE
    return Effect.ROLLING if field in _ROLLING and path not in _WATCHDOGS else Effect.FULL


def _text(setting: Setting | None) -> str:
    return "default" if setting is None else setting.text
