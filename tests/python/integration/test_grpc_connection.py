"""The life of a gRPC connection: pings, age, drain, limits that are options, and the access log."""

from __future__ import annotations

import json
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import rawh2
from calls import SERVICE, infer_request, outcome, slow_request, stub
from grpc_frontends import grpc_frontend
from rawh2 import RawH2, frame, open_call, settings, unary
from tritonclient.grpc import service_pb2 as pb
from waiting import until

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

INFER = SERVICE + "ModelInfer"
LIVE = SERVICE + "ServerLive"
CALM = 11
REFUSED = 7
PING = frame(rawh2.PING, 0, 0, b"12345678")


def last_goaway(frames: list[rawh2.Frame]) -> rawh2.Frame:
    return [got for got in frames if got.kind == rawh2.GOAWAY][-1]


# --- Pings -------------------------------------------------------------------------------------


def test_too_many_pings(grpc_port: int) -> None:
    with RawH2(grpc_port) as h2:
        h2.send(PING * 4)
        frames = h2.drain()
        acks = [got for got in frames if got.kind == rawh2.PING and got.flags & rawh2.ACK]
        assert len(acks) == 4
        goaway = last_goaway(frames)
        assert goaway.error_code == CALM
        assert goaway.payload[8:] == b"too_many_pings"


def test_pings_of_a_busy_client_are_no_strikes(grpc_port: int) -> None:
    with RawH2(grpc_port) as h2:
        for stream in range(1, 101, 2):
            h2.send(unary(stream, LIVE) + PING)
            assert h2.finish(stream).status == 0


def test_no_ping_is_too_many_when_strikes_are_off(wide_server: Server) -> None:
    with (
        grpc_frontend(wide_server, http2_max_ping_strikes=0) as frontend,
        RawH2(frontend.port) as h2,
    ):
        h2.send(PING * 100)
        h2.send(unary(1, LIVE))
        assert h2.finish(1).status == 0


def test_grpcio_that_pings_too_often(wide_server: Server) -> None:
    options = {"http2_min_recv_ping_interval_without_data_ms": 600_000, "http2_max_ping_strikes": 1}
    eager = (
        ("grpc.keepalive_time_ms", 10),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.ping_timeout_ms", 20_000),
    )
    with grpc_frontend(wide_server, **options) as frontend, stub(frontend.port, *eager) as made:
        code, text = outcome(lambda: made.ModelInfer(slow_request(), timeout=30))
        assert code == "UNAVAILABLE"
        assert "oo many pings" in text or "too_many_pings" in text


def test_keepalive_finds_a_dead_client(wide_server: Server) -> None:
    options = {"keepalive_time_ms": 20, "keepalive_timeout_ms": 20}
    with grpc_frontend(wide_server, **options) as frontend, RawH2(frontend.port) as h2:
        h2.send(unary(1, INFER, slow_request().SerializeToString()))
        # Nothing answers the ping: this client does not read.
        until(lambda: connections(frontend) == 0, "the dead connection is closed")


def test_keepalive_leaves_living_clients_alone(wide_server: Server) -> None:
    options = {"keepalive_time_ms": 5, "keepalive_timeout_ms": 10_000}
    with grpc_frontend(wide_server, **options) as frontend, RawH2(frontend.port) as h2:
        h2.send(unary(1, INFER, slow_request(300).SerializeToString()))
        assert h2.finish(1).status == 0


def connections(frontend: Any) -> int:
    count: int = frontend.statistics()["connections"]
    return count


# --- Age and drain -----------------------------------------------------------------------------


def test_an_old_connection_drains_in_two_steps(wide_server: Server) -> None:
    with (
        grpc_frontend(wide_server, max_connection_age_ms=50) as frontend,
        RawH2(frontend.port) as h2,
    ):
        h2.send(unary(1, INFER, slow_request(500).SerializeToString()))
        first = h2.wait_for(rawh2.GOAWAY)
        assert struct.unpack(">II", first.payload[:8]) == (2**31 - 1, 0)
        second = h2.wait_for(rawh2.GOAWAY)
        assert struct.unpack(">II", second.payload[:8]) == (1, 0)
        assert h2.finish(1).status == 0
        h2.drain()


def test_calls_are_given_up_after_the_grace(wide_server: Server) -> None:
    options = {"max_connection_age_ms": 50, "max_connection_age_grace_ms": 50}
    with grpc_frontend(wide_server, **options) as frontend, stub(frontend.port) as made:
        assert outcome(lambda: made.ModelInfer(slow_request(), timeout=30))[0] == "UNAVAILABLE"
        until(lambda: connections(frontend) == 0, "the connection is closed")


def test_no_call_is_lost_to_old_connections(wide_server: Server) -> None:
    with grpc_frontend(wide_server, max_connection_age_ms=20) as frontend:
        with stub(frontend.port) as made:
            calls = [made.ModelInfer.future(infer_request(), timeout=30) for _ in range(20)]
            for _ in range(300):
                calls.append(made.ModelInfer.future(infer_request(), timeout=30))
                calls.pop(0).result()
            for call in calls:
                call.result()
        assert frontend.statistics()["accepted_total"] > 1


def test_an_idle_connection_is_closed_when_asked(wide_server: Server) -> None:
    with grpc_frontend(wide_server, idle_timeout_ms=30) as frontend, RawH2(frontend.port) as h2:
        h2.send(unary(1, LIVE))
        assert h2.finish(1).status == 0
        assert last_goaway(h2.drain()).error_code == 0


def test_a_client_that_says_nothing(wide_server: Server) -> None:
    with grpc_frontend(wide_server, preface_timeout_ms=30) as frontend:
        with RawH2(frontend.port, preface=False) as silent:
            assert silent.drain() == []
        with RawH2(frontend.port, preface=False) as half:
            half.send(rawh2.PREFACE[:10])
            assert half.drain() == []


# --- Limits ------------------------------------------------------------------------------------


def test_streams_above_the_limit_are_refused(wide_server: Server) -> None:
    with grpc_frontend(wide_server, max_concurrent_streams=2) as frontend:
        with RawH2(frontend.port) as h2:
            # The limit is not known yet: nothing of these was read.
            h2.send(open_call(1, LIVE) + open_call(3, LIVE) + open_call(5, LIVE))
            values = dict(struct.iter_unpack(">HI", h2.wait_for(rawh2.SETTINGS).payload))
            assert values[rawh2.MAX_STREAMS] == 2
            assert h2.finish(5).reset == REFUSED
            h2.send(frame(rawh2.DATA, rawh2.END_STREAM, 1, bytes(5)))
            assert h2.finish(1).status == 0
        # Clients that know the limit queue their calls.
        with stub(frontend.port) as made:
            calls = [made.ModelInfer.future(infer_request(), timeout=30) for _ in range(50)]
            for call in calls:
                call.result()


def test_sizes_are_announced(wide_server: Server) -> None:
    options = {
        "stream_window_size": 100_000,
        "connection_window_size": 200_000,
        "max_frame_size": 20_000,
        "max_metadata_size": 1_000,
    }
    with grpc_frontend(wide_server, **options) as frontend, RawH2(frontend.port) as h2:
        values = dict(struct.iter_unpack(">HI", h2.wait_for(rawh2.SETTINGS).payload))
        assert values[rawh2.INITIAL_WINDOW] == 100_000
        assert values[rawh2.MAX_FRAME] == 20_000
        assert values[rawh2.MAX_HEADER_LIST] == 1_000
        grant = h2.wait_for(rawh2.WINDOW_UPDATE)
        assert int.from_bytes(grant.payload, "big") == 200_000 - 65_535
        h2.send(unary(1, LIVE, b"", ("x", "v" * 1_000)))
        reply = h2.finish(1)
        assert reply.status == 8
        assert "exceeds%20hard" in (reply.message or "") or "exceeds hard" in (reply.message or "")


def test_a_client_that_takes_nothing(wide_server: Server) -> None:
    options = {"stall_timeout_ms": 100}
    with (
        grpc_frontend(wide_server, **options) as frontend,
        RawH2(frontend.port, options={rawh2.INITIAL_WINDOW: 0}) as h2,
    ):
        h2.send(unary(1, LIVE))
        until(lambda: connections(frontend) == 0, "the connection is dropped")


# --- Access log --------------------------------------------------------------------------------


def test_calls_that_never_began_are_logged(wide_server: Server, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    options = {"access_log": str(log), "max_concurrent_streams": 1, "max_metadata_size": 2_000}
    with grpc_frontend(wide_server, **options) as frontend, RawH2(frontend.port) as h2:
        h2.send(open_call(1, LIVE) + open_call(3, LIVE))
        assert h2.finish(3).reset == REFUSED
        h2.send(frame(rawh2.DATA, rawh2.END_STREAM, 1, bytes(5)))
        assert h2.finish(1).status == 0
        h2.send(unary(5, LIVE, b"", ("connection", "close")))
        assert h2.finish(5).reset == 1
        h2.send(unary(7, LIVE, b"", ("x", "v" * 2_000)))
        assert h2.finish(7).status == 8

        def statuses() -> list[int]:
            parsed = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
            return [line["status"] for line in parsed]

        until(lambda: statuses() == [503, 200, 400, 431], "the lines are written")
    parsed = json.loads(log.read_text(encoding="utf-8").splitlines()[2])
    assert parsed["path"] == LIVE
    assert parsed["protocol"] == "HTTP/2"
    assert parsed["method"] == "POST"
    assert parsed["peer"].startswith("127.0.0.1:")


# --- Options -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("infer_compression_level", 4),
        ("infer_compression_level", -1),
        ("http2_max_ping_strikes", -1),
        ("max_connection_age_ms", "soon"),
        ("max_metadata_size", 0),
        ("max_frame_size", 16_383),
        ("max_frame_size", 1 << 24),
        ("stream_window_size", 1 << 31),
        ("max_receive_message_size", 1 << 31),
        ("max_send_message_size", 0),
        ("max_settings_entries", 5),
    ],
)
def test_values_out_of_range_are_named(name: str, value: Any) -> None:
    from tritonfrontend import InvalidArgumentError, KServeGrpc

    with pytest.raises(InvalidArgumentError, match=name):
        KServeGrpc.Options(**{name: value})


def test_every_option_reaches_the_frontend(wide_server: Server) -> None:
    options = {
        "keepalive_time_ms": 10_000,
        "keepalive_timeout_ms": 5_000,
        "keepalive_permit_without_calls": True,
        "http2_max_pings_without_data": 0,
        "http2_min_recv_ping_interval_without_data_ms": 10,
        "http2_max_ping_strikes": 5,
        "max_connection_age_ms": 60_000,
        "max_connection_age_grace_ms": 10_000,
        "infer_compression_level": 3,
        "max_unsent_total": 0,
        "pressed_stall_timeout_ms": 0,
    }
    with grpc_frontend(wide_server, **options) as frontend, stub(frontend.port) as made:
        assert made.ServerLive(pb.ServerLiveRequest(), timeout=30).live


def test_clients_that_come_and_go_leave_nothing(wide_server: Server) -> None:
    with grpc_frontend(wide_server, max_connection_age_ms=30) as frontend:

        def client() -> None:
            for _ in range(20):
                with RawH2(frontend.port) as h2, suppress(OSError, EOFError):
                    h2.send(unary(1, LIVE) + settings({}) + unary(3, INFER))
                    h2.finish(1)

        threads = [threading.Thread(target=client) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: connections(frontend) == 0, "every connection is closed")
        with pytest.raises(grpc.RpcError), stub(frontend.port) as made:
            made.ModelMetadata(pb.ModelMetadataRequest(name="none"), timeout=30)
