"""Prometheus metrics over HTTP: `Metrics(server, Metrics.Options(port=8002)).start()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from . import _native
from ._connection_options import HttpOptions
from ._frontend import Frontend
from ._options import flag, integer, text

__all__ = ["Metrics"]


class Metrics(Frontend):
    """The metrics frontend of one server. `Metrics.Server` is another name for it."""

    @dataclass
    class Options(HttpOptions):
        """Names and defaults of the first three are NVIDIA's; see `KServeHttp.Options`."""

        address: str = text("0.0.0.0")
        port: int = integer(8002, 0, 65535)
        thread_count: int = integer(1, 1, 1024)
        reuse_port: bool = flag(False)

    Server: ClassVar[type[Metrics]]

    _label = "Metrics"
    _options_class = Options

    def _make(self) -> _native.Frontend:
        return _native.metrics_frontend(self._server, self._options.as_dict())


Metrics.Server = Metrics
