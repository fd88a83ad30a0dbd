"""The endpoints of a SageMaker container: `SageMaker(server, SageMaker.Options()).start()`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from . import _native
from ._cloud_env import sagemaker_options
from ._connection_options import HttpOptions, ServiceOptions
from ._frontend import Frontend
from ._options import choice, flag, integer, number, text
from .errors import InvalidArgumentError

__all__ = ["SageMaker"]

_TYPES = ("infer", "generate", "generate_stream")


class SageMaker(Frontend):
    """The SageMaker frontend of one server. `SageMaker.Server` is another name for it.

    GET /ping and POST /invocations, and for multi-model endpoints /models and what is below it, for
    which the server needs explicit model control. Models that were loaded through it stay loaded in
    the server when it is stopped; another frontend does not know them.
    """

    @dataclass
    class Options(HttpOptions, ServiceOptions):
        """Defaults are those of Triton's SageMaker endpoint; see `KServeHttp.Options` for the rest.

        ping_mode: what GET /ping tells, "ready" or "live".
        default_model: the model of POST /invocations.
        inference_type: of POST /invocations: "infer", "generate" or "generate_stream".
        models_root: absolute path of the folder that POST /models may load from.
        unload_timeout_s: how long DELETE /models/<name> waits for the requests in flight of the
            model before it answers 504; the unload goes on. SageMaker itself gives up after 360.
        """

        address: str = text("0.0.0.0")
        port: int = integer(8080, 0, 65535)
        reuse_port: bool = flag(False)
        thread_count: int = integer(8, 1, 1024)
        max_input_size: int = integer(67108864, 1, 2**63 - 1)
        ping_mode: str = choice("ready", "live")
        default_model: str = text("unspecified_SAGEMAKER_TRITON_DEFAULT_MODEL_NAME")
        inference_type: str = text("infer")
        models_root: str = text("/opt/ml/models")
        unload_timeout_s: float = number(350.0, 0, 1e6)

        @classmethod
        def from_environment(
            cls, environ: Mapping[str, str] | None = None, **changes: Any
        ) -> SageMaker.Options:
            """Options of a container's environment (default `os.environ`); `changes` win.

            Reads SAGEMAKER_TRITON_PING_MODE, SAGEMAKER_TRITON_DEFAULT_MODEL_NAME,
            SAGEMAKER_TRITON_INFERENCE_TYPE, SAGEMAKER_TRITON_THREAD_COUNT and
            SAGEMAKER_BIND_TO_PORT.
            """
            return cls(**(sagemaker_options(environ) | changes))

        def validate(self) -> None:
            super().validate()
            if self.inference_type not in _TYPES:
                raise InvalidArgumentError(
                    f"{self._label('inference_type')}: Server has invalid inference type "
                    f"'{self.inference_type}'. Must be one of: {', '.join(_TYPES)}."
                )
            if not self.models_root.startswith("/"):
                raise InvalidArgumentError(
                    f"{self._label('models_root')}: expected an absolute path, "
                    f"got {self.models_root!r}"
                )

    Server: ClassVar[type[SageMaker]]

    _label = "SageMaker"
    _options_class = Options

    def _make(self) -> _native.Frontend:
        return _native.sagemaker_frontend(self._server, self._options.as_dict())


SageMaker.Server = SageMaker
