"""Which exit code a worker gives for what the core says: it tells whether a new start can help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from instance import DEADLINE
from test_real_triton import add_model, serve
from test_spec import worker_spec

from tritonfrontend import errors
from tritonfrontend.supervisor.system.exits import WorkerExit
from tritonfrontend.supervisor.worker.core import Core, CoreError, ModelState, _code_of

#: As PyTorch says it.
OOM = "CUDA out of memory. Tried to allocate 2.00 GiB"
NO_MEMORY = f"""
class TritonPythonModel:
    def initialize(self, args):
        raise RuntimeError({OOM!r})
"""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InternalError(OOM), WorkerExit.GPU_MEMORY),
        (errors.InvalidArgumentError("CUDA error 2: Out Of Memory"), WorkerExit.GPU_MEMORY),
        (MemoryError("std::bad_alloc"), WorkerExit.OTHER),
        (errors.InternalError("failed to stat file /models"), WorkerExit.OTHER),
        (errors.UnavailableError("not now"), WorkerExit.OTHER),
        (OSError("Input/output error"), WorkerExit.OTHER),
        (errors.InvalidArgumentError("exit_timeout"), WorkerExit.BAD_CONFIG),
        (errors.NotFoundError("no such backend"), WorkerExit.BAD_CONFIG),
        (errors.UnsupportedError("no GPU support"), WorkerExit.BAD_CONFIG),
        (errors.AlreadyExistsError("twice"), WorkerExit.BAD_CONFIG),
        (ImportError("no tritonserver"), WorkerExit.BAD_CONFIG),
        (FileNotFoundError("libtritonserver.so"), WorkerExit.BAD_CONFIG),
        (ValueError("log_verbose"), WorkerExit.BAD_CONFIG),
    ],
    ids=repr,
)
def test_code_of_a_core_that_does_not_start(error: Exception, code: WorkerExit) -> None:
    assert _code_of(error) is code


class Loaded(Core):
    """A core whose models are what they are."""

    def __init__(self, *models: ModelState, **core: Any) -> None:
        super().__init__(worker_spec(core=core))
        self._models = list(models)

    def models(self) -> list[ModelState]:
        return self._models


def refusal(core: Core) -> tuple[WorkerExit, str]:
    with pytest.raises(CoreError) as caught:
        core._require_models()
    return caught.value.code, str(caught.value)


GOOD = ModelState("good", 1, "READY", "")
BROKEN = ModelState("broken", 2, "UNAVAILABLE", "Internal: no weights")
LARGE = ModelState("large", 1, "UNAVAILABLE", f"Internal: {OOM}")
ABSENT = ModelState("absent", -1, "", "")


def test_code_of_models_that_did_not_load() -> None:
    broken = (WorkerExit.MODEL_FAILED, "model 'broken' version 2: Internal: no weights")
    assert refusal(Loaded(GOOD, BROKEN)) == broken
    large = (WorkerExit.GPU_MEMORY, f"model 'large' version 1: Internal: {OOM}")
    assert refusal(Loaded(LARGE, GOOD)) == large
    # With the memory of the others the broken one may be all that fails: the next start tells.
    assert refusal(Loaded(BROKEN, LARGE)) == (WorkerExit.GPU_MEMORY, f"{broken[1]}; {large[1]}")
    absent = (WorkerExit.MODEL_FAILED, "model 'absent': not loaded, the worker's log says why")
    assert refusal(Loaded(ABSENT)) == absent


def test_models_that_nobody_needs() -> None:
    Loaded(GOOD)._require_models()
    Loaded(ModelState("old", 1, "UNAVAILABLE", "unloaded"), GOOD)._require_models()
    explicit = {"model_control_mode": "explicit"}
    Loaded(ABSENT, GOOD, startup_models=["good"], **explicit)._require_models()
    for names in (["absent"], ["*"], ["nowhere"]):
        code, _ = refusal(Loaded(ABSENT, startup_models=names, **explicit))
        assert code is WorkerExit.MODEL_FAILED


def test_model_without_memory_is_tried_again(tmp_path: Path) -> None:
    """Another process may hold the memory only for a while; a broken model stays broken."""
    add_model(tmp_path / "repository", "large", NO_MEMORY)
    flags = ("--devices=cpu:1", "--restart-limit=2", "--restart-delay=0.1")
    with serve(tmp_path, tmp_path / "repository", *flags) as instance:
        assert instance.popen.wait(DEADLINE) == 6
        text = instance.text()
        assert f"exit code {WorkerExit.GPU_MEMORY.value} (GPU out of memory)" in text
        assert "model 'large' version 1" in text
        assert "next try in 0.1 s" in text
        assert "2 failures in 300 s" in text
