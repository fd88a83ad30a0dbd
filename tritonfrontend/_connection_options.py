"""Options that several frontends share; keyword only, behind the names that NVIDIA's package has.

Times are milliseconds, sizes bytes. Every limit has a default that ordinary clients never meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from . import _native
from ._options import CheckedOptions, choice, flag, integer, optional_integer, text, text_list
from .errors import InvalidArgumentError

__all__ = [
    "ConnectionOptions",
    "GrpcServiceOptions",
    "HttpOptions",
    "InferenceOptions",
    "ServiceOptions",
    "TlsOptions",
    "check_tls",
]

_INT64_MAX = 2**63 - 1


@dataclass(kw_only=True)
class ConnectionOptions(CheckedOptions):
    """Of every frontend.

    fd: an inherited listening socket instead of address and port; it is not closed.
    inbox_fd: a SOCK_SEQPACKET socket through which accepted connections come, one descriptor
        (SCM_RIGHTS) a packet; what is not taken stays in it for others. It is not closed.
    heartbeat_fd, heartbeat_offset: a memory file, and where in it the 4096 bytes are in which the
        frontend stamps its beats and counters (the layout is that of cpp/server/beat_page.h). The
        offset is a multiple of the page size.
    handoff_slack, handoff_peers: a new connection is given to the least busy of the peers if that
        has so many connections fewer; 0 never. A peer is another frontend of the same port, as
        "<page>:<other page>:<byte>:<descriptor of the sending end of its inbox>", the first three
        as offsets in heartbeat_fd. The byte is 1 or 2 while it accepts: the page that counts.
    max_connections: above it a client is answered 429 and its connection closed.
    refusal_allowance: connections above it that are still answered so; more are closed at once.
    write_timeout_ms, min_write_progress: a client that takes less of its response in that time is
        cut off; 0 never.
    tls_handshake_timeout_ms: from accept to the end of the handshake.
    tls_min_version: "1.2" or "1.3".
    access_log: one JSON line per request into this file, "-" for stderr, "" for none. Written by a
        thread of its own; lines are dropped and counted rather than waited for.
    """

    fd: int | None = optional_integer(0)
    inbox_fd: int | None = optional_integer(0)
    heartbeat_fd: int | None = optional_integer(0)
    heartbeat_offset: int = integer(0, 0)
    handoff_slack: int = integer(0, 0)
    handoff_peers: list[str] = text_list()
    max_connections: int = integer(65536, 1)
    refusal_allowance: int = integer(64, 0)
    write_timeout_ms: int = integer(60000, 0)
    min_write_progress: int = integer(16384, 1)
    tls_handshake_timeout_ms: int = integer(10000, 1)
    tls_min_version: str = choice("1.2", "1.3")
    access_log: str = text("")


@dataclass(kw_only=True)
class TlsOptions(CheckedOptions):
    """TLS of the HTTP frontends, under the names that the gRPC frontend has.

    use_ssl: speak TLS 1.2 or 1.3 only. Needs server_cert (chain, leaf first) and server_key, PEM
        files; they are read again when they change, so certificates can be renewed in place.
    use_mutual_auth: clients need a certificate that root_cert (PEM file) has signed.
    """

    use_ssl: bool = flag(False)
    server_cert: str = text("")
    server_key: str = text("")
    root_cert: str = text("")
    use_mutual_auth: bool = flag(False)

    def validate(self) -> None:
        super().validate()
        check_tls(self)


@dataclass(kw_only=True)
class HttpOptions(ConnectionOptions, TlsOptions):
    """Of every frontend that speaks HTTP/1.1.

    idle_timeout_ms: silence between requests before the connection is closed; 0 never.
    drain_grace_ms: in a drain, how long an idle connection may bring one more request, which is
        then answered with Connection: close; 0 closes idle connections at once.
    header_timeout_ms: from the first byte of a request to the end of its headers (408); 0 never.
    body_timeout_ms, min_body_progress: a body must bring that much, or its end, in each such time
        (408); 0 never. Its total time is not limited: large tensors over slow links are legitimate.
    max_requests_per_connection: then it is closed, so that clients spread anew; 0 for no limit.
    max_request_line: method, target and version (414).
    max_header_size, max_header_count: request line and headers together (431).
    max_body_size: a whole body as received (413).
    cors_allow_origins: origins whose pages may call this server, or "*"; none by default.
    """

    idle_timeout_ms: int = integer(75000, 0)
    drain_grace_ms: int = integer(0, 0)
    header_timeout_ms: int = integer(20000, 0)
    body_timeout_ms: int = integer(60000, 0)
    min_body_progress: int = integer(16384, 1)
    max_requests_per_connection: int = integer(0, 0)
    max_request_line: int = integer(8192, 64)
    max_header_size: int = integer(65536, 256)
    max_header_count: int = integer(256, 1)
    max_body_size: int = integer(2**31 - 1, 1, _INT64_MAX)
    cors_allow_origins: list[str] = text_list()


@dataclass(kw_only=True)
class InferenceOptions(CheckedOptions):
    """Of every frontend that runs inferences.

    allow_client_shm: clients may register shared memory regions.
    max_inflight_requests, max_inflight_bytes: inferences, and bytes of all bodies, above which
        requests are refused with 429 and Retry-After, over gRPC with RESOURCE_EXHAUSTED; 0 for no
        cap.
    control_thread_count, control_queue_limit: threads for calls that block, such as loading a
        model, and how many may wait for one before they are refused in the same way.
    """

    allow_client_shm: bool = flag(False)
    max_inflight_requests: int = integer(0, 0)
    max_inflight_bytes: int = integer(0, 0, _INT64_MAX)
    control_thread_count: int = integer(2, 1, 256)
    control_queue_limit: int = integer(256, 1)


@dataclass(kw_only=True)
class GrpcServiceOptions(InferenceOptions):
    """Of inference over gRPC.

    restricted_protocols: "<protocol>[,<protocol>...]:<key>=<value>" each; the named groups of
        methods (health, metadata, inference, shared-memory, model-config, model-repository,
        statistics, trace, logging) answer only to calls with the metadata
        "triton-grpc-protocol-<key>".
    max_tensors, max_parameters: inputs, outputs, raw contents and parameters of one request.
    max_stream_backlog: bytes of responses of one ModelStreamInfer that may wait for its client. The
        stream of a client that reads more slowly than a decoupled model produces is ended.
    max_stream_inflight_requests: requests of one ModelStreamInfer in work at once; the client's
        further ones are read as those end.
    stream_drain_grace_ms: in a drain a ModelStreamInfer takes further requests until it was silent
        for so long, five times as long at most; 0: none from the beginning of the drain.
    reflection: offer grpc.reflection, which tells clients what there is to call.
    deadline_as_queue_timeout: inferences without a `timeout` of their own get what is left of their
        call's deadline as their timeout in the scheduler's queue, where the model's queue policy
        lets requests have one (allow_timeout_override). Off, because models see the timeout, and
        NVIDIA's server shows them only what the client has set.
    forward_slack, forward_max_bytes, forward_min_latency_us: a ModelInfer of at most so many bytes
        goes to the least busy of handoff_peers if that has so many inferences fewer in hand (0:
        none goes), and if inferences of late take so many microseconds or more. Requests of
        sequences and with shared memory stay.
    """

    restricted_protocols: list[str] = text_list()
    max_tensors: int = integer(16384, 1)
    max_parameters: int = integer(16384, 1)
    max_stream_backlog: int = integer(64 << 20, 1, _INT64_MAX)
    max_stream_inflight_requests: int = integer(1024, 1)
    stream_drain_grace_ms: int = integer(0, 0)
    reflection: bool = flag(False)
    deadline_as_queue_timeout: bool = flag(False)
    forward_slack: int = integer(0, 0)
    forward_max_bytes: int = integer(1 << 20, 0, _INT64_MAX)
    forward_min_latency_us: int = integer(1000, 0)

    def validate(self) -> None:
        super().validate()
        _native.check_restricted_protocols(self.restricted_protocols)


@dataclass(kw_only=True)
class ServiceOptions(InferenceOptions):
    """Of every frontend that runs inferences over HTTP.

    restricted_api: "<api>[,<api>...]:<header>=<value>" each; the named groups of endpoints (health,
        metadata, inference, shared-memory, model-config, model-repository, statistics, trace,
        logging) answer only to requests with that header.
    max_data_depth: nesting of a tensor given in JSON.
    max_tensors, max_parameters: inputs, outputs and parameters of one request.
    min_compress_size, compression_level: responses from this size on are compressed for clients
        that accept it, by zlib's level 1 to 9; 0 never compresses.
    max_stream_backlog: bytes of one event stream that may wait for its client.
    """

    restricted_api: list[str] = text_list()
    max_data_depth: int = integer(100, 1, 1000)
    max_tensors: int = integer(4096, 1)
    max_parameters: int = integer(4096, 1)
    min_compress_size: int = integer(1024, 0)
    compression_level: int = integer(6, 0, 9)
    max_stream_backlog: int = integer(64 << 20, 1, _INT64_MAX)

    def validate(self) -> None:
        super().validate()
        _native.check_restricted_api(self.restricted_api)


class _TlsFields(Protocol):
    """The fields as `TlsOptions` and `KServeGrpc.Options` have them."""

    use_ssl: bool
    server_cert: str
    server_key: str
    root_cert: str
    use_mutual_auth: bool


def check_tls(options: _TlsFields) -> None:
    """What the TLS fields must be together. Raises InvalidArgumentError."""
    label = type(options).__qualname__
    if not options.use_ssl:
        for name in ("server_cert", "server_key", "root_cert", "use_mutual_auth"):
            if getattr(options, name):
                raise InvalidArgumentError(f"{label}.{name}: has no effect without use_ssl")
        return
    for name in ("server_cert", "server_key"):
        if not getattr(options, name):
            raise InvalidArgumentError(f"{label}.{name}: use_ssl needs it")
    if options.use_mutual_auth and not options.root_cert:
        raise InvalidArgumentError(f"{label}.root_cert: use_mutual_auth needs it")
