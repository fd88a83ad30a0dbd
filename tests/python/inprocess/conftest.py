"""Repositories with models of the Python backend, and scripts in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.models import Tensor, identity, python_model, write_repository

ECHO = """\
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        responses = []
        for request in requests:
            data = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
            responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", data)]))
        return responses
"""

Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python_repository(tmp_path: Path) -> Path:
    """One model of the Python backend, ``echo``, and one without it, ``identity_fp32``."""
    tensors = ([Tensor("INPUT0", "BYTES")], [Tensor("OUTPUT0", "BYTES")])
    cpu = "instance_group { kind: KIND_CPU }"
    models = [python_model("echo", *tensors, ECHO, cpu), identity("FP32")]
    return write_repository(tmp_path / "models", models)


@pytest.fixture
def run_script(tmp_path: Path) -> Script:
    """Runs Python source in a process of its own, with warnings as errors."""

    def run(
        source: str, *arguments: object, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "script.py"
        path.write_text(source)
        command = [sys.executable, "-W", "error", str(path), *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120, env=env, cwd=tmp_path
        )

    return run
