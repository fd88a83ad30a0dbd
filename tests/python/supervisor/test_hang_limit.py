"""When a model that answers nothing counts as hung."""

from __future__ import annotations

import pytest

from tritonfrontend.supervisor.worker.core import Busy
from tritonfrontend.supervisor.worker.hang_limit import HangLimits

BOUNDS = [0.1, 10.0, 100.0]


@pytest.fixture
def limits() -> HangLimits:
    return HangLimits("auto", BOUNDS)


def test_a_number_is_the_limit_of_all() -> None:
    busy = [Busy("a", 2, 50.0, 31.0), Busy("b", 9, 900.0, 0.1)]
    text = "hung: 2 in flight, nothing answered for 31 s"
    assert HangLimits(30.0, BOUNDS).hung(busy) == {"a": text}
    assert HangLimits(60.0, BOUNDS).hung(busy) == {}
    assert HangLimits(0.0, BOUNDS).hung(busy) == {}  # off


def test_a_number_learns_nothing() -> None:
    limits = HangLimits(30.0, BOUNDS)
    limits.learn(0.0, {"a": [0, 0, 100]})
    assert limits.of("a") == 30.0


def test_each_model_has_the_limit_of_its_own_answers(limits: HangLimits) -> None:
    limits.learn(0.0, {"fast": [100, 0, 0], "slow": [0, 100, 0]})
    assert limits.of("fast") == 30.0
    assert limits.of("slow") == 200.0
    busy = [Busy("fast", 1, 31.0, 31.0), Busy("slow", 1, 199.0, 199.0)]
    assert list(limits.hung(busy)) == ["fast"]


def test_one_answer_of_a_hundred_says_nothing(limits: HangLimits) -> None:
    limits.learn(0.0, {"a": [99, 0, 1]})
    assert limits.of("a") == 30.0
    limits.learn(5.0, {"a": [99, 0, 2]})
    assert limits.of("a") == 2000.0


def test_what_was_usual_stays_so_while_nothing_is_answered(limits: HangLimits) -> None:
    for at in range(0, 300, 5):
        limits.learn(float(at), {"a": [0, 100, 0]})
    assert limits.of("a") == 200.0


def test_the_answers_after_a_hang_are_forgotten(limits: HangLimits) -> None:
    """What had waited all the time took long, which is not usual."""
    limits.learn(0.0, {"a": [100, 0, 0]})
    limits.learn(600.0, {"a": [100, 0, 50]})
    assert limits.of("a") == 2000.0
    for step in range(1, 20):
        limits.learn(600.0 + 5 * step, {"a": [100 + step, 0, 50]})
    assert limits.of("a") == 30.0


def test_a_first_answer_may_take_long(limits: HangLimits) -> None:
    assert limits.of("new") == 300.0
    limits.learn(0.0, {"new": [1, 0, 0]})
    assert limits.of("new") == 30.0
