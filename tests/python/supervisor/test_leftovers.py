"""Whatever ends in the middle of something leaves no process and no shared memory. Real Triton."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from instance import Instance, run_id_of, running, shm_names, until
from test_real_triton import SLOW, add_model, assert_nothing_left, family, infer, while_it_loads

from tritonfrontend.supervisor.system import procfs

pytestmark = pytest.mark.faults

LOADS_A_WHILE = """
import time
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def initialize(self, args):
        time.sleep(3)
    def execute(self, requests):
        return [pb_utils.InferenceResponse([]) for _ in requests]
"""

LOADS_FOR_EVER = LOADS_A_WHILE.replace("3", "600")


def serve(tmp_path: Path, source: str, *more: str) -> Any:
    repository = tmp_path / "repository"
    add_model(repository, "model", source)
    flags = ("--devices=cpu:1", "--model-repository", str(repository), *more)
    return running(tmp_path, *flags, fake=False)


def in_surge(instance: Instance) -> tuple[list[int], str]:
    """All processes of a reload whose successor has a stub that loads, and the run's id."""
    status = instance.wait_ready()
    old = status["workers"][0]["pid"]
    instance.ask("reload", force=True)

    def successors() -> list[int]:
        children = procfs.children_of(instance.popen.pid)
        return [child.pid for child in children if child.pid != old and child.state != "Z"]

    new = until(successors, "a successor")[0]
    until(lambda: len(procfs.session_members(new)) > 1, "its stub")
    pids = [old, new]
    pids += [member.pid for pid in (old, new) for member in procfs.session_members(pid)]
    return pids, run_id_of(status)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_with_a_request_in_flight(tmp_path: Path, number: int) -> None:
    with serve(tmp_path, SLOW) as instance:
        status = instance.wait_ready()
        pids, port = family(status), instance.port("http")

        def ask() -> None:
            with pytest.raises(Exception, match=r".*"):
                infer(port, "model")

        asking = threading.Thread(target=ask)
        asking.start()
        instance.wait("in flight", lambda s: s["workers"][0]["inflight"] == 1)
        instance.popen.send_signal(number)
        until(lambda: "draining" in instance.text(), "first signal")
        assert instance.stop(number) == 128 + number
        asking.join()
        assert_nothing_left(pids, run_id_of(status))


def test_terminated_while_a_predecessor_drains(tmp_path: Path) -> None:
    """Its last request is answered, and nobody is killed for the stop."""
    slower = SLOW.replace("1.5", "15")  # longer than a successor takes
    with serve(tmp_path, slower, "--drain-timeout=60") as instance:
        status = instance.wait_ready()
        pids, port, said = family(status), instance.port("http"), []
        asking = threading.Thread(target=lambda: said.append(infer(port, "model")))
        asking.start()
        instance.wait("in flight", lambda s: s["workers"][0]["inflight"] == 1)
        instance.ask("reload", force=True)
        until(lambda: "took over: reload" in instance.text(), "a successor")
        pids += family(instance.wait_ready())
        assert asking.is_alive()
        assert instance.stop() == 0, instance.text()
        asking.join()
        assert said == ["Roger Roger"]
        assert_nothing_left(pids, run_id_of(status))
        assert "a bug in" not in instance.text()


def test_terminated_in_a_surge(tmp_path: Path) -> None:
    with serve(tmp_path, LOADS_A_WHILE) as instance:
        pids, run_id = in_surge(instance)
        assert instance.stop() == 0
        assert_nothing_left(pids, run_id)


def test_worker_killed_in_a_surge(tmp_path: Path) -> None:
    """Its successor, which has loaded for a while, takes its place."""
    with serve(tmp_path, LOADS_A_WHILE) as instance:
        pids, run_id = in_surge(instance)
        os.kill(pids[0], signal.SIGKILL)
        until(lambda: not instance.ask("reload-status")["running"], "the reload ends")
        assert instance.ask("reload-status")["failed"] == ""
        status = instance.wait_ready()
        worker = status["workers"][0]
        assert worker["pid"] == pids[1]
        assert worker["generation"] == 2
        assert worker["last_exit"]["signal"] == signal.SIGKILL
        assert instance.stop() == 0
        assert_nothing_left([*pids, *family(status)], run_id)


def test_worker_restarted_in_a_surge(tmp_path: Path) -> None:
    """It leaves, and its successor takes its place: no third one is started."""
    with serve(tmp_path, LOADS_A_WHILE) as instance:
        pids, run_id = in_surge(instance)
        instance.ask("restart", slot=0)
        until(lambda: not instance.ask("reload-status")["running"], "the reload ends")
        assert instance.ask("reload-status")["failed"] == ""
        status = instance.wait_ready()
        assert status["workers"][0]["pid"] == pids[1]
        assert status["workers"][0]["last_exit"]["code"] == 0
        assert instance.stop() == 0
        assert_nothing_left([*pids, *family(status)], run_id)


def test_worker_and_successor_killed_in_a_surge(tmp_path: Path) -> None:
    with serve(tmp_path, LOADS_A_WHILE) as instance:
        pids, run_id = in_surge(instance)
        os.kill(pids[0], signal.SIGKILL)
        os.kill(pids[1], signal.SIGKILL)
        until(lambda: not instance.ask("reload-status")["running"], "the reload ends")
        assert "SIGKILL" in instance.ask("reload-status")["failed"]
        status = instance.wait_ready()
        assert status["workers"][0]["generation"] == 3
        assert instance.stop() == 0
        assert_nothing_left([*pids, *family(status)], run_id)


def test_successor_killed_in_a_surge(tmp_path: Path) -> None:
    with serve(tmp_path, LOADS_A_WHILE) as instance:
        pids, run_id = in_surge(instance)
        os.kill(pids[1], signal.SIGKILL)
        until(lambda: not instance.ask("reload-status")["running"], "the reload ends")
        assert "SIGKILL" in instance.ask("reload-status")["failed"]
        assert instance.worker(0)["pid"] == pids[0]
        assert instance.worker(0)["state"] == "READY"
        instance.ask("reload", force=True)
        until(lambda: not instance.ask("reload-status")["running"], "the second reload ends")
        assert instance.ask("reload-status")["failed"] == ""
        assert instance.worker(0)["generation"] == 4  # 3 would have the page of 1
        assert instance.stop() == 0
        assert_nothing_left(pids, run_id)


def test_supervisor_killed_while_a_stub_that_is_stopped_loads(tmp_path: Path) -> None:
    """It does not notice the end of its parent, and of some memory nobody but the parent knows."""
    with serve(tmp_path, LOADS_FOR_EVER, "--drain-timeout=1") as instance:
        pids, run_id = while_it_loads(instance, stubs=1)
        name = until(lambda: shm_names(run_id), "its memory")[0]
        Path("/dev/shm", f"{name[: name.index('g1-')]}g1-unknown").touch()
        for stub in procfs.children_of(instance.worker(0)["pid"]):
            os.kill(stub.pid, signal.SIGSTOP)
        instance.popen.kill()
        instance.popen.wait()
        assert_nothing_left(pids, run_id)


def test_supervisor_killed_in_a_surge(tmp_path: Path) -> None:
    with serve(tmp_path, LOADS_A_WHILE) as instance:
        pids, run_id = in_surge(instance)
        instance.popen.kill()
        instance.popen.wait()
        assert_nothing_left(pids, run_id)
