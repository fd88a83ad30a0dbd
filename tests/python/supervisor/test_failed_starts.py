"""Workers that cannot start, and reloads to what cannot start: real Triton, clients that count."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from closed_loop import INFER, Load
from fault_report import FaultReport
from instance import DEADLINE, command, pids, run_id_of, running, shm_names
from test_model_health import HANGS
from test_real_triton import (
    BROKEN,
    EXAMPLES,
    add_model,
    assert_nothing_left,
    family,
    infer,
    serve,
)

pytestmark = pytest.mark.faults

#: The first process that comes may load it.
FOR_ONE = """
import os
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def initialize(self, args):
        try:
            os.close(os.open({path!r}, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            raise RuntimeError("the licence is for one") from None
    def execute(self, requests):
        return [pb_utils.InferenceResponse([]) for _ in requests]
"""

#: The first process that comes loads it, any other waits for ever.
ONE_LOADS = """
import os, time
class TritonPythonModel:
    def initialize(self, args):
        try:
            os.close(os.open({path!r}, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            time.sleep(600)
    def execute(self, requests):
        return []
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", folder / "identity")
    return folder


def generations(status: dict[str, Any]) -> list[int]:
    return [worker["generation"] for worker in status["workers"]]


def test_stub_without_permission_is_given_up_by_the_breaker(
    tmp_path: Path, repository: Path, fault_report: FaultReport
) -> None:
    """Each try lasts until the load has stalled, since the core waits for the stub in silence."""
    program = repository / "identity" / "triton_python_backend_stub"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o644)  # not even root may execute it
    flags = ("--devices=cpu:1", "--start-stall-timeout=15", "--restart-limit=2")
    with serve(tmp_path, repository, *flags, "--restart-delay=0.1") as instance:
        run_id = run_id_of(instance.wait("a process", lambda s: s["workers"][0]["pid"]))
        assert instance.popen.wait(240) == 6
        text = instance.text()
        fault_report.row("stub cannot be executed", exit_code=6)
        assert "loads identity: perhaps a Python stub that cannot be executed" in text
        assert "2 failures in 300 s" in text
        assert "all workers failed" in text
    assert shm_names(run_id) == []


def test_model_that_one_worker_cannot_load(
    tmp_path: Path, repository: Path, fault_report: FaultReport
) -> None:
    """That worker alone has failed; it is not tried again, and no client notices."""
    taken = tmp_path / "taken"
    add_model(repository, "for_one", FOR_ONE.format(path=str(taken)))
    with serve(tmp_path, repository, "--devices=cpu:2") as instance:
        status = instance.wait(
            "one of each", lambda s: {w["state"] for w in s["workers"]} == {"READY", "FAILED"}
        )
        failed = next(w for w in status["workers"] if w["state"] == "FAILED")
        assert failed["last_exit"]["code"] == 11
        assert "the licence is for one" in failed["reason"]
        assert failed["next_try_in_s"] > 500
        with Load(instance.port("http"), 4, INFER) as load:
            load.more(200)
        fault_report.load("a model fails to load in one of two workers", load)
        assert load.results.keys() == {"ok"}
        status = instance.wait("status", lambda s: s)
        assert generations(status) == [1, 1]
        assert status["workers"][failed["slot"]]["state"] == "FAILED"
        taken.unlink()
        instance.ask("start", slot=failed["slot"])
        instance.wait_ready()


def test_start_in_which_one_of_two_workers_never_gets_ready(
    tmp_path: Path, repository: Path
) -> None:
    """The one that serves answers what it has accepted, then the instance ends with 7."""
    wait = tmp_path / "wait"
    wait.touch()
    add_model(repository, "hangs", HANGS.format(path=str(wait)))
    add_model(repository, "for_one", ONE_LOADS.format(path=str(tmp_path / "taken")))
    flags = ("--devices=cpu:2", "--min-ready=2", "--start-timeout=30", "--drain-timeout=60")
    with serve(tmp_path, repository, *flags) as instance, ThreadPoolExecutor() as pool:
        status = instance.wait(
            "one of each", lambda s: {w["state"] for w in s["workers"]} == {"READY", "LOADING"}
        )
        loading = next(w["slot"] for w in status["workers"] if w["state"] == "LOADING")
        pids, answer = family(status), pool.submit(infer, instance.port("http"), "hangs")
        said = f"1 of 2 workers (--min-ready) was ready within 30 s: w{loading} is LOADING (for_one"
        instance.wait("the limit", lambda s: said in instance.text())
        assert not answer.done()
        wait.unlink()
        assert answer.result() == "Roger Roger"
        assert instance.popen.wait(DEADLINE) == 7
        assert_nothing_left(pids, run_id_of(status))


def test_reloads_that_fail_cost_no_request(
    tmp_path: Path, repository: Path, fault_report: FaultReport
) -> None:
    config = tmp_path / "serve.toml"
    config.write_text("log-verbose = 0\n")
    flags = (f"--config={config}", "--reload-strategy=surge", "--model-repository", str(repository))
    with running(tmp_path, *flags, fake=False) as instance:
        before = instance.wait_ready()
        with Load(instance.port("http"), 6, INFER) as load:
            config.write_text("log-verbos = 1\n")
            refused = command(tmp_path, "reload")
            assert refused.returncode == 1
            assert "did you mean log-verbose" in refused.stderr
            load.more(100)
            config.write_text("log-verbose = 0\n")
            add_model(repository, "broken", BROKEN)
            failed = command(tmp_path, "reload", "--force")
            assert failed.returncode == 1, failed.stdout + failed.stderr
            assert "the weights are missing" in failed.stdout
            assert pids(instance.wait_ready()) == pids(before)
            load.more(100)
            shutil.rmtree(repository / "broken")
            done = command(tmp_path, "reload", "--force")
            assert done.returncode == 0, done.stdout + done.stderr
            after = instance.wait_ready()
            assert not set(pids(after)) & set(pids(before))
            load.more(100)
        fault_report.load("reload: bad settings, a model that fails, a good one", load)
        assert load.results.keys() == {"ok"}
        assert infer(instance.port("http")) == "Roger Roger"
        assert instance.stop() == 0
