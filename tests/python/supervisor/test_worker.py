"""First acts and last words of the worker program, driven by hand instead of by a supervisor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from instance import environment, until
from test_spec import worker_spec

from tritonfrontend.supervisor.options.repositories import repository_models
from tritonfrontend.supervisor.options.spec import Device
from tritonfrontend.supervisor.protocol.channel import Channel
from tritonfrontend.supervisor.system import process
from tritonfrontend.supervisor.system.exits import WorkerExit
from tritonfrontend.supervisor.worker.core import ModelState


def start(tmp_path: Path, spec: str, *fds: int) -> process.Process:
    return process.spawn(process.default_command(), spec, fds, environment(tmp_path))


def end(worker: process.Process) -> tuple[int, str]:
    """(exit code, output) of a worker that ends by itself."""
    os.set_blocking(worker.log_fd, True)
    text = b""
    while data := os.read(worker.log_fd, 65536):
        text += data
    code = until(lambda: None if worker.poll() is None else [worker.poll()], "its end")[0]
    worker.close()
    return code, text.decode()


def test_no_descriptor_leaks_into_programs_of_a_backend() -> None:
    code = """
import os
from tritonfrontend.supervisor.system.descriptors import keep_from_programs
read, write = os.pipe()
for fd in (read, write): os.set_inheritable(fd, True)
keep_from_programs()
print(os.get_inheritable(read), os.get_inheritable(write), os.get_inheritable(2))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    assert answer.stdout == "False False True\n"


@pytest.mark.parametrize("text", ["", "not json", "{}"])
def test_unreadable_spec(tmp_path: Path, text: str) -> None:
    code, said = end(start(tmp_path, text))
    assert code == WorkerExit.BAD_FD
    assert "worker spec: cannot be read" in said


def test_control_descriptor_that_is_none(tmp_path: Path) -> None:
    code, _ = end(start(tmp_path, worker_spec(control_fd=999).to_json()))
    assert code == WorkerExit.BAD_FD


def test_supervisor_that_is_already_gone(tmp_path: Path) -> None:
    ours, theirs = Channel.pair()
    with theirs:
        spec = worker_spec(control_fd=theirs.fileno(), supervisor_pid=1)
        code, said = end(start(tmp_path, spec.to_json(), theirs.fileno()))
    ours.close()
    assert code == WorkerExit.SUPERVISOR_LOST
    assert "the supervisor is gone" in said


@pytest.mark.parametrize(
    ("changes", "expected", "text"),
    [
        # The same setting fails again; a repository may come back.
        ({"exit_timeout": 0}, WorkerExit.BAD_CONFIG, "exit_timeout"),
        ({}, WorkerExit.OTHER, "failed to stat file"),
    ],
)
def test_start_that_the_core_refuses(
    tmp_path: Path, changes: dict[str, Any], expected: WorkerExit, text: str
) -> None:
    ours, theirs = Channel.pair()
    with theirs:
        spec = worker_spec(
            control_fd=theirs.fileno(),
            frontends={},
            supervisor_pid=os.getpid(),
            device=Device("cpu", 0),
            core={"model_repository": [str(tmp_path / "gone")]},
            **changes,
        )
        worker = start(tmp_path, spec.to_json(), theirs.fileno())
    code, said = end(worker)
    messages = {message.op: message.args for message in ours.drain()}
    ours.close()
    assert code == expected, said
    assert messages["HELLO"]["pid"] == worker.pid
    assert messages["FATAL"]["code"] == expected
    assert text in messages["FATAL"]["text"]
    assert str(messages["FATAL"]["text"]) in said


def test_models_that_count() -> None:
    assert ModelState("a", 1, "READY", "").wanted
    assert ModelState("a", 1, "LOADING", "").wanted
    assert not ModelState("a", -1, "", "").wanted
    assert not ModelState("a", 1, "UNAVAILABLE", "unloaded").wanted
    failed = ModelState("a", 1, "UNAVAILABLE", "no such file")
    assert failed.failed
    assert failed.wanted


def test_names_of_what_will_load(tmp_path: Path) -> None:
    for name in ("b", "a", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    core = {"model_repository": [str(tmp_path), str(tmp_path / "gone"), "s3://bucket"]}
    assert repository_models(core) == ["a", "b"]
    explicit = {**core, "model_control_mode": "explicit"}
    assert repository_models({**explicit, "startup_models": ["x"]}) == ["x"]
    assert repository_models({**explicit, "startup_models": ["*"]}) == ["a", "b"]
