"""A reload in place: running workers load their models again. Real Triton."""

from __future__ import annotations

import json
import os
import shutil
import signal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from clients import Load
from everywhere import call, everywhere
from fault_report import FaultReport
from instance import Instance, command, pids, running, until
from other_process import command_line
from test_lifecycle_load import more, under_load
from test_real_triton import add_model, infer, repository  # noqa: F401 - a fixture

from tritonfrontend.supervisor.system import procfs

#: Answers with a word of its own.
WORD = """
import time
import numpy as np
import triton_python_backend_utils as pb_utils
time.sleep({seconds})
class TritonPythonModel:
    def execute(self, requests):
        answer = pb_utils.Tensor("OUTPUT0", np.array([["{word}"]], dtype=object))
        return [pb_utils.InferenceResponse([answer]) for _ in requests]
"""
_SIZES = count(1)


def says(repository: Path, word: str, seconds: float = 0) -> None:  # noqa: F811
    """What the model `word` answers from its next load on."""
    # Python takes a file of the same size and second for the one that it has compiled.
    source = WORD.format(word=word, seconds=seconds) + "#" * next(_SIZES)
    file = repository / "word" / "1" / "model.py"
    if file.exists():
        file.write_text(source)
    else:
        add_model(repository, "word", source)


def answer(instance: Instance, model: str = "word") -> str:
    """Of all workers."""
    return everywhere(lambda: infer(instance.port("http"), model))


def stubs(instance: Instance, model: str) -> list[int]:
    """Processes, of all workers."""
    children = [c for pid in pids(instance.wait_ready()) for c in procfs.children_of(pid)]
    return [child.pid for child in children if f"/{model}/" in command_line(child.pid)]


def ready(port: int, model: str) -> int:
    return call(port, f"models/{model}/ready", None, "GET")[0]


def reload(instance: Instance, *flags: str) -> Any:
    return command(instance.root, "reload", *flags)


def serve(tmp_path: Path, repository: Path, *flags: str) -> Any:  # noqa: F811
    return running(tmp_path, "--model-repository", str(repository), *flags, fake=False)


def test_what_has_changed_in_the_repository(tmp_path: Path, repository: Path) -> None:  # noqa: F811
    """A changed model, a new one, one that is gone, and one that is as it was."""
    says(repository, "one")
    shutil.copytree(repository / "word", repository / "gone")
    config = repository / "gone" / "config.pbtxt"
    config.write_text(config.read_text().replace('"word"', '"gone"'))
    with serve(tmp_path, repository, "--reload-strategy=in-place") as instance:
        before = instance.wait_ready()
        unchanged = stubs(instance, "identity")
        assert answer(instance) == "one"
        says(repository, "two")
        shutil.move(repository / "gone", repository / "new")
        config = repository / "new" / "config.pbtxt"
        config.write_text(config.read_text().replace('"gone"', '"new"'))
        done = reload(instance)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout == "needed: nothing; workers load changed models again\nreloaded\n"
        assert answer(instance) == "two"
        assert answer(instance, "new") == "one"
        assert everywhere(lambda: call(instance.port("http"), "models/gone/infer")[0]) == 404
        after = instance.wait_ready()
        assert pids(after) == pids(before)
        assert [worker["generation"] for worker in after["workers"]] == [1, 1]
        assert stubs(instance, "identity") == unchanged
        assert after["supervisor"]["last_reload"]["in_place"] is True
        assert "[w1] models are loaded again" in instance.text()
        assert instance.stop() == 0


def test_a_copy_that_does_not_load_leaves_the_old_one(
    tmp_path: Path,
    repository: Path,  # noqa: F811
) -> None:
    says(repository, "one")
    with serve(tmp_path, repository) as instance:
        instance.wait_ready()
        (repository / "word" / "1" / "model.py").write_text("raise ValueError('no weights')\n")
        failed = reload(instance, "--strategy=in-place")
        assert failed.returncode == 1
        assert "failed, the old models stay: w0: model 'word': " in failed.stdout
        assert "no weights" in failed.stdout
        assert answer(instance) == "one"
        says(repository, "two")
        assert reload(instance, "--strategy=in-place").returncode == 0
        assert answer(instance) == "two"


def test_all_models_again(tmp_path: Path, repository: Path) -> None:  # noqa: F811
    with serve(tmp_path, repository) as instance:
        before = instance.wait_ready()
        old = stubs(instance, "identity")
        assert len(old) >= 2
        shown = reload(instance, "--strategy=in-place", "--force", "--dry-run")
        assert shown.stdout == "needed: nothing; workers load all models again\n"
        assert stubs(instance, "identity") == old
        assert reload(instance, "--strategy=in-place", "--force").returncode == 0
        until(
            lambda: len(new := stubs(instance, "identity")) == len(old) and not {*new} & {*old},
            "other stubs",
        )
        assert pids(instance.wait_ready()) == pids(before)
        assert infer(instance.port("http")) == "Roger Roger"


def test_settings_that_need_new_workers_are_refused(
    tmp_path: Path,
    repository: Path,  # noqa: F811
) -> None:
    config = tmp_path / "serve.toml"
    config.write_text('reload-strategy = "in-place"\n')
    with serve(tmp_path, repository, f"--config={config}") as instance:
        before = instance.wait_ready()
        config.write_text('reload-strategy = "in-place"\nlog-verbose = 1\nmin-ready = 2\n')
        for flags in ((), ("--dry-run",)):
            refused = reload(instance, *flags)
            assert refused.returncode == 1
            assert "in-place keeps the workers, and --log-verbose needs new ones" in refused.stderr
        assert instance.wait_ready()["supervisor"]["min_ready"] == 1
        assert reload(instance, "--strategy=surge").returncode == 0
        after = instance.wait_ready()
        assert not {*pids(after)} & {*pids(before)}
        assert after["supervisor"]["min_ready"] == 2
        refused = instance.ask("reload", strategy="in-place")
        assert refused["in_place"] is True
        instance.wait("done", lambda s: not s["supervisor"]["last_reload"]["running"])
        assert pids(instance.wait_ready()) == pids(after)


def test_under_explicit_control(tmp_path: Path, repository: Path) -> None:  # noqa: F811
    """What clients have unloaded, or loaded with a configuration of theirs, is theirs."""
    says(repository, "one")
    flags = ("--model-control-mode=explicit", "--load-model=word", "--load-model=identity")
    with serve(tmp_path, repository, *flags) as instance:
        instance.wait_ready()
        port = instance.port("http")
        config = call(port, "models/word/config", None, "GET")[1]
        config["parameters"] = {"mine": {"string_value": "yes"}}
        body = {"parameters": {"config": json.dumps(config)}}
        assert call(port, "repository/models/word/load", body)[0] == 200
        assert call(port, "repository/models/identity/unload")[0] == 200
        says(repository, "two")
        assert reload(instance, "--strategy=in-place").returncode == 0
        assert answer(instance) == "one"
        assert everywhere(lambda: ready(port, "identity")) == 404
        assert reload(instance, "--strategy=in-place", "--force").returncode == 0
        assert answer(instance) == "two"
        kept = everywhere(
            lambda: call(port, "models/word/config", None, "GET")[1]["parameters"]["mine"]
        )
        assert kept == {"string_value": "yes"}
        assert everywhere(lambda: ready(port, "identity")) == 404


def test_in_poll_mode(tmp_path: Path, repository: Path) -> None:  # noqa: F811
    says(repository, "one")
    flags = ("--model-control-mode=poll", "--repository-poll-secs=0")
    with serve(tmp_path, repository, *flags) as instance:
        instance.wait_ready()
        says(repository, "two")
        assert answer(instance) == "one"
        assert reload(instance, "--strategy=in-place").returncode == 0
        assert answer(instance) == "two"
        old = stubs(instance, "identity")
        assert reload(instance, "--strategy=in-place", "--force").returncode == 0
        until(lambda: not {*stubs(instance, "identity")} & {*old}, "other stubs")


def test_a_worker_that_ends_meanwhile(tmp_path: Path, repository: Path) -> None:  # noqa: F811
    says(repository, "one")
    with serve(tmp_path, repository) as instance:
        first = instance.wait_ready()
        says(repository, "two", seconds=600)
        instance.ask("reload", strategy="in-place")
        until(lambda: len(procfs.children_of(pids(first)[0])) > 2, "it loads")
        says(repository, "three")
        os.kill(pids(first)[0], signal.SIGKILL)
        status = instance.wait("end", lambda s: not s["supervisor"]["last_reload"]["running"])
        assert status["supervisor"]["last_reload"]["failed"] == "w0: the worker ended meanwhile"
        instance.wait_ready()
        assert reload(instance, "--strategy=in-place").returncode == 0
        assert answer(instance) == "three"


@pytest.mark.faults
def test_in_place_under_load(
    tmp_path: Path,
    repository: Path,  # noqa: F811
    fault_report: FaultReport,
) -> None:
    with serve(tmp_path, repository, "--reload-strategy=in-place") as instance:
        before = instance.wait_ready()

        def act(load: Load) -> None:
            for _ in range(3):
                done = command(tmp_path, "reload", "--force")
                assert done.returncode == 0, done.stdout + done.stderr
                more(load, 100)

        load = under_load(instance, act)
        fault_report.load("reload in place under load", load, reloads=3)
        assert load.results["failed"] == 0, load.errors
        assert load.results["refused"] == 0
        assert pids(instance.wait_ready()) == pids(before)


def healed(instance: Instance, times: int) -> bool:
    return instance.text().count("healed in") == times


@pytest.mark.faults
def test_a_model_that_waits_for_its_heal(tmp_path: Path, repository: Path) -> None:  # noqa: F811
    """What the reload has loaded needs none, and is served at once."""
    with serve(tmp_path, repository, "--devices=cpu:1") as instance:
        instance.wait_ready()
        for number in range(5):  # the pauses before a heal grow
            for stub in stubs(instance, "identity"):
                os.kill(stub, signal.SIGKILL)
            instance.wait_state(0, "DEGRADED")
            if number < 4:
                until(partial(healed, instance, number + 1), "healed")
        assert reload(instance, "--strategy=in-place", "--force").returncode == 0
        instance.wait_ready()
        assert infer(instance.port("http")) == "Roger Roger"
        assert "model 'identity': loaded anew, nothing is left to heal" in instance.text()
        assert healed(instance, 4)
