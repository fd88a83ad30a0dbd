"""Every cell of the slot's transition table."""

from __future__ import annotations

import pytest

from tritonfrontend.supervisor.slots.state import SERVING, WITH_PROCESS, Event, State, next_state

# Written out by hand, independent of the table's own form: one row per state, "-" = ignored.
_COLUMNS = list(Event)
_MATRIX = {
    # START | DEVICE_READY DEVICE_MISSING SPAWN_FAILED | HELLO READY MODEL_LOST MODEL_BACK |
    # SUSPECTED CLEARED HANG | DRAIN DRAINED TIMEOUT KILL EXITED | RETRY RESTART GIVE_UP DISABLE |
    # SUCCEEDED
    "DISABLED": "WAIT_GPU - - - - - - - - - - - - - - - - - - - -",
    "WAIT_GPU": "- SPAWNING RECLAIM - - - - - - - - DISABLED - - DISABLED - - - - - READY",
    "SPAWNING": "- - - RECLAIM LOADING - - - - - - KILLING - KILLING KILLING RECLAIM - - - - -",
    "LOADING": "- - - - - READY DEGRADED - - - - KILLING - KILLING KILLING RECLAIM - - - - -",
    "READY": "- - - - - - DEGRADED - SUSPECT - KILLING DRAINING - - KILLING RECLAIM - - - - -",
    "DEGRADED": "- - - - - - - READY SUSPECT - KILLING DRAINING - - KILLING RECLAIM - - - - -",
    "SUSPECT": "- - - - - - - - - READY KILLING DRAINING - - KILLING RECLAIM - - - - -",
    "DRAINING": "- - - - - - - - - - - - STOPPING STOPPING KILLING RECLAIM - - - - -",
    "STOPPING": "- - - - - - - - - - - - - KILLING KILLING RECLAIM - - - - -",
    "KILLING": "- - - RECLAIM - - - - - - - - - - - RECLAIM - - - - -",
    "RECLAIM": "- - - - - - - - - - - - - - - - BACKOFF WAIT_GPU FAILED DISABLED -",
    "BACKOFF": "WAIT_GPU - - - - - - - - - - DISABLED - WAIT_GPU DISABLED - - - - - READY",
    "FAILED": "WAIT_GPU - - - - - - - - - - DISABLED - WAIT_GPU DISABLED - - - - - READY",
}


def test_the_matrix_covers_everything() -> None:
    assert set(_MATRIX) == {state.value for state in State}
    assert all(len(row.split()) == len(_COLUMNS) for row in _MATRIX.values())


@pytest.mark.parametrize("state", list(State), ids=str)
@pytest.mark.parametrize("event", list(Event), ids=str)
def test_cell(state: State, event: Event) -> None:
    expected = _MATRIX[state.value].split()[_COLUMNS.index(event)]
    found = next_state(state, event)
    assert (found.value if found else "-") == expected


def test_an_exit_is_never_ignored_while_there_is_a_process() -> None:
    for state in WITH_PROCESS:
        assert next_state(state, Event.EXITED) is State.RECLAIM


def test_every_state_can_be_left_and_reached() -> None:
    reachable, todo = {State.DISABLED}, [State.DISABLED]
    while todo:
        state = todo.pop()
        targets = {next_state(state, event) for event in Event} - {None}
        assert targets, f"{state} is a dead end"
        for target in targets:
            assert target is not None
            if target not in reachable:
                reachable.add(target)
                todo.append(target)
    assert reachable == set(State)


def test_serving_states_have_a_process() -> None:
    assert SERVING < WITH_PROCESS
