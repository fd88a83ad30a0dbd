"""Deadlines of every state, with a fake clock; and what follows them in the table."""

from __future__ import annotations

import pytest

from tritonfrontend.supervisor.options.spec import Timeouts
from tritonfrontend.supervisor.slots.state import Event, State, next_state
from tritonfrontend.supervisor.slots.state_clock import StateClock

LIMITS = Timeouts(hello=10, start=1800, start_stall=300, drain=30, stop_margin=5)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def clock(time: Clock) -> StateClock:
    return StateClock(LIMITS, 20, time)


_SECONDS: dict[State, float | None] = {
    State.DISABLED: None,
    State.WAIT_GPU: None,  # its own job ends it
    State.SPAWNING: 10,
    State.LOADING: 300,
    State.READY: None,
    State.DEGRADED: None,
    State.SUSPECT: None,  # the judge of the beats ends it
    State.DRAINING: 31,
    State.STOPPING: 25,
    State.KILLING: 30,
    State.RECLAIM: None,
    State.BACKOFF: 7,
    State.FAILED: 7,
}


@pytest.mark.parametrize("state", list(State), ids=str)
def test_limit_of_each_state(clock: StateClock, time: Clock, state: State) -> None:
    clock.enter(state, delay=7)
    seconds = _SECONDS[state]
    assert clock.left() == seconds
    if seconds is None:
        return
    time.now += seconds - 1
    assert clock.left() == 1
    time.now += 2
    assert clock.left() == 0


@pytest.mark.parametrize("state", [s for s in State if _SECONDS[s]], ids=str)
def test_every_limit_leads_somewhere(state: State) -> None:
    # A process that survives SIGKILL stays where it is: reported, never forgotten.
    expected = None if state is State.KILLING else next_state(state, Event.TIMEOUT)
    assert next_state(state, Event.TIMEOUT) is expected
    assert expected is not None or state is State.KILLING


def test_signs_of_life_move_the_stall_limit_and_not_the_whole(
    clock: StateClock, time: Clock
) -> None:
    clock.enter(State.LOADING)
    for _ in range(6):
        time.now += 299
        assert clock.left() == 1
        clock.progress()
    assert clock.left() == 1800 - 6 * 299
    assert clock.reason() == "no progress for 300 s while loading"
    time.now += 6
    assert clock.left() == 0
    assert clock.reason() == "models not ready within 1800 s"


def test_progress_means_nothing_elsewhere(clock: StateClock, time: Clock) -> None:
    clock.enter(State.SPAWNING)
    time.now += 4
    clock.progress()
    assert clock.left() == 6


def test_a_new_state_forgets_the_old_limit(clock: StateClock, time: Clock) -> None:
    clock.enter(State.DRAINING)
    time.now += 30
    clock.enter(State.STOPPING)
    assert clock.left() == 25
    clock.stop()
    assert clock.left() is None


def test_failed_for_good(clock: StateClock) -> None:
    clock.enter(State.FAILED, 600.0)
    assert clock.left() == 600
    clock.enter(State.FAILED, 0.0)
    assert clock.left() is None


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (State.SPAWNING, "no sign of life within 10 s"),
        (State.DRAINING, "requests unfinished after 30 s"),
        (State.STOPPING, "did not stop in time"),
        (State.KILLING, ""),
    ],
)
def test_reasons(clock: StateClock, state: State, text: str) -> None:
    clock.enter(state)
    assert clock.reason() == text
