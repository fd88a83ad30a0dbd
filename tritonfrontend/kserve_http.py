"""KServe v2 over HTTP: `KServeHttp(server, KServeHttp.Options(port=8000)).start()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from . import _native
from ._connection_options import HttpOptions, ServiceOptions
from ._frontend import Frontend
from ._options import flag, integer, text

__all__ = ["KServeHttp"]


class KServeHttp(Frontend):
    """The HTTP frontend of one server. `KServeHttp.Server` is another name for it."""

    @dataclass
    class Options(HttpOptions, ServiceOptions):
        """Names and defaults of the first five are NVIDIA's; the rest is keyword only.

        address: IPv4 or IPv6 address, host name, or "unix:/path[,mode=660]" to listen on.
        port: 0..65535; 0 takes a free port, see `KServeHttp.port`.
        reuse_port: share the port with other processes (SO_REUSEPORT).
        thread_count: most event loop threads; never more than the machine has processors.
        header_forward_pattern: request headers whose names match this regular expression (RE2,
            anywhere in the name, case counts unless it begins with "(?i)") become string parameters
            of the inference request.
        max_input_size: most bytes of JSON, of a tensor given in JSON, of a raw binary body, and of
            a decompressed body.

        The others are described in `tritonfrontend._connection_options` and in docs/http.md.
        """

        address: str = text("0.0.0.0")
        port: int = integer(8000, 0, 65535)
        reuse_port: bool = flag(False)
        thread_count: int = integer(8, 1, 1024)
        header_forward_pattern: str = text("")
        max_input_size: int = integer(67108864, 1, 2**63 - 1)

        def validate(self) -> None:
            super().validate()
            _native.check_header_pattern(self.header_forward_pattern)

    Server: ClassVar[type[KServeHttp]]

    _label = "HTTP"
    _options_class = Options

    def _make(self) -> _native.Frontend:
        return _native.http_frontend(self._server, self._options.as_dict())


KServeHttp.Server = KServeHttp
