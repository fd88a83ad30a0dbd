"""Calls of one gRPC channel are not passed on to a worker that lacks a model: what fails fast would
seem to have little to do, and get ever more.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.models import Model, Tensor, python_model, write_repository
from instance import running, until
from test_forwarding import Callers, receiver, workers
from test_model_health import LOADS_ONCE

_TENSORS = ([Tensor("INPUT0", "FP32")], [Tensor("OUTPUT0", "FP32")])


@pytest.fixture
def repository(tmp_path: Path, backends_dir: Path) -> Path:
    """A model for the calls, and one that cannot load while there is a file "broken"."""
    other = python_model("other", *_TENSORS, LOADS_ONCE.format(path=str(tmp_path / "broken")))
    return write_repository(tmp_path / "models", [Model("delay", "delay", *_TENSORS), other])


def test_nothing_is_passed_on_to_a_worker_that_lacks_a_model(
    tmp_path: Path, repository: Path
) -> None:
    broken = tmp_path / "broken"
    flags = ("--exit-on-error=false", "--grpc-forward-slack=2", "--devices=cpu:3")
    with running(tmp_path, "--model-repository", str(repository), *flags, fake=False) as instance:
        instance.wait_ready()
        callers = Callers(instance)
        try:
            slot = receiver(instance)["slot"]
            broken.touch()
            instance.ask("restart", slot=slot)
            instance.wait_state(slot, "DEGRADED")
            before = sum(workers(instance, "forwarded_in"))
            until(
                lambda: sum(workers(instance, "forwarded_in")) > before + 300, "calls are passed on"
            )
            assert workers(instance, "forwarded_in")[slot] == 0
            broken.unlink()
            instance.ask("restart", slot=slot)
            instance.wait_ready()
            until(lambda: workers(instance, "forwarded_in")[slot] > 0, "it has its share again")
        finally:
            results = callers.stop()
        assert set(results) == {"OK"}
