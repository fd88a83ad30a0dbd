"""The SageMaker frontend as its tests use it: on a server, with a folder of models of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloud import json_request
from helpers.models import identity, standard_models, write_model, write_repository
from rawhttp import Response, call

if TYPE_CHECKING:
    from tritonfrontend import SageMaker
    from tritonfrontend.inprocess import Server

MIME = "application/vnd.sagemaker-triton.binary+json;json-header-size="
TARGET = "X-Amzn-SageMaker-Target-Model"


@contextmanager
def explicit_models(repository: Path) -> Iterator[Server]:
    """A server in explicit model control, with the models identity_fp32, repeat and fail."""
    from tritonfrontend.inprocess import ModelControlMode, Server

    options: dict[str, Any] = {
        "model_repository": str(write_repository(repository, standard_models())),
        "model_control_mode": ModelControlMode.EXPLICIT,
        "startup_models": ["identity_fp32", "repeat", "fail"],
        "log_error": True,
    }
    with Server(**options).start(wait_until_ready=True, timeout=60) as started:
        yield started


@contextmanager
def listening(server: Server, root: Path, **options: Any) -> Iterator[SageMaker]:
    from tritonfrontend import SageMaker

    # As multi-model containers have it: a model that failed makes a server unready.
    defaults: dict[str, Any] = {"ping_mode": "live", "default_model": "identity_fp32"}
    defaults |= {"address": "127.0.0.1", "port": 0, "models_root": str(root)}
    with SageMaker(server, SageMaker.Options(**(defaults | options))) as started:
        yield started


@contextmanager
def frontend(server: Server, root: Path, **options: Any) -> Iterator[int]:
    with listening(server, root, **options) as started:
        yield started.port


class Endpoint:
    """A multi-model frontend and the folder of its models, where ``add`` puts one."""

    def __init__(self, port: int, root: Path) -> None:
        self.port = port
        self.root = root

    def url(self, name: str) -> str:
        return str(self.root / name / "model")

    def add(self, name: str, **changes: Any) -> str:
        """A model whose folder is the url itself."""
        folder = self.root / name
        folder.mkdir(parents=True)
        write_model(folder, identity("FP32", name="model", **changes))
        return name

    def load(self, name: str, *headers: tuple[str, str], url: str | None = None) -> Response:
        body = json.dumps({"model_name": name, "url": self.url(name) if url is None else url})
        return call(self.port, "POST", "/models", body.encode(), *headers)

    def invoke(self, name: str, body: bytes | None = None, *headers: tuple[str, str]) -> Response:
        body = json_request() if body is None else body
        return call(self.port, "POST", f"/models/{name}/invoke", body, *headers)

    def unload(self, name: str) -> Response:
        return call(self.port, "DELETE", f"/models/{name}")

    def names(self) -> list[str]:
        answer = call(self.port, "GET", "/models")
        assert answer.status == 200
        return [entry["modelName"] for entry in answer.json()["models"]]
