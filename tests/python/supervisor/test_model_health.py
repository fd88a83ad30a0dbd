"""Models that break while the server says ready: real Triton, real stubs, real kills, clients that
count.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tritonclient.http as httpclient
from instance import Instance, alive, run_id_of, shm_names, until
from other_process import command_line
from test_real_triton import EXAMPLES, add_model, assert_nothing_left, family, infer, serve
from tritonclient.utils import InferenceServerException

from tritonfrontend.supervisor.system import procfs

pytestmark = pytest.mark.faults

#: Ends its own stub when it is told to; answers everything else.
SUICIDAL = """
import ctypes, os
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            tensor = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
            word = tensor[0][0]
            if word == b"exit":
                os._exit(0)
            if word == b"segfault":
                ctypes.string_at(0)
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", tensor)]))
        return answers
"""
#: Hangs for a file's lifetime.
HANGS = """
import os, time
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        while os.path.exists({path!r}):
            time.sleep(0.05)
        return [pb_utils.InferenceResponse(
            [pb_utils.Tensor("OUTPUT0", pb_utils.get_input_tensor_by_name(r, "INPUT0").as_numpy())]
        ) for r in requests]
"""
#: Loads once; afterwards there is something wrong with it.
LOADS_ONCE = """
import os
class TritonPythonModel:
    def initialize(self, args):
        if os.path.exists({path!r}):
            raise RuntimeError("the weights are gone")
    def execute(self, requests):
        return []
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", folder / "identity")
    return folder


def stubs(instance: Instance, model: str, slot: int = 0) -> list[int]:
    """Live stubs of a model in a worker."""
    worker, found = instance.worker(slot)["pid"], []
    for child in procfs.children_of(worker):
        if f"/{model}/1/model.py" in command_line(child.pid) and child.state not in "ZX":
            found.append(child.pid)
    return found


class Traffic:
    """Clients that repeat `work`, and what came of it."""

    def __init__(self, work: Callable[[], Any], count: int = 2) -> None:
        self.ok = 0
        self.failed: list[tuple[float, str]] = []  # (when it was sent, what came)
        self._work = work
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._client) for _ in range(count)]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int) -> None:
        """Until `count` more requests were answered well."""
        so_far = self.ok
        until(lambda: self.ok >= so_far + count, "traffic")

    def _client(self) -> None:
        while not self._done.is_set():
            sent = time.monotonic()
            try:
                self._work()
                self.ok += 1
            except Exception as error:
                self.failed.append((sent, str(error)[:200]))


def healed(instance: Instance, model: str, times: int = 1) -> None:
    pattern = rf"model '{model}': healed in"
    until(lambda: len(re.findall(pattern, instance.text())) >= times, f"{model} healed")
    instance.wait_ready()


def heals(instance: Instance) -> bool:
    """Kills the one stub under traffic; the worker is the same afterwards.

    False: the Python backend has ended the worker, which it does if the stub had a lock of the
    memory that they share (server#8882).
    """
    before, port = instance.worker(0), instance.port("http")
    (victim,) = stubs(instance, "identity")

    def outcome() -> str:
        if instance.worker(0)["generation"] != before["generation"]:
            return "replaced"
        return "healed" if "model 'identity': healed in" in instance.text() else ""

    with Traffic(lambda: infer(port)) as traffic:
        traffic.more(20)
        os.kill(victim, signal.SIGKILL)
        if until(outcome, "healed") == "replaced":
            died = instance.wait_ready()["workers"][0]["last_exit"]
            assert died["signal"] == signal.SIGABRT
            assert any("lock_exception" in line for line in died["stderr_tail"])
            return False
        instance.wait_ready()
        since = time.monotonic()
        traffic.more(50)
    refused = [each for each in traffic.failed if "it is being loaded again" in each[1]]
    broken = [each for each in traffic.failed if each not in refused]
    print(f"{traffic.ok} ok, {len(refused)} refused at once, {broken}")
    # What was sent to the old copy may fail long after the new one serves.
    assert sum(sent > since for sent, _ in traffic.failed) == 0
    assert len(broken) <= 2 * 3  # two clients, a second or more per failure
    assert instance.worker(0)["pid"] == before["pid"]
    return True


@pytest.mark.parametrize("mode", ["none", "poll", "explicit"])
def test_killed_stub_is_healed_in_place(tmp_path: Path, repository: Path, mode: str) -> None:
    flags = [f"--model-control-mode={mode}", "--devices=cpu:1"]
    flags += ["--load-model=identity"] if mode == "explicit" else []
    with serve(tmp_path, repository, *flags) as instance:
        status = instance.wait_ready()
        assert any(heals(instance) for _ in range(5))
        texts = [each["text"] for each in instance.ask("events")["events"]]
        because = r"unavailable: identity \(a Python stub killed by SIGKILL"
        assert any("DEGRADED" in text and re.search(because, text) for text in texts), texts
        pids = family(instance.status() or {})
        assert instance.stop() == 0
        assert_nothing_left(pids, run_id_of(status))


def test_all_stubs_of_all_workers_at_once(tmp_path: Path, repository: Path) -> None:
    add_model(repository, "suicidal", SUICIDAL)
    with serve(tmp_path, repository, "--devices=cpu:2") as instance:
        status = instance.wait_ready()
        models = ("identity", "suicidal")
        victims = [
            pid for slot in (0, 1) for model in models for pid in stubs(instance, model, slot)
        ]
        assert len(victims) == 4
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        for model in models:
            healed(instance, model, 2)
        port = instance.port("http")
        for _ in range(10):
            assert {infer(port, model) for model in models} == {"Roger Roger"}
        after = instance.wait_ready()
        assert [w["pid"] for w in after["workers"]] == [w["pid"] for w in status["workers"]]


@pytest.mark.parametrize("word", ["exit", "segfault"])
def test_model_that_ends_its_own_stub(tmp_path: Path, repository: Path, word: str) -> None:
    add_model(repository, "suicidal", SUICIDAL)
    with serve(tmp_path, repository, "--devices=cpu:1") as instance:
        instance.wait_ready()
        port = instance.port("http")
        with pytest.raises(InferenceServerException):
            infer(port, "suicidal", word)
        how = "exited with code 0" if word == "exit" else "killed by SIGSEGV"
        until(lambda: f"Python stub suicidal_0_0 {how}" in instance.text(), "death noticed")
        assert infer(port) == "Roger Roger"  # the other model serves meanwhile
        healed(instance, "suicidal")
        assert infer(port, "suicidal") == "Roger Roger"
        assert instance.worker(0)["generation"] == 1


def test_clients_cannot_load_although_the_worker_can(tmp_path: Path, repository: Path) -> None:
    with serve(tmp_path, repository, "--devices=cpu:1") as instance:
        instance.wait_ready()
        client = httpclient.InferenceServerClient(f"127.0.0.1:{instance.port('http')}")
        for call in (client.load_model, client.unload_model):
            with pytest.raises(
                InferenceServerException, match="explicit model load / unload is not allowed"
            ):
                call("identity")
        client.close()
        assert infer(instance.port("http")) == "Roger Roger"


def test_stopped_stub_heals_by_itself(tmp_path: Path, repository: Path) -> None:
    with serve(tmp_path, repository, "--devices=cpu:1") as instance:
        instance.wait_ready()
        (stub,) = stubs(instance, "identity")
        os.kill(stub, signal.SIGSTOP)
        worker = instance.wait_state(0, "DEGRADED")
        assert "identity (a Python stub is stopped by a signal)" in worker["reason"]
        os.kill(stub, signal.SIGCONT)
        instance.wait_ready()
        assert infer(instance.port("http")) == "Roger Roger"
        assert stubs(instance, "identity") == [stub]
        assert "healed in" not in instance.text()


def test_read_only_repository_is_healed_by_its_configuration(
    tmp_path: Path, repository: Path
) -> None:
    """As if remote: the version directory is not in the repository but behind a link."""
    elsewhere = tmp_path / "elsewhere"
    (repository / "identity").rename(elsewhere)
    (repository / "identity").symlink_to(elsewhere)
    with serve(tmp_path, repository, "--devices=cpu:1") as instance:
        instance.wait_ready()
        os.kill(stubs(instance, "identity")[0], signal.SIGKILL)
        healed(instance, "identity")
        assert infer(instance.port("http")) == "Roger Roger"


def test_a_heal_keeps_what_a_client_had_loaded(tmp_path: Path, repository: Path) -> None:
    """Its configuration and its files, on the worker that it had asked and on the other."""
    flags = ("--devices=cpu:2", "--model-control-mode=explicit", "--load-model=identity")
    shouting = (repository / "identity" / "1" / "model.py").read_text()
    shouting = shouting.replace("tensor.as_numpy()", "tensor.as_numpy() + b'!'")
    with serve(tmp_path, repository, *flags) as instance:
        instance.wait_ready()
        port = instance.port("http")
        with httpclient.InferenceServerClient(f"127.0.0.1:{port}") as client:
            config = {**client.get_model_config("identity"), "parameters": {}}
            config["parameters"]["mine"] = {"string_value": "yes"}
            files = {"file:1/model.py": shouting.encode()}
            client.load_model("identity", config=json.dumps(config), files=files)
        assert infer(port) == "Roger Roger!"
        status = instance.wait(
            "the stubs of the first copies have left",
            lambda s: [len(worker["stubs"]) for worker in s["workers"]] == [1, 1],
        )
        for worker in status["workers"]:
            os.kill(worker["stubs"][0]["pid"], signal.SIGKILL)
        healed(instance, "identity", 2)
        for _ in range(10):  # new connections, on both workers
            assert infer(port) == "Roger Roger!"
            with httpclient.InferenceServerClient(f"127.0.0.1:{port}") as client:
                found = client.get_model_config("identity")["parameters"]
            assert found["mine"] == {"string_value": "yes"}


def test_heal_that_fails_restarts_the_worker(tmp_path: Path, repository: Path) -> None:
    gone = tmp_path / "gone"
    add_model(repository, "once", LOADS_ONCE.format(path=str(gone)))
    with serve(tmp_path, repository, "--devices=cpu:1", "--exit-on-error=false") as instance:
        status = instance.wait_ready()
        gone.touch()
        os.kill(stubs(instance, "once")[0], signal.SIGKILL)
        instance.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
        assert "model 'once' cannot be healed" in instance.text()
        assert "the weights are gone" in instance.text()
        worker = instance.wait_state(0, "DEGRADED")
        assert worker["reason"] == "unavailable: once"
        assert infer(instance.port("http")) == "Roger Roger"
        first = f"{run_id_of(status)}-w0g1-"
        assert not [name for name in shm_names(run_id_of(status)) if first in name]


@pytest.mark.parametrize("restart", [False, True])
def test_hung_model(tmp_path: Path, repository: Path, restart: bool) -> None:
    hangs = tmp_path / "hangs"
    add_model(repository, "hangs", HANGS.format(path=str(hangs)))
    flags = ["--model-hang-timeout=1", f"--model-hang-restart={restart}", "--drain-timeout=1"]
    with serve(tmp_path, repository, "--devices=cpu:1", *flags) as instance:
        status = instance.wait_ready()
        port = instance.port("http")
        assert infer(port, "hangs") == "Roger Roger"
        hangs.touch()
        with Traffic(lambda: infer(port, "hangs"), 1):
            if restart:
                instance.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
                assert "restarting: model 'hangs' hung: 1 in flight" in instance.text()
                hangs.unlink()
            else:
                worker = instance.wait_state(0, "DEGRADED")
                assert "unavailable: hangs (hung: 1 in flight" in worker["reason"]
                flags_of = {m["name"]: (m["hung"], m["healing"]) for m in worker["models"]}
                assert flags_of == {"hangs": (True, False), "identity": (False, False)}
                assert infer(port) == "Roger Roger"
                hangs.unlink()
            instance.wait_ready()
        assert infer(port, "hangs") == "Roger Roger"
        same = instance.worker(0)["pid"] == status["workers"][0]["pid"]
        assert same is not restart
        assert alive(instance.worker(0)["pid"])


def test_stub_that_cannot_be_executed(tmp_path: Path, repository: Path) -> None:
    """The core would wait for it for ever, without a word."""
    program = repository / "identity" / "triton_python_backend_stub"
    program.write_bytes(b"\x7fELF, but nothing else of a program")
    program.chmod(0o755)
    flags = ["--devices=cpu:1", "--start-stall-timeout=20", "--start-timeout=600"]
    with serve(tmp_path, repository, *flags) as instance:
        told = "perhaps a Python stub that cannot be executed"
        loads = instance.wait("told", lambda s: told in s["workers"][0]["reason"])["workers"][0]
        assert (loads["state"], loads["last_exit"]) == ("LOADING", None)
        worker = instance.wait("given up", lambda s: s["workers"][0]["last_exit"])["workers"][0]
        assert worker["last_exit"]["signal"] == signal.SIGKILL
        (line,) = [line for line in instance.text().splitlines() if "worker ended" in line]
        assert line.count(told) == 1
        reason = worker["last_exit"]["reason"]
        assert reason.startswith("no progress for 20 s while loading: 1 helper process(es)")
        assert "loads identity: perhaps a Python stub that cannot be executed" in reason
        assert not [name for name in shm_names(run_id_of(instance.status() or {})) if "g1-" in name]
