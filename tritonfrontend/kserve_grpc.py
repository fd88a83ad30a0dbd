"""KServe v2 over gRPC: `KServeGrpc(server, KServeGrpc.Options(port=8001)).start()`."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar

from . import _native
from ._connection_options import GrpcServiceOptions, check_tls
from ._frontend import Frontend
from ._http2_options import Http2Options
from ._options import flag, integer, text

__all__ = ["Grpc_compression_level", "KServeGrpc"]


class Grpc_compression_level(enum.IntEnum):
    """Compression of responses. COUNT is the number of levels, not a level."""

    NONE = 0
    LOW = 1
    MED = 2
    HIGH = 3
    COUNT = 4


class KServeGrpc(Frontend):
    """The gRPC frontend of one server. `KServeGrpc.Server` is another name for it."""

    @dataclass
    class Options(Http2Options, GrpcServiceOptions):
        """Names and defaults are NVIDIA's, what is keyword only is ours; times are milliseconds.

        address, port, reuse_port: as in `KServeHttp.Options`.
        keepalive_time_ms, keepalive_timeout_ms: silence before the client is asked whether it
            lives, and how long its answer may take; only while it has calls, unless
            keepalive_permit_without_calls.
        http2_max_pings_without_data: such questions before they come once a minute only; 0 for any.
        http2_min_recv_ping_interval_without_data_ms, http2_max_ping_strikes: how often a client may
            ask, and how often it may be too early before it is cut off; 0 strikes for any number.
        max_connection_age_ms: drain a connection after this time, 0 for never; its calls get
            max_connection_age_grace_ms to finish, 0 for as long as they need.
        infer_compression_level: of responses of inferences, for clients that take gzip or deflate.
        infer_thread_count: most event loop threads; never more than the machine has processors.
        infer_allocation_pool_size, max_response_pool_size: accepted, without an effect; responses
            are sent from the memory that the core wrote.
        forward_header_pattern: request metadata whose keys match this regular expression (RE2,
            anywhere in the key) become string parameters of the inference request.

        use_ssl, server_cert, server_key, root_cert, use_mutual_auth: as in `TlsOptions`.
        The others are described in `tritonfrontend._connection_options`,
        `tritonfrontend._http2_options`, docs/grpc.md and docs/grpc-protocol.md.
        """

        address: str = text("0.0.0.0")
        port: int = integer(8001, 0, 65535)
        reuse_port: bool = flag(False)
        use_ssl: bool = flag(False)
        server_cert: str = text("")
        server_key: str = text("")
        root_cert: str = text("")
        use_mutual_auth: bool = flag(False)
        keepalive_time_ms: int = integer(7200000, 0)
        keepalive_timeout_ms: int = integer(20000, 0)
        keepalive_permit_without_calls: bool = flag(False)
        http2_max_pings_without_data: int = integer(2, 0)
        http2_min_recv_ping_interval_without_data_ms: int = integer(300000, 0)
        http2_max_ping_strikes: int = integer(2, 0)
        max_connection_age_ms: int = integer(0, 0)
        max_connection_age_grace_ms: int = integer(0, 0)
        infer_compression_level: int = integer(0, 0, Grpc_compression_level.HIGH)
        infer_thread_count: int = integer(2, 1, 1024)
        infer_allocation_pool_size: int = integer(8, 0)
        max_response_pool_size: int = integer(2**31 - 1, 1)
        forward_header_pattern: str = text("")

        def validate(self) -> None:
            super().validate()
            check_tls(self)
            _native.check_header_pattern(self.forward_header_pattern)

    Grpc_compression_level: ClassVar[type[Grpc_compression_level]] = Grpc_compression_level
    Server: ClassVar[type[KServeGrpc]]

    _label = "GRPC"
    _options_class = Options

    def _make(self) -> _native.Frontend:
        return _native.grpc_frontend(self._server, self._options.as_dict())


KServeGrpc.Server = KServeGrpc
