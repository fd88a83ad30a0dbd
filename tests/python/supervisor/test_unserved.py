"""Of which models clients are told that they cannot be had here."""

from __future__ import annotations

from typing import Any

from tritonfrontend.supervisor.worker.stubs import Stub
from tritonfrontend.supervisor.worker.unserved import Unserved, unserved

ONE, TWO, NEW = (Stub(pid, 1, "a_0_0", "/models/a/1") for pid in (1, 2, 3))
RELOADED = {"a": "it is being loaded again"}
STOPPED = {"a": "its Python stubs are stopped by a signal"}


def told(**what: Any) -> Unserved:
    """What clients hear if nothing is wrong but `what`."""
    nothing: dict[str, Any] = {
        "alive": {"a": {ONE, TWO}},
        "stopped": set(),
        "healing": [],
        "survivors": {},
        "hung": {},
    }
    return unserved(**{**nothing, **what})


def test_nothing_is_wrong() -> None:
    assert told() == Unserved()
    assert told(alive={}) == Unserved()


def test_a_model_is_broken_while_no_stub_of_its_copy_in_service_lives() -> None:
    assert told(alive={}, healing=["a"], survivors={"a": set()}) == Unserved(RELOADED)
    # The new copy loads, it does not serve yet.
    assert told(alive={"a": {NEW}}, healing=["a"], survivors={"a": set()}) == Unserved(RELOADED)
    assert told(alive={"a": {NEW}}, healing=["a"], survivors={"a": {ONE}}) == Unserved(RELOADED)
    assert told(alive={"a": {ONE}}, healing=["a"], survivors={"a": {ONE}}) == Unserved()


def test_a_model_is_stuck_when_all_its_stubs_are_stopped() -> None:
    assert told(stopped={ONE}) == Unserved()
    assert told(stopped={ONE, TWO}) == Unserved(stuck=STOPPED)


def test_a_model_is_stuck_when_it_hangs() -> None:
    hung = {"a": "hung: 1 in flight, nothing answered for 31 s"}
    assert told(hung=hung) == Unserved(stuck=hung)
    assert told(hung=hung, stopped={ONE, TWO}) == Unserved(stuck=hung)


def test_what_is_broken_is_not_waited_for() -> None:
    found = told(hung={"a": "hung"}, stopped={NEW}, healing=["a"], survivors={"a": set()})
    assert found == Unserved(RELOADED)
