"""A worker that fails again and again: when it is given up, tried again, and cured. Stand-ins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fault_report import FaultReport
from instance import Instance, command, get, running

FAST = ("--restart-delay=0.05", "--restart-max-delay=0.05")


def reason(instance: Instance) -> str:
    return str(instance.worker(0)["last_exit"]["reason"])


def test_given_up_then_tried_again_until_it_is_cured(
    tmp_path: Path, fault_report: FaultReport
) -> None:
    cured = tmp_path / "cured"
    flags = ("--restart-limit=3", "--restart-retry=0.5", *FAST)
    env = {"FAKE_MODE_0": "exit-20", "FAKE_CURED": str(cured)}
    with running(tmp_path, *flags, **env) as instance:

        def given_up(status: dict[str, Any]) -> bool:
            worker = status["workers"][0]
            return worker["state"] == "FAILED" and "3 failures in 300 s" in worker["reason"]

        status = instance.wait("given up", given_up)
        assert status["workers"][0]["generation"] == 3
        assert 0 <= status["workers"][0]["next_try_in_s"] <= 0.5
        assert "it is broken" in reason(instance)
        instance.wait("two more tries", lambda s: s["workers"][0]["generation"] >= 5)
        assert instance.wait_state(0, "FAILED")["reason"].endswith("still failing")
        other = instance.worker(1)
        assert {int(get(instance.port("http"))) for _ in range(10)} == {other["pid"]}
        cured.touch()
        instance.wait_ready()
        fault_report.row("crash loop", generations=instance.worker(0)["generation"])
        assert instance.worker(1)["generation"] == 1
        assert instance.stop() == 0


def test_never_given_up(tmp_path: Path) -> None:
    with running(tmp_path, "--restart-limit=0", *FAST, FAKE_MODE_0="exit-20") as instance:
        states = set()

        def eighth(status: dict[str, Any]) -> bool:
            states.add(status["workers"][0]["state"])
            return int(status["workers"][0]["generation"]) >= 8

        instance.wait("eighth generation", eighth)
        assert "FAILED" not in states
        assert instance.stop() == 0


def test_given_up_for_good_until_the_operator_starts_it(tmp_path: Path) -> None:
    cured = tmp_path / "cured"
    flags = ("--restart-limit=1", "--restart-retry=0")
    env = {"FAKE_MODE_0": "exit-20", "FAKE_CURED": str(cured)}
    with running(tmp_path, *flags, **env) as instance:
        worker = instance.wait_state(0, "FAILED")
        assert worker["next_try_in_s"] is None
        assert "no further try" in instance.text()
        instance.wait_state(1, "READY")
        cured.touch()
        assert instance.worker(0)["generation"] == 1
        assert command(tmp_path, "start", "0").returncode == 0
        instance.wait_ready()
        assert instance.worker(0)["generation"] == 2


@pytest.mark.parametrize("flag", ["--restart-max-delay=0.1", "--restart-delay=61"])
def test_delays_that_contradict_each_other(tmp_path: Path, flag: str) -> None:
    with running(tmp_path, flag) as instance:
        assert instance.popen.wait(60) == 3
        assert "--restart-max-delay" in instance.text()
