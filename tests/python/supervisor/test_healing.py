"""When a model is loaded again, and when its worker is given up. A fake clock, no processes."""

from __future__ import annotations

import pytest

from tritonfrontend.supervisor.worker.healing import MAX_SECONDS, Healer, Outcome


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def healer(clock: Clock) -> Healer:
    return Healer(clock)


def test_first_death_is_healed_at_once(healer: Healer) -> None:
    assert healer.take() is None
    healer.died("a", "killed")
    assert healer.faults == {"a": "killed"}
    assert healer.take() == "a"
    assert healer.take() is None
    assert healer.tried("a", True) is Outcome.HEALED
    assert healer.faults == {}
    assert healer.next_due is None


def test_second_failure_gives_up(healer: Healer) -> None:
    healer.died("a", "killed")
    assert healer.take() == "a"
    assert healer.tried("a", False) is Outcome.AGAIN
    assert healer.take() == "a"
    assert healer.tried("a", False) is Outcome.GIVE_UP


def test_second_try_may_cure(healer: Healer) -> None:
    healer.died("a", "killed")
    healer.take()
    healer.tried("a", False)
    assert healer.take() == "a"
    assert healer.tried("a", True) is Outcome.HEALED


def test_slow_failure_gives_up_at_once(healer: Healer, clock: Clock) -> None:
    healer.died("a", "killed")
    healer.take()
    clock.now += MAX_SECONDS + 1
    assert healer.overdue() == "a"
    assert healer.tried("a", False) is Outcome.GIVE_UP


def test_waiting_for_its_turn_is_no_slowness(healer: Healer, clock: Clock) -> None:
    healer.died("a", "killed")
    healer.died("b", "killed")
    assert healer.take() == "a"
    clock.now += MAX_SECONDS - 1
    assert healer.take() is None  # one load at a time
    assert healer.tried("a", True) is Outcome.HEALED
    clock.now += 10
    assert healer.take() == "b"
    assert healer.overdue() is None


def test_a_load_of_somebody_else_is_no_try(healer: Healer, clock: Clock) -> None:
    healer.died("a", "killed")
    healer.died("b", "killed")
    for _ in range(200):
        assert healer.take() == "a"
        healer.later("a")
        assert healer.take() == "b"  # which need not wait for it
        healer.later("b")
        assert healer.take() is None
        clock.now += 1
        assert healer.overdue() is None
    assert healer.take() == "a"
    assert healer.tried("a", False) is Outcome.AGAIN


def test_death_of_the_new_copy_is_no_cure(healer: Healer) -> None:
    healer.died("a", "killed")
    healer.take()
    healer.died("a", "killed again")
    assert healer.tried("a", True) is Outcome.AGAIN


def test_several_stubs_of_one_model_are_one_heal(healer: Healer) -> None:
    healer.died("a", "one")
    healer.died("a", "two")
    assert healer.take() == "a"
    assert healer.tried("a", True) is Outcome.HEALED


def test_model_that_keeps_dying_is_healed_with_growing_pauses(healer: Healer, clock: Clock) -> None:
    pauses = []
    for _ in range(9):
        healer.died("a", "killed")
        due = healer.next_due
        assert due is not None
        pauses.append(due - clock.now)
        if due > clock.now:
            assert healer.take() is None
        clock.now = due
        assert healer.take() == "a"
        assert healer.tried("a", True) is Outcome.HEALED
    assert pauses == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    clock.now += 61
    healer.died("a", "killed")
    assert healer.take() == "a"


def test_unloaded_model_needs_no_heal(healer: Healer) -> None:
    healer.died("a", "killed")
    healer.gone("a")
    assert healer.take() is None
    assert healer.faults == {}
