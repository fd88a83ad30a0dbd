"""The supervisor with real workers: the Triton core, the example models, real kills."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from instance import (
    DEADLINE,
    Instance,
    alive,
    environment,
    get,
    run_id_of,
    running,
    shm_names,
    until,
)

from tritonfrontend.supervisor.system import procfs

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"

SLOW = """
import time
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        time.sleep(1.5)
        return [pb_utils.InferenceResponse(
            [pb_utils.Tensor("OUTPUT0", pb_utils.get_input_tensor_by_name(r, "INPUT0").as_numpy())]
        ) for r in requests]
"""
BROKEN = """
class TritonPythonModel:
    def initialize(self, args):
        raise RuntimeError("the weights are missing")
"""
SLOW_LOAD = """
import time
class TritonPythonModel:
    def initialize(self, args):
        time.sleep(600)
"""


def add_model(repository: Path, name: str, source: str) -> None:
    folder = repository / name / "1"
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(source)
    (repository / name / "config.pbtxt").write_text(
        f'name: "{name}"\nbackend: "python"\nmax_batch_size: 0\n'
        'input [ { name: "INPUT0" data_type: TYPE_STRING dims: [ -1, -1 ] } ]\n'
        'output [ { name: "OUTPUT0" data_type: TYPE_STRING dims: [ -1, -1 ] } ]\n'
        "instance_group [ { count: 1 kind: KIND_CPU } ]\n"
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The shipped identity model, to which tests add others."""
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", folder / "identity")
    return folder


def serve(tmp_path: Path, repository: Path, *flags: str) -> Any:
    return running(tmp_path, "--model-repository", str(repository), *flags, fake=False)


def infer(port: int, model: str = "identity", text: str = "Roger Roger") -> str:
    """One request on a connection of its own."""
    client = httpclient.InferenceServerClient(f"127.0.0.1:{port}")
    try:
        data = np.array([[text]], dtype=object)
        tensor = httpclient.InferInput("INPUT0", [1, 1], "BYTES")
        tensor.set_data_from_numpy(data)
        answer = client.infer(model, [tensor]).as_numpy("OUTPUT0")
        assert answer is not None
        said: str = answer[0][0].decode()
        return said
    finally:
        client.close()


def family(status: dict[str, Any]) -> list[int]:
    """Workers and their helpers."""
    workers = [worker["pid"] for worker in status["workers"]]
    return [*workers, *(p.pid for pid in workers for p in procfs.session_members(pid))]


def assert_nothing_left(pids: list[int], run_id: str) -> None:
    until(lambda: not any(alive(pid) for pid in pids), "all processes gone")
    until(lambda: not shm_names(run_id), "shared memory gone")


def while_it_loads(instance: Instance, stubs: int) -> tuple[list[int], str]:
    """The worker and its helpers once so many stubs load, and the run's id."""
    instance.wait("loading", lambda s: s["workers"][0]["loading_s"] > 0)
    worker = instance.worker(0)["pid"]
    until(lambda: len(procfs.session_members(worker)) > stubs, "stubs")
    status = instance.status()
    assert status is not None
    return family(status), run_id_of(status)


def test_pasted_lines_work(tmp_path: Path) -> None:
    with serve(tmp_path, EXAMPLES) as instance:
        status = instance.wait_ready()
        pids = family(status)
        assert len(set(pids)) >= 6  # two workers, two stubs each
        lines = until(
            lambda: re.findall(r"^  ((?:curl|/).*)$", instance.text(), re.MULTILINE), "lines"
        )
        assert len(lines) == 2
        for line in lines:
            answer = subprocess.run(
                line,
                shell=True,
                capture_output=True,
                text=True,
                timeout=DEADLINE,
                check=False,
                cwd="/",
                env={**environment(tmp_path), "PYTHONWARNINGS": "ignore"},
            )
            assert answer.returncode == 0, answer.stderr
            assert "error" not in answer.stdout
            assert "0" in answer.stdout
        assert infer(instance.port("http")) == "Roger Roger"
        assert instance.stop() == 0
        assert_nothing_left(pids, run_id_of(status))


_SUCCESSES = r'^nv_inference_request_success\{model="identity",version="1",worker="(\d)"\} (\d+)$'


def test_grpc_and_metrics_over_all_workers(tmp_path: Path, repository: Path) -> None:
    with serve(tmp_path, repository) as instance:
        instance.wait_ready()
        for _ in range(10):
            assert infer(instance.port("http")) == "Roger Roger"
        with grpcclient.InferenceServerClient(f"127.0.0.1:{instance.port('grpc')}") as client:
            assert client.is_model_ready("identity")
            tensor = grpcclient.InferInput("INPUT0", [1, 1], "BYTES")
            tensor.set_data_from_numpy(np.array([["x"]], dtype=object))
            assert client.infer("identity", [tensor]).as_numpy("OUTPUT0")[0][0] == b"x"
        # The core counts a request after it was answered, and a busy worker's page may be its last.
        deadline = time.monotonic() + DEADLINE
        counts: list[tuple[str, str]] = []
        while sum(int(count) for _, count in counts) < 11 and time.monotonic() < deadline:
            page = get(instance.port("metrics"), "/metrics")
            counts = re.findall(_SUCCESSES, page, re.MULTILINE)
        assert [worker for worker, _ in counts] == ["0", "1"]
        assert sum(int(count) for _, count in counts) == 11
        assert page.count("# TYPE nv_inference_request_success counter") == 1
        instance.wait("statistics", lambda s: sum(w["completed"] for w in s["workers"]) >= 11)


def test_grpc_on_the_http_port(tmp_path: Path, repository: Path) -> None:
    with serve(tmp_path, repository, "--grpc-on-http-port") as instance:
        instance.wait_ready()
        port = instance.port("http")
        assert infer(port) == "Roger Roger"
        with grpcclient.InferenceServerClient(f"127.0.0.1:{port}") as client:
            assert client.is_model_ready("identity")
        assert instance.stop() == 0


def test_killed_worker_under_load(tmp_path: Path, repository: Path) -> None:
    with serve(tmp_path, repository) as instance:
        status = instance.wait_ready()
        port, victim = instance.port("http"), status["workers"][0]["pid"]
        stubs = [p.pid for p in procfs.session_members(victim)]
        results: Counter[str] = Counter()
        errors: list[str] = []
        done = threading.Event()

        def client() -> None:
            while not done.is_set():
                try:
                    infer(port)
                    results["ok"] += 1
                except Exception as error:
                    results["failed"] += 1
                    errors.append(repr(error))

        threads = [threading.Thread(target=client) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: results["ok"] > 50, "traffic")
        os.kill(victim, signal.SIGKILL)
        instance.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
        instance.wait_ready()
        so_far = results["ok"]
        until(lambda: results["ok"] > so_far + 50, "traffic after the restart")
        done.set()
        for thread in threads:
            thread.join()
        assert results["failed"] <= len(threads), errors
        assert not any("refused" in error for error in errors), errors
        assert not any(alive(pid) for pid in stubs)
        prefix = f"{run_id_of(status)}-w0g1-"
        assert not any(prefix in name for name in shm_names(run_id_of(status)))


def test_killed_supervisor_leaves_nothing(tmp_path: Path, repository: Path) -> None:
    with serve(tmp_path, repository) as instance:
        status = instance.wait_ready()
        pids = family(status)
        assert infer(instance.port("http")) == "Roger Roger"
        instance.popen.kill()
        instance.popen.wait()
        assert_nothing_left(pids, run_id_of(status))


def test_supervisor_killed_while_a_model_loads(tmp_path: Path, repository: Path) -> None:
    add_model(repository, "slow_load", SLOW_LOAD)
    with serve(tmp_path, repository, "--devices=cpu:1", "--drain-timeout=1") as instance:
        pids, run_id = while_it_loads(instance, stubs=2)
        instance.popen.kill()
        instance.popen.wait()
        assert_nothing_left(pids, run_id)


def test_model_that_cannot_load(tmp_path: Path, repository: Path) -> None:
    add_model(repository, "broken", BROKEN)
    with serve(tmp_path, repository) as instance:
        assert instance.popen.wait(DEADLINE) == 6
        text = instance.text()
        assert "model 'broken' version 1" in text
        assert "the weights are missing" in text
        assert text.count("worker ended") <= 2  # once each


def test_model_that_cannot_load_but_need_not(tmp_path: Path, repository: Path) -> None:
    add_model(repository, "broken", BROKEN)
    with serve(tmp_path, repository, "--exit-on-error=false", "--devices=cpu:1") as instance:
        worker = instance.wait_state(0, "DEGRADED")
        assert worker["reason"] == "unavailable: broken"
        assert infer(instance.port("http")) == "Roger Roger"


def test_terminate_finishes_the_requests_in_flight(tmp_path: Path, repository: Path) -> None:
    add_model(repository, "slow", SLOW)
    with serve(tmp_path, repository) as instance:
        status = instance.wait_ready()
        port, answers = instance.port("http"), []
        threads = [
            threading.Thread(target=lambda: answers.append(infer(port, "slow"))) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        instance.wait("in flight", lambda s: sum(w["inflight"] for w in s["workers"]) == 2)
        pids = family(status)
        assert instance.stop() == 0
        for thread in threads:
            thread.join()
        assert answers == ["Roger Roger"] * 2
        assert_nothing_left(pids, run_id_of(status))


def test_explicit_mode_loads_what_it_is_told(tmp_path: Path) -> None:
    flags = ("--model-control-mode=explicit", "--load-model=identity", "--devices=cpu:1")
    with serve(tmp_path, EXAMPLES, *flags) as instance:
        status = instance.wait_ready()
        assert [model["name"] for model in status["workers"][0]["models"]] == ["identity"]


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("--http-thread-count=0", "--http-thread-count: expected"),
        ("--backend-directory=/nowhere/at/all", "backend"),
    ],
)
def test_settings_that_only_the_core_can_judge(
    tmp_path: Path, repository: Path, flag: str, text: str
) -> None:
    with serve(tmp_path, repository, flag) as instance:
        assert instance.popen.wait(DEADLINE) in (3, 6)
        assert text in instance.text()


def test_second_real_instance_takes_no_traffic(tmp_path: Path, repository: Path) -> None:
    with serve(tmp_path, repository, "--devices=cpu:1") as instance:
        instance.wait_ready()
        port = instance.port("http")
        second = Instance(
            tmp_path,
            *("--model-repository", str(repository), f"--http-port={port}", "--name=two"),
            fake=False,
        )
        assert second.popen.wait(DEADLINE) == 4
        assert f"port {port} belongs to tritonfrontend instance test" in second.text()
        assert infer(port) == "Roger Roger"
