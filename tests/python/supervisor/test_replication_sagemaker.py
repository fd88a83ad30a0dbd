"""Models of SageMaker's multi-model mode: loaded through one of two real workers, there on both."""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from everywhere import everywhere, replace_worker
from instance import Instance, alive, command, running, until

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"
INPUT = {"name": "INPUT0", "datatype": "BYTES", "shape": [1, 1], "data": ["Roger"]}
#: Loads in the first worker that tries it and in no other.
LOADS_ONCE = """
import os
class TritonPythonModel:
    def initialize(self, args):
        os.close(os.open({path!r}, os.O_CREAT | os.O_EXCL))
    def execute(self, requests):
        return []
"""


class Endpoint:
    """Each request goes over a connection of its own, so to any worker."""

    def __init__(self, instance: Instance, root: Path) -> None:
        self.port = instance.port("sagemaker")
        self.root = root

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Connection": "close"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def add(self, name: str, script: str | None = None) -> None:
        shutil.copytree(EXAMPLES / "identity", self.root / name / "model")
        if script is not None:
            (self.root / name / "model" / "1" / "model.py").write_text(script)

    def load(self, name: str) -> tuple[int, str]:
        return self.call(
            "POST", "/models", {"model_name": name, "url": f"{self.root}/{name}/model"}
        )

    def names(self) -> list[str]:
        """What every worker lists."""
        status, text = everywhere(lambda: self.call("GET", "/models"))
        assert status == 200
        return [model["modelName"] for model in json.loads(text)["models"]]

    def invoke(self, name: str) -> tuple[int, str]:
        """What every worker answers."""
        body = {"inputs": [INPUT]}
        status, text = everywhere(lambda: self.call("POST", f"/models/{name}/invoke", body))
        found = json.loads(text)
        return status, found["outputs"][0]["data"][0] if status == 200 else found["error"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("hosted", "empty"):
        (tmp_path / folder).mkdir()
    return tmp_path / "hosted"


@pytest.fixture
def instance(tmp_path: Path, root: Path) -> Iterator[Instance]:
    flags = (
        *(f"--model-repository={tmp_path}/empty", "--model-control-mode=explicit"),
        *("--allow-sagemaker=true", "--sagemaker-port=0", f"--sagemaker-models-root={root}"),
        "--exit-timeout-secs=5",
    )
    with running(tmp_path, *flags, fake=False) as made:
        made.wait_ready()
        yield made


def test_models_are_loaded_on_all_workers(instance: Instance, root: Path) -> None:
    endpoint = Endpoint(instance, root)
    for name in ("0a1b", "2c3d"):
        endpoint.add(name)
        assert endpoint.load(name) == (200, "")
    assert endpoint.names() == ["0a1b", "2c3d"]
    assert endpoint.invoke("0a1b") == (200, "Roger")
    assert endpoint.load("0a1b")[0] == 409
    assert endpoint.call("DELETE", "/models/2c3d") == (200, "")
    assert endpoint.names() == ["0a1b"]
    assert endpoint.invoke("2c3d") == (404, "model '2c3d' is not loaded")
    # The other worker may not be through with it yet.
    until(lambda: endpoint.call("DELETE", "/models/2c3d")[0] == 404, "gone on both")
    replace_worker(instance, 1, lambda pid: os.kill(pid, signal.SIGKILL))
    assert endpoint.names() == ["0a1b"]
    assert endpoint.invoke("0a1b") == (200, "Roger")
    # A name that has been unloaded can be loaded again, also when a worker is slow to forget it.
    assert endpoint.load("2c3d") == (200, "")
    done = command(instance.root, "reload", "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    instance.wait_ready()
    assert endpoint.invoke("2c3d") == (200, "Roger")
    for name in ("0a1b", "2c3d"):
        assert endpoint.call("DELETE", f"/models/{name}") == (200, "")
    assert endpoint.names() == []
    status = instance.status()
    assert status is not None
    assert status["supervisor"]["replication_journal"] == 0


def test_a_model_that_one_worker_cannot_load_is_on_none(instance: Instance, root: Path) -> None:
    endpoint = Endpoint(instance, root)
    endpoint.add("0a1b", LOADS_ONCE.format(path=str(root / "loaded")))
    status, text = endpoint.load("0a1b")
    assert status == 400
    assert "could not do the same" in text
    assert "FileExistsError" in text
    assert endpoint.names() == []
    endpoint.add("2c3d")
    assert endpoint.load("2c3d") == (200, "")
    assert endpoint.invoke("2c3d") == (200, "Roger")


def test_a_hosted_model_whose_stub_dies_is_loaded_again(instance: Instance, root: Path) -> None:
    endpoint = Endpoint(instance, root)
    endpoint.add("0a1b")
    assert endpoint.load("0a1b") == (200, "")

    def victims(status: dict[str, Any]) -> list[int]:
        """By the model's name: its folder is called otherwise. (Status is a second old.)"""
        stubs = status["workers"][0]["stubs"]
        return [stub["pid"] for stub in stubs if stub["model"] == "0a1b" and alive(stub["pid"])]

    status = instance.wait("a stub", lambda s: len(victims(s)) == 1)
    os.kill(victims(status)[0], signal.SIGKILL)
    until(lambda: "model '0a1b': healed in" in instance.text(), "healed")
    instance.wait_ready()
    assert endpoint.invoke("0a1b") == (200, "Roger")
    assert endpoint.call("DELETE", "/models/0a1b") == (200, "")
    assert endpoint.names() == []
