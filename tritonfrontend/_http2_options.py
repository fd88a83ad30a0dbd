"""Options of HTTP/2 and of gRPC calls; keyword only, behind the names that NVIDIA's package has.

Times are milliseconds, sizes bytes. Every limit has a default that ordinary clients never meet;
docs/grpc-protocol.md has the reason of each.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._connection_options import ConnectionOptions
from ._options import CheckedOptions, integer

__all__ = ["AbuseOptions", "CallOptions", "Http2Options"]

_INT31_MAX = 2**31 - 1
_INT64_MAX = 2**63 - 1


@dataclass(kw_only=True)
class CallOptions(CheckedOptions):
    """Of gRPC calls.

    max_receive_message_size: of a request message, as sent and decompressed (RESOURCE_EXHAUSTED).
    max_send_message_size: of a response message (RESOURCE_EXHAUSTED).
    max_metadata_size: of a request's headers, each as name + value + 32 (RESOURCE_EXHAUSTED).
    max_request_bytes: of all request messages in memory at once (RESOURCE_EXHAUSTED).
    max_request_bytes_per_connection: the same of one connection.
    max_calls: at once, those whose client is gone but that still run included
        (RESOURCE_EXHAUSTED).
    message_timeout_ms: a request message that has begun must bring a byte in each such time
        (DEADLINE_EXCEEDED); 0 never.
    """

    max_receive_message_size: int = integer(_INT31_MAX, 1, _INT31_MAX)
    max_send_message_size: int = integer(_INT31_MAX, 1, _INT31_MAX)
    max_metadata_size: int = integer(16384, 256, 1 << 20)
    max_request_bytes: int = integer(16 << 30, 1, _INT64_MAX)
    max_request_bytes_per_connection: int = integer(8 << 30, 1, _INT64_MAX)
    max_calls: int = integer(65536, 1)
    message_timeout_ms: int = integer(60000, 0)


@dataclass(kw_only=True)
class AbuseOptions(CheckedOptions):
    """Limits against hostile peers; beyond them a connection ends with ENHANCE_YOUR_CALM.

    <event>_burst, <events>_per_second: a bucket of that many events, refilled at that rate.
    reset: calls that the client resets. provoked_reset: those that it makes the server reset by
        breaking rules. ping, settings, priority: frames of that type. dribble: DATA frames below
        dribble_size that a nearly closed window of the client cut.
    max_empty_data_frames: without bytes, per call.
    max_continuations: CONTINUATION frames of one header block.
    max_settings_entries: of one SETTINGS frame.
    max_queued_acks: acknowledgements that wait for a client which does not read.
    max_abandoned_calls: calls that the client reset and the server still works on; above it new
        ones are refused (REFUSED_STREAM, clients retry).
    """

    reset_burst: int = integer(10000, 1)
    resets_per_second: int = integer(1000, 0)
    provoked_reset_burst: int = integer(200, 1)
    provoked_resets_per_second: int = integer(20, 0)
    ping_burst: int = integer(1000, 1)
    pings_per_second: int = integer(200, 0)
    settings_burst: int = integer(100, 1)
    settings_per_second: int = integer(10, 0)
    priority_burst: int = integer(1000, 1)
    priorities_per_second: int = integer(100, 0)
    dribble_burst: int = integer(1000, 1)
    dribbles_per_second: int = integer(100, 0)
    dribble_size: int = integer(256, 0)
    max_empty_data_frames: int = integer(128, 0)
    max_continuations: int = integer(8, 0)
    max_settings_entries: int = integer(32, 6)
    max_queued_acks: int = integer(1000, 1)
    max_abandoned_calls: int = integer(1024, 1)


@dataclass(kw_only=True)
class Http2Options(ConnectionOptions, CallOptions, AbuseOptions):
    """Of a frontend that speaks HTTP/2.

    preface_timeout_ms: from accept to the end of the client's connection preface.
    idle_timeout_ms: without calls before the connection is closed; 0 never, as gRPC servers do.
    stall_timeout_ms: responses wait and the client takes nothing of them; 0 never.
    pressed_stall_timeout_ms: the same while max_unsent_total is exceeded; 0 never.
    drain_notice_ms: between the two GOAWAYs of a drain if the client does not answer a PING.
    max_concurrent_streams: calls at once on one connection (REFUSED_STREAM).
    stream_window_size, connection_window_size: bytes that a client may send ahead.
    max_stream_window_size, max_connection_window_size: what these grow to for a larger message.
    max_held_per_connection: bytes of calls that wait for which the others on the connection get
        credit all the same.
    max_frame_size, max_send_frame_size: largest frame taken, largest DATA frame sent.
    max_unsent_per_connection: responses that wait for their client; above it calls are refused.
    max_unsent_total: the same over all connections; above it see pressed_stall_timeout_ms. 0 for
        no limit.
    """

    preface_timeout_ms: int = integer(20000, 1)
    idle_timeout_ms: int = integer(0, 0)
    stall_timeout_ms: int = integer(300000, 0)
    pressed_stall_timeout_ms: int = integer(5000, 0)
    drain_notice_ms: int = integer(1000, 0)
    max_concurrent_streams: int = integer(8192, 1)
    stream_window_size: int = integer(4 << 20, 65535, 1 << 30)
    connection_window_size: int = integer(8 << 20, 65535, 1 << 30)
    max_stream_window_size: int = integer(16 << 20, 65535, 1 << 30)
    max_connection_window_size: int = integer(32 << 20, 65535, 1 << 30)
    max_held_per_connection: int = integer(64 << 20, 0, _INT64_MAX)
    max_frame_size: int = integer(1 << 20, 16384, (1 << 24) - 1)
    max_send_frame_size: int = integer(256 << 10, 1024, (1 << 24) - 1)
    max_unsent_per_connection: int = integer(256 << 20, 1, _INT64_MAX)
    max_unsent_total: int = integer(4 << 30, 0, _INT64_MAX)
