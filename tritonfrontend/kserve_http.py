"""KServe v2 over HTTP: `KServeHttp(server, KServeHttp.Options(port=8000)).start()`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from . import _native
from ._connection_options import ConnectionOptions, HttpOptions, ServiceOptions
from ._frontend import Frontend
from ._options import flag, integer, optional_options, text
from .errors import InvalidArgumentError
from .kserve_grpc import KServeGrpc

__all__ = ["KServeHttp"]

# Fields of KServeGrpc.Options that are the port's, beside those of ConnectionOptions.
PORT_FIELDS = {
    *("address", "port", "reuse_port", "infer_thread_count"),
    *("use_ssl", "server_cert", "server_key", "root_cert", "use_mutual_auth"),
}


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

        grpc: offer gRPC on the same port, with these `KServeGrpc.Options`: the first bytes of a
            connection tell HTTP/1.1 from gRPC, with TLS ALPN does. What concerns the port and its
            connections (address, TLS, threads and so on) is set here and not there.

        The others are described in `tritonfrontend._connection_options` and in docs/http.md.
        """

        address: str = text("0.0.0.0")
        port: int = integer(8000, 0, 65535)
        reuse_port: bool = flag(False)
        thread_count: int = integer(8, 1, 1024)
        header_forward_pattern: str = text("")
        max_input_size: int = integer(67108864, 1, 2**63 - 1)
        grpc: KServeGrpc.Options | None = optional_options(KServeGrpc.Options)

        def validate(self) -> None:
            super().validate()
            _native.check_header_pattern(self.header_forward_pattern)
            if self.grpc is not None:
                _check_shared_port(self.grpc)

        def as_dict(self) -> dict[str, Any]:
            values = super().as_dict()
            values["grpc"] = None if self.grpc is None else self.grpc.as_dict()
            return values

    Server: ClassVar[type[KServeHttp]]

    _label = "HTTP"
    _options_class = Options

    def _make(self) -> _native.Frontend:
        return _native.http_frontend(self._server, self._options.as_dict())


def _check_shared_port(grpc: KServeGrpc.Options) -> None:
    """Nothing of the port is said twice. Raises InvalidArgumentError."""
    own = {item.name for item in dataclasses.fields(ConnectionOptions)} | PORT_FIELDS
    default = KServeGrpc.Options()
    for item in dataclasses.fields(grpc):
        if item.name in own and getattr(grpc, item.name) != getattr(default, item.name):
            name = f"KServeGrpc.Options.{item.name}"
            instead = "thread_count" if item.name == "infer_thread_count" else item.name
            raise InvalidArgumentError(
                f"{name}: gRPC shares the port of KServeHttp, set KServeHttp.Options.{instead}"
            )


KServeHttp.Server = KServeHttp
