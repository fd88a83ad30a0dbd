"""Whatever dies, and however: no stub and no shared memory is left. Real Triton, real kills."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
from instance import Instance, alive, run_id_of, shm_names, until
from test_model_health import HANGS, stubs
from test_real_triton import EXAMPLES, add_model, assert_nothing_left, family, infer, serve

pytestmark = pytest.mark.faults


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", folder / "identity")
    return folder


def kill_worker(instance: Instance, worker: int) -> None:
    os.kill(worker, signal.SIGKILL)


def kill_group(instance: Instance, worker: int) -> None:
    """With its stubs, so that none of them can clean up."""
    os.killpg(worker, signal.SIGKILL)


def kill_worker_with_stopped_stub(instance: Instance, worker: int) -> None:
    os.kill(stubs(instance, "identity")[0], signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)


def crash_worker(instance: Instance, worker: int) -> None:
    os.kill(worker, signal.SIGSEGV)


@pytest.mark.parametrize(
    "death",
    [kill_worker, kill_group, kill_worker_with_stopped_stub, crash_worker],
    ids=lambda death: death.__name__,
)
def test_death_of_a_worker(
    tmp_path: Path, repository: Path, death: Callable[[Instance, int], None]
) -> None:
    with serve(tmp_path, repository, "--devices=cpu:1") as instance:
        status = instance.wait_ready()
        pids, run_id = family(status), run_id_of(status)
        assert len(set(pids)) >= 2
        assert any("-w0g1-" in name for name in shm_names(run_id))
        death(instance, status["workers"][0]["pid"])
        instance.wait("next generation", lambda s: s["workers"][0]["generation"] == 2)
        until(lambda: not any(alive(pid) for pid in pids), "all of generation 1 gone")
        until(lambda: not [n for n in shm_names(run_id) if "-w0g1-" in n], "its memory gone")
        instance.wait_ready()
        assert infer(instance.port("http")) == "Roger Roger"
        assert instance.stop() == 0
        assert_nothing_left([], run_id)


def dies_alone(instance: Instance, status: dict[str, Any]) -> None:
    instance.popen.kill()


def dies_with_its_worker(instance: Instance, status: dict[str, Any]) -> None:
    """Nobody is left who could clean up."""
    os.kill(instance.popen.pid, signal.SIGSTOP)  # or it would, for a moment
    os.killpg(status["workers"][0]["pid"], signal.SIGKILL)
    instance.popen.kill()


def dies_with_a_stopped_stub(instance: Instance, status: dict[str, Any]) -> None:
    os.kill(stubs(instance, "identity")[0], signal.SIGSTOP)
    instance.popen.kill()


@pytest.mark.parametrize(
    "death",
    [dies_alone, dies_with_its_worker, dies_with_a_stopped_stub],
    ids=lambda death: death.__name__,
)
def test_death_of_the_supervisor(
    tmp_path: Path, repository: Path, death: Callable[[Instance, dict[str, Any]], None]
) -> None:
    flags = ("--devices=cpu:1", "--drain-timeout=1", "--exit-timeout-secs=2")
    with serve(tmp_path, repository, *flags) as instance:
        status = instance.wait_ready()
        pids = family(status)
        death(instance, status)
        instance.popen.wait()
        until(lambda: not alive(status["workers"][0]["pid"]), "worker gone")
    # What could not leave by itself goes with the next start at the latest.
    with serve(tmp_path, repository, "--devices=cpu:1") as successor:
        successor.wait_ready()
        assert_nothing_left(pids, run_id_of(status))


def infer_grpc(port: int, model: str) -> str:
    tensor = grpcclient.InferInput("INPUT0", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([["Roger Roger"]], dtype=object))
    with grpcclient.InferenceServerClient(f"127.0.0.1:{port}") as client:
        answer: bytes = client.infer(model, [tensor]).as_numpy("OUTPUT0")[0][0]
        return answer.decode()


def test_supervisor_killed_with_requests_in_flight(tmp_path: Path, repository: Path) -> None:
    """They are answered after its death, by workers that then leave and clean up themselves."""
    wait = tmp_path / "wait"
    wait.touch()
    add_model(repository, "hangs", HANGS.format(path=str(wait)))
    with (
        ThreadPoolExecutor(4) as pool,
        serve(tmp_path, repository, "--drain-timeout=30") as instance,
    ):
        status = instance.wait_ready()
        ports = {name: instance.port(name) for name in ("http", "grpc", "metrics")}
        answers = [
            pool.submit(ask, ports[name], "hangs")
            for name, ask in (("http", infer), ("grpc", infer_grpc))
            for _ in range(2)
        ]
        instance.wait("in flight", lambda s: sum(w["inflight"] for w in s["workers"]) == 4)
        pids = family(status)
        instance.popen.kill()
        instance.popen.wait()
        assert not any(answer.done() for answer in answers)
        wait.unlink()
        assert [answer.result() for answer in answers] == ["Roger Roger"] * 4
        assert_nothing_left(pids, run_id_of(status))
        for port in ports.values():
            with socket.socket() as client:
                assert client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def test_stop_with_a_stopped_stub(tmp_path: Path, repository: Path) -> None:
    with serve(tmp_path, repository, "--devices=cpu:1", "--exit-timeout-secs=2") as instance:
        status = instance.wait_ready()
        pids = family(status)
        os.kill(stubs(instance, "identity")[0], signal.SIGSTOP)
        assert instance.stop() == 0
        assert_nothing_left(pids, run_id_of(status))


def test_second_signal(tmp_path: Path, repository: Path) -> None:
    with serve(tmp_path, repository, "--devices=cpu:1") as instance:
        status = instance.wait_ready()
        pids = family(status)
        instance.popen.send_signal(signal.SIGTERM)
        until(lambda: "draining" in instance.text(), "the first signal")
        instance.popen.send_signal(signal.SIGTERM)
        assert instance.popen.wait(60) in (0, 128 + signal.SIGTERM)
        assert_nothing_left(pids, run_id_of(status))


def test_supervisor_killed_while_workers_start(tmp_path: Path, repository: Path) -> None:
    with serve(tmp_path, repository, "--devices=cpu:2", "--drain-timeout=1") as instance:
        status = instance.wait("a process", lambda s: s["workers"][1]["pid"])
        workers = [worker["pid"] for worker in status["workers"] if worker["pid"]]
        instance.popen.kill()
        instance.popen.wait()
        until(lambda: not any(alive(pid) for pid in workers), "workers gone")
    with serve(tmp_path, repository, "--devices=cpu:1") as successor:
        successor.wait_ready()
        assert_nothing_left(workers, run_id_of(status))
