"""`upgrade`: the supervisor's program is replaced in place. Real processes, stand-in workers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from instance import (
    CLI,
    FAKE,
    Instance,
    command,
    environment,
    get,
    pids,
    running,
    until,
)
from other_code import Installation
from test_notify import manager
from upgrading import assert_gone, upgrade, upgraded

from tritonfrontend.supervisor.control.server import ControlError


def served(instance: Instance) -> int:
    """Requests that the workers say they served, also those that are dead."""
    page = get(instance.port("metrics"), "/metrics")
    return sum(int(value) for value in re.findall(r"^served{.*} (\d+)$", page, re.MULTILINE))


def test_another_version_goes_on_with_the_same_workers(tmp_path: Path) -> None:
    code = Installation(tmp_path)
    code.set_version("1.0-old")
    with running(tmp_path, **code.env) as instance:
        first = instance.wait_ready()
        os.kill(pids(first)[0], signal.SIGKILL)
        instance.wait("replaced", lambda s: s["workers"][0]["generation"] == 2)
        before = instance.wait_ready()
        for _ in range(5):
            get(instance.port("http"))
        counted = served(instance)
        code.set_version("2.0-new")
        after = upgraded(instance)
        group, old = after["supervisor"], before["supervisor"]
        assert (group["version"], group["upgraded_from"]) == ("2.0-new", "1.0-old")
        assert (group["upgrades_total"], old["upgrades_total"]) == (1, 0)
        assert group["upgraded_at"] >= after["workers"][0]["since"]
        assert old["upgraded_at"] is None
        for name in ("pid", "run_id", "ports", "config_hash", "steering", "config_generation"):
            assert group[name] == old[name], name
        assert group["uptime_s"] >= old["uptime_s"]
        assert pids(after) == pids(before)
        for name in ("since", "restarts_total", "restarts_window", "last_exit", "generation"):
            values = [[worker[name] for worker in s["workers"]] for s in (before, after)]
            assert values[0] == values[1], name
        assert int(get(instance.port("http"))) in pids(after)
        assert served(instance) >= counted
        numbers = [event["seq"] for event in instance.ask("events")["events"]]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > old["last_event"]
        assert "needed: nothing" in command(tmp_path, "reload", "--dry-run").stdout
        assert instance.stop() == 0
        assert_gone(instance, after)


def test_the_empty_repository_of_a_platform_stays(tmp_path: Path) -> None:
    """It is made once, not whenever the settings are read, and removed with the last program."""
    code = Installation(tmp_path)
    (tmp_path / "tmp").mkdir()
    env = {"TMPDIR": str(tmp_path / "tmp"), "SAGEMAKER_MULTI_MODEL": "true", **code.env}
    flags = ("--platform=sagemaker", "--sagemaker-port=0", "--exit-timeout-secs=1")
    worker = ("--worker-command", f"{sys.executable} {FAKE}")
    with running(tmp_path, *flags, *worker, fake=False, **env) as instance:
        before = instance.wait_ready()
        (folder,) = (tmp_path / "tmp").iterdir()
        for _ in range(2):
            assert "needed: nothing" in command(tmp_path, "reload", "--dry-run").stdout
            after = upgraded(instance)
            assert pids(after) == pids(before)
            assert list((tmp_path / "tmp").iterdir()) == [folder]
        code.change("supervisor/session/handover.py", "STATE_VERSION = 1", "STATE_VERSION = 2")
        assert upgrade(instance, "--dry-run").returncode == 1
        assert list((tmp_path / "tmp").iterdir()) == [folder]
        assert instance.stop() == 0
        assert list((tmp_path / "tmp").iterdir()) == []


def test_what_follows_works_as_before(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        instance.wait_ready()
        upgraded(instance)
        status = upgraded(instance)
        assert status["supervisor"]["upgrades_total"] == 2
        victim = pids(status)[1]
        os.kill(victim, signal.SIGKILL)
        instance.wait("replaced", lambda s: s["workers"][1]["generation"] == 2)
        status = instance.wait_ready()
        assert status["workers"][1]["last_exit"]["signal"] == signal.SIGKILL
        assert command(tmp_path, "drain", "0").returncode == 0
        status = instance.wait("upgraded", lambda s: upgrade(instance).returncode == 0)
        assert instance.worker(0)["state"] == "DISABLED"
        assert command(tmp_path, "undrain", "0").returncode == 0
        instance.wait_ready()
        assert command(tmp_path, "reload", "--force").returncode == 0
        status = instance.wait_ready()
        assert [worker["generation"] for worker in status["workers"]] == [3, 3]
        assert command(tmp_path, "stop").returncode == 0
        assert instance.popen.wait(60) == 0
        assert_gone(instance, status)


def test_slots_without_a_worker_stay_as_they_are(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_1="exit-11") as instance:
        instance.wait_state(0, "READY")
        before = instance.wait_state(1, "FAILED")
        done = upgrade(instance)
        assert done.returncode == 0, done.stderr
        after = instance.worker(1)
        assert (after["state"], after["reason"]) == ("FAILED", before["reason"])
        assert 0 < after["next_try_in_s"] <= before["next_try_in_s"]
        assert after["last_exit"] == before["last_exit"]
        assert command(tmp_path, "start", "1").returncode == 0
        instance.wait("tried", lambda s: s["workers"][1]["generation"] == 2)
        instance.wait_state(1, "FAILED")
        assert instance.stop() == 0


@pytest.mark.parametrize("delay", [0.0, 0.15, 0.3, 0.45, 0.6, 0.9])
def test_a_stop_signal_is_never_lost(tmp_path: Path, delay: float) -> None:
    """Whatever the program is doing when it comes."""
    with running(tmp_path) as instance:
        status = instance.wait_ready()
        instance.ask("upgrade")
        time.sleep(delay)
        assert instance.stop() == 0, instance.text()
        assert_gone(instance, status)


@pytest.mark.parametrize("delay", [0.0, 0.15, 0.3, 0.45, 0.6, 0.9])
def test_a_death_is_never_overlooked(tmp_path: Path, delay: float) -> None:
    with running(tmp_path) as instance:
        victim = pids(instance.wait_ready())[0]
        instance.ask("upgrade")
        time.sleep(delay)
        os.kill(victim, signal.SIGKILL)
        instance.wait("replaced", lambda s: s["workers"][0]["generation"] == 2)
        status = instance.wait_ready()
        assert status["workers"][0]["last_exit"]["signal"] == signal.SIGKILL
        assert status["workers"][1]["generation"] == 1
        assert instance.stop() == 0


def test_a_line_that_was_half_written(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_0="speaks-in-halves") as instance:
        status = instance.wait_ready()
        upgraded(instance)
        os.kill(pids(status)[0], signal.SIGUSR1)
        until(lambda: "[w0] one half and the other\n" in instance.text(), "the whole line")
        assert instance.stop() == 0


def test_followers_of_events_stay(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        instance.wait_ready()
        with subprocess.Popen(
            [*CLI, "events", "--json", "--follow"],
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            cwd="/",
            text=True,
        ) as follower:
            assert follower.stdout is not None
            upgraded(instance)
            assert instance.stop() == 0
            seen = [json.loads(line) for line in follower.stdout]
            assert follower.wait(60) == 0
        assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
        assert sum("upgraded from" in event["text"] for event in seen) == 1
        assert any("draining 2 workers" in event["text"] for event in seen)


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with manager(path) as heard, running(tmp_path, NOTIFY_SOCKET=path) as instance:
        words: list[str] = []

        def hear(last: str) -> None:
            while not words or words[-1] != last:
                word = heard.recv(1000).decode().partition("=")[0]
                words.extend([word] if word != "STATUS" else [])

        hear("READY")
        upgraded(instance)
        hear("RELOADING")
        hear("READY")
        instance.stop()
        hear("STOPPING")
        assert words == ["READY", "RELOADING", "READY", "STOPPING"]


def test_one_at_a_time(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        instance.wait_ready()
        instance.ask("upgrade")
        with pytest.raises(ControlError, match="under way already"):
            instance.ask("upgrade")
        instance.wait("upgraded", lambda s: s["supervisor"]["upgrades_total"] == 1)
        assert instance.stop() == 0
