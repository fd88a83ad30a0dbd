"""Which models of a worker clients shall not wait for, from what is seen of their stubs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field

from .stubs import Stub

_RELOADED = "it is being loaded again"
_STOPPED = "its Python stubs are stopped by a signal"


@dataclass(frozen=True)
class Unserved:
    """Models that cannot answer here, with a text for clients. What another worker can answer goes
    there; if none can, `broken` models are refused and the requests for `stuck` ones wait.
    """

    broken: Mapping[str, str] = field(default_factory=dict)
    stuck: Mapping[str, str] = field(default_factory=dict)


def unserved(
    *,
    alive: Mapping[str, Set[Stub]],
    stopped: Set[Stub],
    healing: Iterable[str],
    survivors: Mapping[str, Collection[Stub]],
    hung: Mapping[str, str],
) -> Unserved:
    """`alive`: stubs by model, some of them `stopped`; `healing`: models that lost stubs and are,
    or will be, loaded again, with their `survivors` of the copy in service; `hung`: with what to
    say.
    """
    everything = {stub for stubs in alive.values() for stub in stubs}
    broken = {model: _RELOADED for model in healing if everything.isdisjoint(survivors[model])}
    still = {model: _STOPPED for model, stubs in alive.items() if stubs and stubs <= stopped}
    stuck = {model: text for model, text in {**still, **hung}.items() if model not in broken}
    return Unserved(broken, stuck)
