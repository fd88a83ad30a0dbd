"""`--min-ready` workers within `--start-timeout`, or the instance ends with 7: with a fake clock,
then with processes, where workers are stand-ins.
"""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from instance import DEADLINE, Instance, alive, command, pids, run_id_of, running, shm_names, until
from test_reload import config, reload
from test_state_clock import Clock
from upgrading import upgrade

from tritonfrontend.supervisor.group.saved import GroupState
from tritonfrontend.supervisor.group.start_limit import StartLimit, doing, shortfall

LIMIT = 1800.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(clock: Clock) -> StartLimit:
    return StartLimit(clock)


def test_enough_in_time(clock: Clock, start: StartLimit) -> None:
    clock.now += LIMIT - 1
    start.look(2, 2)
    clock.now += LIMIT
    assert not start.exceeded(LIMIT)


def test_one_of_two_is_not_enough(clock: Clock, start: StartLimit) -> None:
    start.look(1, 2)
    clock.now += LIMIT - 1
    assert not start.exceeded(LIMIT)
    clock.now += 1
    assert start.exceeded(LIMIT)


def test_workers_that_serve_one_after_the_other_are_not_enough(
    clock: Clock, start: StartLimit
) -> None:
    for serving in (1, 0, 1):
        start.look(serving, 2)
    clock.now += LIMIT
    assert start.exceeded(LIMIT)


def test_once_is_for_ever(clock: Clock, start: StartLimit) -> None:
    start.look(2, 2)
    start.look(0, 2)
    start.look(2, 3)  # a reload asks for more
    clock.now += LIMIT
    assert not start.exceeded(LIMIT)


def test_a_reload_that_asks_for_fewer_ends_the_start(clock: Clock, start: StartLimit) -> None:
    start.look(1, 2)
    start.look(1, 1)
    clock.now += LIMIT
    assert not start.exceeded(LIMIT)


@pytest.mark.parametrize("reached", [False, True])
def test_it_outlives_an_upgrade(clock: Clock, reached: bool) -> None:
    began = clock.now
    clock.now += LIMIT
    start = StartLimit(clock)
    start.resume(began, reached=reached)
    assert start.exceeded(LIMIT) is not reached


@pytest.mark.parametrize(
    ("first_ready_at", "saved", "ended"),
    [(None, None, False), (5.0, None, True), (5.0, False, False), (5.0, True, True)],
)
def test_state_of_a_version_that_did_not_know(
    first_ready_at: float | None, saved: bool | None, ended: bool
) -> None:
    """It waited for the first worker only: what it would have left alone is left alone."""
    rest: Any = None
    state = GroupState(0.0, first_ready_at, 1, rest, -1, [], rest, rest, [], rest, saved)
    assert state.start_ended is ended


def test_words() -> None:
    absent = [
        doing(1, "LOADING", "", "a, b"),
        doing(2, "BACKOFF", "crash", ""),
        doing(3, "DISABLED", "", ""),
    ]
    assert shortfall(1, 2, LIMIT, absent) == (
        "1 of 2 workers (--min-ready) was ready within 1800 s: "
        "w1 is LOADING (a, b), w2 is BACKOFF (crash), w3 is DISABLED"
    )
    assert shortfall(0, 1, 2.5, ["w0 is LOADING"]) == (
        "0 of 1 workers (--min-ready) were ready within 2.5 s: w0 is LOADING"
    )


# -- with processes --------------------------------------------------------------------------

FLAGS = ("--min-ready=2", "--start-timeout=4")


def failed(instance: Instance) -> bool:
    return "1 of 2 workers (--min-ready) was ready within 4 s: w1 is " in instance.text()


def test_one_of_two_that_never_gets_ready_is_exit_7(tmp_path: Path) -> None:
    """The one that serves drains: a request that comes meanwhile is answered."""
    with running(tmp_path, *FLAGS, FAKE_MODE_1="loads-forever") as instance:
        serving = instance.wait_state(0, "READY")["pid"]
        status = instance.wait_state(1, "LOADING")
        with socket.create_connection(("127.0.0.1", instance.port("http"))) as client:
            status = instance.status() or {}
            until(lambda: failed(instance), "the limit")
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            client.settimeout(DEADLINE)
            assert client.recv(4096).endswith(str(serving).encode())
        assert instance.popen.wait(DEADLINE) == 7
        assert not any(alive(pid) for pid in pids(status))
        assert shm_names(run_id_of(status)) == []


def test_second_signal_after_a_start_that_failed(tmp_path: Path) -> None:
    """It does not wait; the code still says what failed."""
    modes = {"FAKE_MODE_0": "drain-hangs", "FAKE_MODE_1": "loads-forever"}
    with running(tmp_path, *FLAGS, "--drain-timeout=600", **modes) as instance:
        stuck = instance.wait_state(0, "DRAINING")["pid"]
        assert failed(instance)
        for number in (signal.SIGINT, signal.SIGTERM):  # two of one kind could become one
            instance.popen.send_signal(number)
        assert instance.popen.wait(DEADLINE) == 7
        assert not alive(stuck)


def past_the_limit(instance: Instance) -> dict[str, Any]:
    return instance.wait("some looks later", lambda s: s["supervisor"]["uptime_s"] > 7)


def states(status: dict[str, Any]) -> list[str]:
    return [worker["state"] for worker in status["workers"]]


def test_a_start_that_has_ended_is_over(tmp_path: Path) -> None:
    """The next program has not seen that both served."""
    with running(tmp_path, *FLAGS) as instance:
        instance.wait_ready()
        assert command(tmp_path, "drain", "1").returncode == 0
        assert upgrade(instance).returncode == 0
        assert states(past_the_limit(instance)) == ["READY", "DISABLED"]
        assert instance.stop() == 0


def test_a_reload_that_asks_for_more_begins_no_start(tmp_path: Path) -> None:
    with running(tmp_path, config(tmp_path, "min-ready = 1"), "--start-timeout=4") as instance:
        instance.wait_ready()
        assert command(tmp_path, "drain", "1").returncode == 0
        config(tmp_path, "min-ready = 2")
        assert reload(instance).returncode == 0
        status = past_the_limit(instance)
        assert status["supervisor"]["min_ready"] == 2
        assert states(status) == ["READY", "DISABLED"]
        assert instance.stop() == 0


def test_a_start_that_has_not_ended_goes_on_over_an_upgrade(tmp_path: Path) -> None:
    with running(tmp_path, *FLAGS, FAKE_MODE_1="exit-11") as instance:
        instance.wait_state(0, "READY")
        instance.wait_state(1, "FAILED")
        assert upgrade(instance).returncode == 0
        assert instance.popen.wait(DEADLINE) == 7
        assert failed(instance)
        assert "w1 is FAILED (" in instance.text()
