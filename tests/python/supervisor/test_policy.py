"""Restart policy with a fake clock and a fake random."""

from __future__ import annotations

import pytest

from tritonfrontend.supervisor.options.spec import RestartPolicy
from tritonfrontend.supervisor.slots.policy import RestartHistory
from tritonfrontend.supervisor.slots.state import Event


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def history(clock: Clock, random: float = 0.5, **changes: float) -> RestartHistory:
    return RestartHistory(RestartPolicy(**changes), clock, lambda: random)  # type: ignore[arg-type]


def test_delay_doubles_and_is_capped() -> None:
    clock = Clock()
    one = history(clock)
    delays = []
    for _ in range(12):
        clock.now += 301  # outside the breaker's window
        delays.append(one.after_failure("crash", ready_for=1).delay)
    assert delays == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]


@pytest.mark.parametrize(("random", "factor"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
def test_jitter(random: float, factor: float) -> None:
    verdict = history(Clock(), random).after_failure("crash", ready_for=0)
    assert verdict.event is Event.RETRY
    assert verdict.delay == pytest.approx(0.5 * factor)


def test_first_crash_of_a_healthy_worker_restarts_at_once() -> None:
    clock = Clock()
    one = history(clock)
    assert one.after_failure("crash", ready_for=60).delay == 0
    clock.now += 1
    assert one.after_failure("crash", ready_for=1).delay == 1.0  # the second in a row
    clock.now += 100
    assert one.after_failure("crash", ready_for=99).delay == 0  # healthy again in between


def test_breaker() -> None:
    clock = Clock()
    one = history(clock)
    events = []
    for _ in range(5):
        clock.now += 10
        events.append(one.after_failure("crash", ready_for=1))
    assert [verdict.event for verdict in events] == [Event.RETRY] * 4 + [Event.GIVE_UP]
    assert events[-1].delay == 600
    assert events[-1].reason == "crash; 5 failures in 300 s"


def test_failures_outside_the_window_do_not_count() -> None:
    clock = Clock()
    one = history(clock)
    for _ in range(20):
        clock.now += 76  # at most four in 300 s
        assert one.after_failure("crash", ready_for=1).event is Event.RETRY
    assert one.failures_in_window() == 4
    clock.now += 1000
    assert one.failures_in_window() == 0


def test_no_limit() -> None:
    one = history(Clock(), breaker_failures=0)
    verdicts = {one.after_failure("crash", ready_for=0).event for _ in range(100)}
    assert verdicts == {Event.RETRY}


def test_half_open() -> None:
    clock = Clock()
    one = history(clock)
    one.try_half_open()
    clock.now += 10_000
    assert one.after_failure("crash", ready_for=1).event is Event.GIVE_UP
    one.try_half_open()
    clock.now += 10_000
    # A worker that was healthy for long closes the breaker.
    assert one.after_failure("crash", ready_for=100).event is Event.RETRY


def test_permanent() -> None:
    verdict = history(Clock()).after_failure("bad model", ready_for=0, permanent=True)
    assert verdict.event is Event.GIVE_UP
    assert verdict.reason == "bad model"


def test_operator_start_forgets() -> None:
    clock = Clock()
    one = history(clock)
    for _ in range(5):
        one.after_failure("crash", ready_for=0)
    one.reset()
    assert one.after_failure("crash", ready_for=0).delay == 0.5


def test_enormous_counts_do_not_overflow() -> None:
    one = history(Clock(), breaker_failures=10**9)
    one.consecutive = 10**6
    assert one.after_failure("crash", ready_for=0).delay == 60
