"""The endpoints of a Vertex AI container: `VertexAI(server, VertexAI.Options(...)).start()`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from . import _native
from ._cloud_env import vertex_ai_options
from ._connection_options import HttpOptions, ServiceOptions
from ._frontend import Frontend
from ._options import flag, integer, text
from .errors import InvalidArgumentError

__all__ = ["VertexAI"]

# Triton's texts, the first with its slip, which those who look for it in logs depend on.
_UNDEFINED = {
    "predict_route": "API_PREDICT_ROUTE is not defined for Vertex AI endpoint",
    "health_route": "AIP_HEALTH_ROUTE is not defined for Vertex AI endpoint",
}


class VertexAI(Frontend):
    """The Vertex AI frontend of one server. `VertexAI.Server` is another name for it.

    `start` raises InvalidArgumentError when the model of the predict route cannot be told: without
    `default_model` there must be one model that is ready, with it that one.
    """

    @dataclass
    class Options(HttpOptions, ServiceOptions):
        """Defaults are those of Triton's Vertex AI endpoint; see `KServeHttp.Options` for the rest.

        predict_route, health_route: paths, required. Compared literally; Triton takes them for
            regular expressions.
        default_model: the model of the predict route; "" for the only one there is.
        """

        address: str = text("0.0.0.0")
        port: int = integer(8080, 0, 65535)
        reuse_port: bool = flag(False)
        thread_count: int = integer(8, 1, 1024)
        max_input_size: int = integer(67108864, 1, 2**63 - 1)
        predict_route: str = text("")
        health_route: str = text("")
        default_model: str = text("")

        @classmethod
        def from_environment(
            cls, environ: Mapping[str, str] | None = None, **changes: Any
        ) -> VertexAI.Options:
            """Options of a container's environment (default `os.environ`); `changes` win.

            Reads AIP_HTTP_PORT, AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE.
            """
            return cls(**(vertex_ai_options(environ) | changes))

        def validate(self) -> None:
            super().validate()
            for name, problem in _UNDEFINED.items():
                route: str = getattr(self, name)
                if not route:
                    raise InvalidArgumentError(
                        f"{self._label(name)}: {problem} (set AIP_{name.upper()})"
                    )
                if not route.startswith("/") or "?" in route or "#" in route:
                    raise InvalidArgumentError(
                        f"{self._label(name)}: expected a path that begins with '/', got {route!r}"
                    )
            if self.predict_route == self.health_route:
                raise InvalidArgumentError(
                    f"{self._label('predict_route')}: must differ from health_route"
                )

    Server: ClassVar[type[VertexAI]]

    _label = "Vertex AI"
    _options_class = Options

    def _make(self) -> _native.Frontend:
        return _native.vertex_ai_frontend(self._server, self._options.as_dict())


VertexAI.Server = VertexAI
