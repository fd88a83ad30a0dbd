"""What a changed configuration needs, and how a worker is replaced: decisions only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tritonfrontend.supervisor.group.group import Group
from tritonfrontend.supervisor.group.reload_plan import Effect, plan
from tritonfrontend.supervisor.group.reloading import Reloader, ReloadError
from tritonfrontend.supervisor.group.rotation import RETRY_AFTER, Candidate, Rotation, due
from tritonfrontend.supervisor.group.strategy import Strategy, choose, obstacle
from tritonfrontend.supervisor.options.spec import PortSpec, ServeOptions, SpecError, Timeouts
from tritonfrontend.supervisor.session.session import obey_signals


def options(tmp_path: Path, **changes: Any) -> ServeOptions:
    return ServeOptions(model_repository=(str(tmp_path),), **changes)


def test_nothing(tmp_path: Path) -> None:
    found = plan(options(tmp_path), options(tmp_path))
    assert found.effect is Effect.NOTHING
    assert found.changes == ()


@pytest.mark.parametrize(
    ("changes", "effect", "text"),
    [
        ({"min_ready": 2}, Effect.LIVE, "--min-ready: 1 -> 2 (no restart)"),
        ({"worker_max_age": 60.0}, Effect.LIVE, "--worker-max-age: 0 -> 60 (no restart)"),
        (
            {"model_hang_timeout": 60.0},
            Effect.ROLLING,
            "--model-hang-timeout: auto -> 60 (rolling restart)",
        ),
        (
            {"core": {"log_verbose": 1}},
            Effect.ROLLING,
            "--log-verbose: default -> 1 (rolling restart)",
        ),
        (
            {"frontends": {"http": {"thread_count": 3}}},
            Effect.ROLLING,
            "--http-thread-count: default -> 3 (rolling restart)",
        ),
        (
            {"timeouts": Timeouts(drain=5.0)},
            Effect.ROLLING,
            "--drain-timeout: 30 -> 5 (rolling restart)",
        ),
        (
            {"timeouts": Timeouts(gpu_quarantine=5.0)},
            Effect.LIVE,
            "--gpu-quarantine-timeout: 60 -> 5 (no restart)",
        ),
        (
            {"http": PortSpec("http", True, "0.0.0.0", 9000)},
            Effect.FULL,
            "--http-port: 8000 -> 9000 (full restart)",
        ),
        ({"devices": "cpu:3"}, Effect.FULL, "--devices: auto -> cpu:3 (full restart)"),
    ],
)
def test_one_change(tmp_path: Path, changes: Any, effect: Effect, text: str) -> None:
    found = plan(options(tmp_path), options(tmp_path, **changes))
    assert found.effect is effect
    assert [str(change) for change in found.changes] == [text]


def test_the_greatest_effect_counts(tmp_path: Path) -> None:
    old = options(tmp_path)
    new = replace(old, min_ready=2, exit_on_error=False, devices="cpu:2")
    found = plan(old, new)
    assert {change.effect for change in found.changes} == {
        Effect.LIVE,
        Effect.ROLLING,
        Effect.FULL,
    }
    assert found.effect is Effect.FULL


def test_watchdogs_of_the_supervisor_need_a_new_start(tmp_path: Path) -> None:
    new = options(tmp_path, timeouts=Timeouts(hang=20.0))
    assert plan(options(tmp_path), new).effect is Effect.FULL


@pytest.mark.parametrize("field", [{"min_ready": 0}, {"reload_strategy": "fast"}])
def test_bad_values(tmp_path: Path, field: Any) -> None:
    with pytest.raises(SpecError):
        options(tmp_path, **field)


@pytest.mark.parametrize(
    ("wanted", "gpu", "free", "peak", "spare", "expected"),
    [
        ("auto", False, None, None, False, Strategy.SURGE),
        ("auto", True, 111, 100, True, Strategy.SURGE),
        ("auto", True, 109, 100, False, Strategy.STOP_START),
        ("auto", True, 109, 100, True, Strategy.SPARE),
        ("auto", True, None, 100, False, Strategy.STOP_START),
        ("auto", True, 100, None, False, Strategy.STOP_START),
        ("in-place", True, 100, None, False, Strategy.STOP_START),  # grown or aged
        ("in-place", False, None, None, False, Strategy.SURGE),
        ("surge", True, 0, 100, True, Strategy.SURGE),
        ("spare", True, 200, 100, False, Strategy.SPARE),
        ("stop-start", False, None, None, False, Strategy.STOP_START),
    ],
)
def test_strategy(
    wanted: str,
    gpu: bool,
    free: int | None,
    peak: int | None,
    spare: bool,
    expected: Strategy,
) -> None:
    assert choose(wanted, gpu, free, peak, spare) is expected


def test_obstacle() -> None:
    assert obstacle(Strategy.SURGE, 0, 1) == ""
    assert obstacle(Strategy.SPARE, 0, 1) == ""
    assert obstacle(Strategy.STOP_START, 1, 1) == ""
    assert "--min-ready is 2" in obstacle(Strategy.STOP_START, 1, 2)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("lot", "limit"), [(0.0, 90), (0.5, 100), (1.0, 110)])
def test_age_is_spread(lot: float, limit: float) -> None:
    assert due(Candidate(0, limit - 1, 0, lot), 0, 100) == ""
    assert "--worker-max-age is 100 s" in due(Candidate(0, limit + 1, 0, lot), 0, 100)


def test_memory() -> None:
    assert due(Candidate(0, 1e9, 8 << 20, 0), 8 << 20, 0) == ""
    text = due(Candidate(0, 0, 9 << 20, 0), 8 << 20, 0)
    assert text == "resident memory 9 MiB (with its stubs) exceeds --worker-max-rss (8 MiB)"


def test_no_limit() -> None:
    assert due(Candidate(0, 1e12, 1 << 60, 0), 0, 0) == ""


def test_the_oldest_goes_first_and_a_failure_waits() -> None:
    clock = Clock()
    rotation = Rotation(clock)
    both = [Candidate(0, 200, 0, 0.5), Candidate(1, 300, 0, 0.5), Candidate(2, 50, 0, 0.5)]
    picked = rotation.pick(both, 0, 100)
    assert picked is not None
    assert picked[0] == 1
    rotation.failed()
    assert rotation.pick(both, 0, 100) is None
    clock.now += RETRY_AFTER
    assert rotation.pick(both, 0, 100) is not None


class Slow:
    """A roller that is only begun: its work has not had its first turn."""

    busy = False

    async def change(self, *_: Any) -> str:
        await asyncio.Event().wait()
        return ""


def test_two_reloads_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        current = options(tmp_path)
        reloader = Reloader(
            lambda: current, lambda: current, lambda _: None, cast(Any, Slow()), print
        )
        reloader.begin(force=True)
        with pytest.raises(ReloadError, match="are being replaced already"):
            reloader.begin(force=True)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("failed", "expected"), [(False, ["stop", "now 2"]), (True, ["now 15", "now 2"])]
)
def test_the_first_signal_hurries_what_fails_already(failed: bool, expected: list[str]) -> None:
    """It drains already, so nobody needs to say so first."""
    told: list[str] = []

    async def main() -> None:
        ending = SimpleNamespace(
            failed=failed,
            stop=lambda _: told.append("stop"),
            stop_now=lambda number: told.append(f"now {number}"),
        )
        received: asyncio.Queue[int] = asyncio.Queue()
        group = cast(Group, SimpleNamespace(ending=ending))
        task = asyncio.create_task(obey_signals(group, received))
        for number in (15, 2):
            received.put_nowait(number)
        while len(told) < len(expected):
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(main())
    assert told == expected
