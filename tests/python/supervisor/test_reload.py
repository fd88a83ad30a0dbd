"""`reload`, `drain`/`undrain`, aged and grown workers: real processes, workers are stand-ins."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from instance import (
    DEADLINE,
    FAKE,
    Instance,
    alive,
    command,
    get,
    pids,
    run_id_of,
    running,
    shm_names,
    started,
    until,
)

from tritonfrontend.supervisor.control.server import ControlError


def config(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "serve.toml"
    path.write_text("\n".join(lines) + "\n")
    return f"--config={path}"


def generations(status: dict[str, Any]) -> list[int]:
    return [worker["generation"] for worker in status["workers"]]


def gone(old: list[int]) -> None:
    until(lambda: not any(alive(pid) for pid in old), "old workers gone")


def reload(instance: Instance, *flags: str) -> Any:
    return command(instance.root, "reload", *flags)


def test_plan_then_surge(tmp_path: Path) -> None:
    with running(tmp_path, config(tmp_path, "log-verbose = 0")) as instance:
        before = instance.wait_ready()
        config(tmp_path, "log-verbose = 1")
        shown = reload(instance, "--dry-run")
        assert shown.returncode == 0, shown.stderr
        assert "--log-verbose: 0 -> 1 (rolling restart)" in shown.stdout
        assert "needed: rolling restart" in shown.stdout
        assert generations(instance.wait_ready()) == [1, 1]
        done = reload(instance)
        assert done.returncode == 0, done.stdout + done.stderr
        after = instance.wait_ready()
        assert generations(after) == [2, 2]
        told = after["supervisor"]
        assert told["config_generation"] == 2
        assert told["last_reload"]["failed"] == ""
        assert told["last_reload"]["changes"] == ["--log-verbose: 0 -> 1 (rolling restart)"]
        gone(pids(before))
        names = shm_names(run_id_of(after))
        assert names
        assert not any("g1-" in name for name in names)
        assert int(get(instance.port("http"))) in pids(after)
        assert "needed: nothing" in reload(instance, "--dry-run").stdout
        assert instance.stop() == 0
        gone(pids(after))
    assert shm_names(run_id_of(after)) == []


def test_workers_that_are_replaced_for_no_setting(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        instance.wait_ready()
        told = "needed: nothing; all workers are replaced because of --force\n"
        assert reload(instance, "--force", "--dry-run").stdout == told
        assert reload(instance, "--force").stdout == f"{told}reloaded\n"
        assert generations(instance.wait_ready()) == [2, 2]


def test_ctrl_c_ends_the_command_and_not_the_reload(tmp_path: Path) -> None:
    flags = ("--reload-strategy=surge",)
    with running(tmp_path, *flags, FAKE_MODE_0="second-loads-forever") as instance:
        instance.wait_ready()
        with started(tmp_path, "reload", "--force") as command:
            assert command.stdout is not None
            assert command.stdout.readline().startswith("needed: nothing; ")
            command.send_signal(signal.SIGINT)
            assert command.wait(DEADLINE) == 130
            assert command.communicate()[1].startswith("the reload goes on; ")
        assert instance.ask("reload-status")["running"]


def test_stop_start_keeps_min_ready(tmp_path: Path) -> None:
    flags = ("--reload-strategy=stop-start",)
    with running(tmp_path, config(tmp_path, "log-verbose = 0"), *flags) as instance:
        instance.wait_ready()
        done = reload(instance, "--force")
        assert done.returncode == 0, done.stdout + done.stderr
        assert generations(instance.wait_ready()) == [2, 2]
        config(tmp_path, "log-verbose = 0", "min-ready = 2")
        assert reload(instance).returncode == 0  # no worker is replaced for it
        refused = reload(instance, "--force")
        assert refused.returncode == 1
        assert "--min-ready is 2" in refused.stdout
        instance.wait_ready()


def test_wrong_configuration_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path, config(tmp_path, "log-verbose = 0")) as instance:
        before = instance.wait_ready()
        config(tmp_path, "log-verbos = 1")
        refused = reload(instance)
        assert refused.returncode == 1
        assert "did you mean log-verbose" in refused.stderr
        config(tmp_path, 'devices = "cpu:3"', "min-ready = 1", "log-error = false")
        assert pids(instance.wait_ready()) == pids(before)


def test_what_the_devices_cannot_do_is_refused(tmp_path: Path) -> None:
    """As by `serve`: afterwards the group would never be ready again."""
    with running(tmp_path, config(tmp_path, "min-ready = 1")) as instance:
        instance.wait_ready()
        config(tmp_path, "min-ready = 9")
        refused = reload(instance)
        assert refused.returncode == 1
        text = "nothing was changed: --min-ready: 9 of 2 workers cannot be"
        assert text in refused.stdout + refused.stderr
        assert instance.wait_ready()["supervisor"]["min_ready"] == 1


def test_what_needs_a_new_start_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, config(tmp_path, "sagemaker-port = 8081")) as instance:
        before = instance.wait_ready()
        config(tmp_path, "sagemaker-port = 8082", "log-verbose = 1")
        assert "needed: full restart" in reload(instance, "--dry-run").stdout
        refused = reload(instance)
        assert refused.returncode == 1
        assert "full restart is needed for --sagemaker-port" in refused.stderr
        assert pids(instance.wait_ready()) == pids(before)


@pytest.mark.parametrize("strategy", ["surge", "stop-start"])
def test_a_successor_that_fails_leaves_the_old_one(tmp_path: Path, strategy: str) -> None:
    """The new command works in slot 0 and fails in slot 1: both end with the old one."""
    (tmp_path / "models").mkdir()
    flags = [f"--reload-strategy={strategy}", f"--model-repository={tmp_path / 'models'}"]
    good = f"{sys.executable} {FAKE}"
    first = config(tmp_path, f'worker-command = "{good}"')
    with running(tmp_path, first, *flags, "--exit-timeout-secs=1", fake=False) as instance:
        before = instance.wait_ready()
        config(tmp_path, f'worker-command = "env FAKE_MODE_1=exit-20 {good}"')
        failed = reload(instance)
        assert failed.returncode == 1, failed.stdout
        assert "w1: model 'broken' version 1: it is broken" in failed.stdout
        after = instance.wait_ready()
        if strategy == "surge":
            assert generations(after) == [3, 1]
            assert pids(after)[1] == pids(before)[1]
        else:
            assert generations(after) == [3, 3]
        assert "(rolling restart)" in reload(instance, "--dry-run").stdout
        assert instance.stop() == 0


@pytest.mark.parametrize("comes_up", [True, False])
def test_the_only_worker_is_given_up_while_its_successor_loads(
    tmp_path: Path, comes_up: bool
) -> None:
    """The successor decides whether the instance goes on."""
    (tmp_path / "models").mkdir()
    go, script = tmp_path / "go", tmp_path / "late.sh"
    good = f"{sys.executable} {FAKE}"
    then = f'exec {good} "$@"' if comes_up else "exit 20"
    script.write_text(f"until [ -e {go} ]; do sleep 0.05; done\n{then}\n")
    settings = config(tmp_path, f'worker-command = "{good}"')
    flags = ["--devices=cpu:1", "--restart-limit=1", f"--model-repository={tmp_path / 'models'}"]
    with running(tmp_path, settings, *flags, fake=False) as instance:
        first = instance.wait_ready()
        config(tmp_path, f'worker-command = "sh {script}"')
        instance.ask("reload")
        os.kill(pids(first)[0], signal.SIGKILL)
        instance.wait_state(0, "FAILED")
        time.sleep(1.5)  # the end of the instance is looked for once a second
        assert instance.wait_state(0, "FAILED")["generation"] == 1
        go.touch()
        if comes_up:
            assert generations(instance.wait_ready()) == [2]
            assert instance.stop() == 0
        else:
            assert instance.popen.wait(DEADLINE) == 6
            assert "all workers failed" in instance.text()


def test_drain_and_undrain(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        instance.wait_ready()
        assert command(tmp_path, "drain", "0").returncode == 0
        assert instance.worker(0)["state"] == "DISABLED"
        assert int(get(instance.port("http"))) == instance.worker(1)["pid"]
        assert command(tmp_path, "undrain", "0").returncode == 0
        instance.wait_ready()
        assert instance.worker(0)["generation"] == 2
        assert instance.worker(0)["last_exit"]["code"] == 0
        with pytest.raises(ControlError, match=r"not one of 0\.\.1"):
            instance.ask("undrain", slot=2)


def test_undrain_while_it_drains(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        instance.wait_ready()
        instance.ask("drain", slot=0)
        instance.wait_state(0, "DRAINING")
        instance.ask("undrain", slot=0)
        instance.wait("filled", lambda s: s["workers"][0]["generation"] == 2)
        instance.wait_ready()


def test_old_workers_are_replaced_one_at_a_time(tmp_path: Path) -> None:
    with running(tmp_path, "--worker-max-age=1") as instance:
        instance.wait("third generation", lambda s: min(generations(s)) >= 3)
        status = instance.status()
        assert status is not None
        assert all(worker["restarts_window"] == 0 for worker in status["workers"])
        assert "--worker-max-age is 1 s" in instance.text()
        assert instance.stop() == 0


def test_a_worker_that_grew_is_replaced(tmp_path: Path) -> None:
    """One whose successor is as large is not replaced on and on."""
    with running(tmp_path, "--worker-max-rss=1M") as instance:
        instance.wait("second generation", lambda s: max(generations(s)) >= 2)
        until(lambda: "before it has served; raise --worker-max-rss" in instance.text(), "said so")
        assert "exceeds --worker-max-rss (1 MiB)" in instance.text()
        assert sorted(generations(instance.wait_ready())) == [1, 2]
        assert instance.stop() == 0


def test_what_a_reload_brings_holds_for_itself(tmp_path: Path) -> None:
    """Its error says which setting would help: then that one must."""
    settings = ("min-ready = 2", 'reload-strategy = "stop-start"')
    with running(tmp_path, config(tmp_path, *settings)) as instance:
        instance.wait_ready()
        config(tmp_path, *settings, "log-verbose = 1")
        refused = reload(instance)
        assert refused.returncode == 1
        assert "use --reload-strategy=surge" in refused.stdout + refused.stderr
        config(tmp_path, "min-ready = 2", 'reload-strategy = "surge"', "log-verbose = 1")
        done = reload(instance)
        assert done.returncode == 0, done.stdout + done.stderr
        assert generations(instance.wait_ready()) == [2, 2]
        events = [each["text"] for each in instance.ask("events")["events"]]
        assert events.count("reloaded") == 1


def test_the_last_wish_is_the_reason(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        instance.wait_ready()
        instance.ask("restart", slot=0)
        instance.wait_state(0, "DRAINING")
        instance.ask("drain", slot=0)
        assert instance.wait_state(0, "DISABLED")["reason"] == "drained by the operator"


def test_stop_during_a_reload_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_1="") as instance:
        status = instance.wait_ready()
        instance.ask("reload", force=True)
        assert instance.stop() == 0
        gone(pids(status))
    until(lambda: shm_names(run_id_of(status)) == [], "shared memory gone")


def test_more_than_there_are_cannot_be_ready(tmp_path: Path) -> None:
    with running(tmp_path, "--min-ready=3") as instance:
        assert instance.popen.wait(60) == 3
        assert "--min-ready: 3 of 2 workers" in instance.text()
