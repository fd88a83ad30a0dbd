"""The supervisor is killed, and a worker cannot even notice: its interpreter's lock is held for
ever. Real Triton.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from instance import GIL_HOLDER, alive, run_id_of, running, until
from test_real_triton import EXAMPLES, SLOW_LOAD, add_model, assert_nothing_left, family, serve

from tritonfrontend._native import arm_last_resort
from tritonfrontend.errors import InvalidArgumentError
from tritonfrontend.supervisor.options.spec import Device, ServeOptions
from tritonfrontend.supervisor.protocol.worker_spec import WorkerSpec, worker_spec
from tritonfrontend.supervisor.system import process, procfs, this_process
from tritonfrontend.supervisor.worker import last_resort

_PR_SET_CHILD_SUBREAPER = 36


@contextmanager
def adopting() -> Iterator[None]:
    """Orphans become children of the tests, which thus hear how they end."""
    this_process.become_subreaper()
    try:
        yield
    finally:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        process.reap(())


def code_of(orphan: int) -> int:
    _, status = until(
        lambda: found if (found := os.waitpid(orphan, os.WNOHANG))[0] else None, "its end"
    )
    return os.waitstatus_to_exitcode(status)


@pytest.mark.faults
@pytest.mark.parametrize("loads", [False, True], ids=["serving", "loading"])
def test_worker_whose_python_never_runs_again(tmp_path: Path, loads: bool) -> None:
    """While it loads, its stub is in the middle of initialize() and notices nothing either."""
    repository, flag = tmp_path / "repository", tmp_path / "hold"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    if loads:
        add_model(repository, "slow_load", SLOW_LOAD)
    flags = [
        *("--devices=cpu:1", "--drain-timeout=1", "--exit-timeout-secs=1"),
        *(f"--model-repository={repository}", f"--worker-command={sys.executable} {GIL_HOLDER}"),
    ]
    env = {"HOLD_GIL": str(flag), "HOLD_GIL_SECONDS": "3600"}
    with adopting(), running(tmp_path, *flags, fake=False, **env) as instance:
        state = "LOADING" if loads else "READY"
        worker = instance.wait_state(0, state)["pid"]
        until(lambda: len(procfs.session_members(worker)) > loads + 1, "its stubs")
        status = instance.wait("status", lambda s: s)
        pids = family(status)
        flag.touch()
        until(lambda: Path(f"{flag}-held-{worker}").exists(), "the lock is held")
        # Another reader of its standard error, which outlives the supervisor.
        said = os.open(f"/proc/{worker}/fd/2", os.O_RDONLY)
        instance.popen.kill()
        instance.popen.wait()
        assert code_of(worker) == 16
        until(lambda: not any(alive(pid) for pid in pids), "its stubs gone")
        text = "the supervisor has ended and this worker could not leave within 12 s; ending"
        with open(said, encoding="utf-8") as file:
            assert f"worker: {text}\n" in file.read()
    with serve(tmp_path, EXAMPLES, "--devices=cpu:1") as successor:
        successor.wait_ready()
        assert_nothing_left(pids, run_id_of(status))


def test_workers_that_can_leave_are_not_ended_by_it(tmp_path: Path) -> None:
    """They end with what says that they left in order."""
    with adopting(), serve(tmp_path, EXAMPLES, "--devices=cpu:1") as instance:
        status = instance.wait_ready()
        pids = family(status)
        instance.popen.kill()
        instance.popen.wait()
        assert code_of(status["workers"][0]["pid"]) == 15
        assert_nothing_left(pids, run_id_of(status))


def spec(supervisor_pid: int) -> WorkerSpec:
    options = ServeOptions(model_repository=(str(EXAMPLES),), exit_timeout=3)
    made = worker_spec(options, "run", 0, 1, Device("cpu", 0), {}, 3)
    return replace(made, supervisor_pid=supervisor_pid, drain_timeout=7.0)


def test_it_comes_after_the_limits_of_an_orderly_end() -> None:
    """Those of `worker/loop.py`: the drain, then the core, which gets 5 s to keep its own limit."""
    assert last_resort.patience(spec(1)) > 7 + 3 + 5


def test_a_supervisor_that_cannot_be_watched_is_told() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    said = last_resort.arm(spec(gone.pid))
    assert said == f"cannot watch process {gone.pid}: No such process"


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), 1e10])
def test_times_that_are_none(seconds: float) -> None:
    with pytest.raises(InvalidArgumentError, match="seconds: expected 0 to 1e9"):
        arm_last_resort(os.getpid(), seconds, 16, "")
