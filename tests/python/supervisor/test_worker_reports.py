"""What a worker tells of itself: once when it changes, again when it could not be told.

The supervisor is the other end of a channel, the core a record of what it would say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from tritonfrontend.supervisor.protocol.channel import Channel
from tritonfrontend.supervisor.protocol.outbox import Outbox
from tritonfrontend.supervisor.worker.client_loads import ClientLoads
from tritonfrontend.supervisor.worker.core import Core, ModelState
from tritonfrontend.supervisor.worker.model_watch import ModelWatch, Wishes
from tritonfrontend.supervisor.worker.reports import Reporter


@dataclass
class Said:
    """The part of `Core` that a reporter asks."""

    counters: dict[str, int] = field(default_factory=lambda: {"requests_total": 0})
    failed: int = 0
    broken: str = ""

    def statistics(self) -> dict[str, dict[str, int]]:
        if self.broken:
            raise RuntimeError(self.broken)
        return {"http": dict(self.counters)}

    def outcomes(self) -> tuple[int, list[int]]:
        return self.failed, [0]

    def outcome_bounds(self) -> list[float]:
        return [1.0]

    def models(self) -> list[ModelState]:
        return [ModelState("m", 1, "READY", "")]

    def config(self, name: str) -> dict[str, Any]:
        return {"name": name}


def at_once(work: Callable[[], None]) -> None:
    work()


class Rig:
    def __init__(self) -> None:
        self.supervisor, theirs = Channel.pair()
        self.channel = Channel(theirs)
        self.said = Said()
        self.errors: list[str] = []
        core = cast(Core, self.said)
        ignore: Callable[..., None] = lambda *_, **__: None  # noqa: E731
        wishes = Wishes(at_once, at_once, ignore, ignore, ignore)
        watch = ModelWatch(core, wishes, ClientLoads(), hang_timeout=0.0, hang_restart=False)
        outbox = Outbox(lambda op, fds, args: self.channel.send(op, fds, **args))
        self.reporter = Reporter(
            core, self.channel, outbox, watch, at_once, at_once, self.errors.append
        )

    def heard(self) -> list[str]:
        """A look at the core, and what the supervisor hears of it."""
        self.reporter.begin()
        return [message.op for message in self.supervisor.drain()]


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.supervisor.close()
    made.channel.close()


def test_what_has_not_changed_is_not_told_again(rig: Rig) -> None:
    assert rig.heard() == ["STATS", "MODELS"]
    assert rig.heard() == []
    rig.said.counters["requests_total"] += 1
    assert rig.heard() == ["STATS"]
    rig.said.failed += 1
    assert rig.heard() == ["STATS"]
    assert rig.heard() == []


def test_what_could_not_be_told_is_told_next_time(rig: Rig) -> None:
    rig.heard()
    while rig.channel.send("PROGRESS", elapsed=0.0):  # until nothing fits any more
        pass
    rig.said.counters["requests_total"] += 1
    assert "STATS" not in rig.heard()
    assert rig.heard() == ["STATS"]


def test_core_that_does_not_answer_is_asked_again(rig: Rig) -> None:
    rig.said.broken = "as you wish"
    assert rig.heard() == []
    assert rig.errors == ["statistics: as you wish"]
    rig.said.broken = ""
    assert rig.heard() == ["STATS", "MODELS"]
