"""Hostile clients of the gRPC port: each is cut off or bounded, memory stays where it was, and
other clients are served all the while."""

from __future__ import annotations

import gc
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import hpack
import pytest
import rawh2
from calls import SERVICE, infer_request, slow_request, tensor
from grpc_frontends import grpc_frontend, resident_bytes
from rawh2 import RawH2, frame, grpc_headers, message, open_call, settings, unary
from waiting import failures, settled_failures, until

if TYPE_CHECKING:
    from tritonfrontend import KServeGrpc
    from tritonfrontend.inprocess import Server

INFER = SERVICE + "ModelInfer"
LIVE = SERVICE + "ServerLive"
MIB = 1 << 20
CALM = 11
RESET = struct.pack(">I", 8)
Attack = Callable[[RawH2], None]


@pytest.fixture(scope="module")
def frontend(wide_server: Server) -> Iterator[KServeGrpc]:
    with grpc_frontend(wide_server) as made:
        yield made


def connections(frontend: KServeGrpc) -> int:
    count: int = frontend.statistics()["connections"]
    return count


def send_all(h2: RawH2, data: bytes) -> None:
    """Sends while the server listens."""
    with suppress(BrokenPipeError, ConnectionResetError):
        for at in range(0, len(data), 1 << 16):
            h2.send(data[at : at + (1 << 16)])


def goaway_code(h2: RawH2) -> int | None:
    codes = [got.error_code for got in h2.drain() if got.kind == rawh2.GOAWAY]
    return codes[-1] if codes else None


# --- Floods that end the connection --------------------------------------------------------------


def ping_flood(h2: RawH2) -> None:
    send_all(h2, frame(rawh2.PING, 0, 0, bytes(8)) * 20_000)


def settings_flood(h2: RawH2) -> None:
    send_all(h2, settings({rawh2.INITIAL_WINDOW: 1}) * 20_000)


def priority_flood(h2: RawH2) -> None:
    send_all(h2, frame(rawh2.PRIORITY, 0, 3, bytes(4) + b"\x10") * 20_000)


def empty_data_flood(h2: RawH2) -> None:
    send_all(h2, open_call(1, INFER) + frame(rawh2.DATA, 0, 1) * 20_000)


def empty_headers_flood(h2: RawH2) -> None:
    send_all(h2, open_call(1, INFER) + frame(rawh2.HEADERS, rawh2.END_HEADERS, 1) * 20_000)


def continuation_flood(h2: RawH2) -> None:
    part = frame(rawh2.CONTINUATION, 0, 1, hpack.encode([("a", "b" * 1_000)]))
    send_all(h2, frame(rawh2.HEADERS, 0, 1) + part * 20_000)


def rapid_reset(h2: RawH2) -> None:
    pairs = (
        open_call(stream, INFER) + frame(rawh2.RST_STREAM, 0, stream, RESET)
        for stream in range(1, 60_000, 2)
    )
    send_all(h2, b"".join(pairs))


def provoked_resets(h2: RawH2) -> None:
    pairs = (
        open_call(stream, INFER) + frame(rawh2.WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff")
        for stream in range(1, 60_000, 2)
    )
    send_all(h2, b"".join(pairs))


def malformed_requests(h2: RawH2) -> None:
    calls = (open_call(stream, LIVE, ("connection", "x")) for stream in range(1, 60_000, 2))
    send_all(h2, b"".join(calls))


def settings_list(h2: RawH2) -> None:
    send_all(h2, frame(rawh2.SETTINGS, 0, 0, struct.pack(">HI", 4, 1) * 2_000))


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (ping_flood, CALM),
        (settings_flood, CALM),
        (priority_flood, CALM),
        (empty_data_flood, CALM),
        (empty_headers_flood, None),
        (continuation_flood, CALM),
        (rapid_reset, None),
        (provoked_resets, CALM),
        (malformed_requests, CALM),
        (settings_list, None),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_floods_end_their_connection(
    frontend: KServeGrpc, attack: Attack, code: int | None
) -> None:
    with RawH2(frontend.port) as warm_up:
        attack(warm_up)
    gc.collect()
    before = resident_bytes()
    with RawH2(frontend.port) as friend:
        for _ in range(3):
            with RawH2(frontend.port) as h2:
                attack(h2)
                with suppress(ConnectionResetError):
                    found = goaway_code(h2)
                    assert code is None or found in (code, None)
        friend.send(unary(1, LIVE))
        assert friend.finish(1).status == 0
        until(lambda: connections(frontend) == 1, "only the friend is connected")
    assert resident_bytes() - before < 64 * MIB


# --- What is bounded without an end --------------------------------------------------------------


def test_header_bombs_are_counted_and_not_kept(frontend: KServeGrpc) -> None:
    table = hpack.encode(grpc_headers(LIVE)) + b"\x40\x01a\x7f\xa1\x1e" + b"v" * 4_000
    before = resident_bytes()
    with RawH2(frontend.port) as h2:
        h2.ping()  # the SETTINGS that allow large frames are acknowledged
        for stream in range(1, 101, 2):
            # Each byte stands for a header of four kilobytes.
            block = table + b"\xbe" * 100_000
            h2.send(frame(rawh2.HEADERS, rawh2.END_HEADERS | rawh2.END_STREAM, stream, block))
            assert h2.finish(stream).reset is not None
        h2.send(unary(101, LIVE))
        assert h2.finish(101).status == 0
    assert resident_bytes() - before < 64 * MIB


def test_unknown_frames_are_skipped(frontend: KServeGrpc) -> None:
    with RawH2(frontend.port) as h2:
        h2.send(frame(0xAB, 0xFF, 9, bytes(1_000)) * 20_000)
        h2.send(unary(1, LIVE))
        assert h2.finish(1).status == 0


def test_abandoned_work_is_bounded(wide_server: Server, http_port: int) -> None:
    before = settled_failures(http_port, "delay")
    with grpc_frontend(wide_server, max_abandoned_calls=10) as frontend:
        with RawH2(frontend.port) as h2:
            request = slow_request().SerializeToString()
            for stream in range(1, 401, 2):
                h2.send(unary(stream, INFER, request) + frame(rawh2.RST_STREAM, 0, stream, RESET))
            h2.ping()
        until(
            lambda: failures(http_port, "delay") > before and connections(frontend) == 0,
            "the abandoned work has ended",
        )
    assert settled_failures(http_port, "delay") - before <= 200


def test_a_window_opened_byte_by_byte(frontend: KServeGrpc) -> None:
    request = infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [9_000])], [bytes(9_000)])
    with RawH2(frontend.port, options={rawh2.INITIAL_WINDOW: 0}) as h2:
        h2.credit = False
        h2.send(unary(1, INFER, request.SerializeToString()))
        one = frame(rawh2.WINDOW_UPDATE, 0, 1, struct.pack(">I", 1))
        with suppress(ConnectionResetError, BrokenPipeError, EOFError):
            while True:
                h2.send(one)
                got = h2.read()
                if got.kind == rawh2.GOAWAY:
                    assert got.error_code == CALM
                    break
        data = h2.replies[1].data
        assert len(data) < 5_000


def test_slow_readers_hold_a_bounded_amount(wide_server: Server) -> None:
    """40 clients that ask for 4 MiB each and read none of it."""
    size = 4 * MIB
    request = infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [size])], [bytes(size)])
    call = request.SerializeToString()
    options: dict[str, Any] = {"max_unsent_total": 16 * MIB, "pressed_stall_timeout_ms": 100}
    with grpc_frontend(wide_server, **options) as frontend, ExitStack() as stack:
        baseline = resident_bytes()
        for _ in range(40):
            h2 = stack.enter_context(RawH2(frontend.port, options={rawh2.INITIAL_WINDOW: 0}))
            with suppress(ConnectionResetError, BrokenPipeError):
                h2.ping()
                h2.send(unary(1, INFER, call))
        until(lambda: connections(frontend) <= 4, "all but what the limit allows are dropped")
        with RawH2(frontend.port) as friend:
            friend.send(unary(1, LIVE))
            assert friend.finish(1).status == 0
        # The pool of buffers keeps up to 256 MiB for reuse.
        assert resident_bytes() - baseline < 320 * MIB


def test_one_slow_reader_gets_no_more_work(wide_server: Server) -> None:
    request = infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [MIB])], [bytes(MIB)])
    with (
        grpc_frontend(wide_server, max_unsent_per_connection=3 * MIB) as frontend,
        RawH2(frontend.port, options={rawh2.INITIAL_WINDOW: 0}) as h2,
    ):
        call = request.SerializeToString()
        refused = 0
        for stream in range(1, 41, 2):
            h2.send(unary(stream, INFER, call))
            while stream not in h2.replies:
                h2.read()
            refused += h2.replies[stream].reset == 7
        assert refused >= 15
        with RawH2(frontend.port) as friend:
            friend.send(unary(1, LIVE))
            assert friend.finish(1).status == 0


def test_announced_messages_cost_nothing(frontend: KServeGrpc) -> None:
    """Prefixes that announce 2 GiB each, with a few bytes behind them."""
    before = resident_bytes()
    announced = b"\0" + struct.pack(">I", 2**31 - 1) + b"abc"
    with ExitStack() as stack:
        for _ in range(4):
            h2 = stack.enter_context(RawH2(frontend.port))
            for stream in range(1, 101, 2):
                h2.send(open_call(stream, INFER) + frame(rawh2.DATA, 0, stream, announced))
            h2.ping()
        assert resident_bytes() - before < 64 * MIB
        with RawH2(frontend.port) as friend:
            friend.send(unary(1, LIVE))
            assert friend.finish(1).status == 0


def test_half_open_streams_are_bounded(wide_server: Server) -> None:
    with grpc_frontend(wide_server, max_calls=50) as frontend:
        with RawH2(frontend.port) as h2:
            for stream in range(1, 201, 2):
                h2.send(open_call(stream, INFER))
            assert h2.finish(101).status == 8
            assert h2.finish(199).status == 8
        with RawH2(frontend.port) as friend:
            until(lambda: connections(frontend) == 1, "the hostile client is gone")
            friend.send(unary(1, LIVE))
            assert friend.finish(1).status == 0


def test_malformed_messages_are_answered_once(frontend: KServeGrpc) -> None:
    junk = message(b"\xff" * 20) + message(b"\xff" * 20, flag=9) + b"\0\xff"
    with RawH2(frontend.port) as h2:
        h2.send(open_call(1, INFER) + frame(rawh2.DATA, 0, 1, junk) * 5)
        reply = h2.finish(1)
        h2.ping()
        assert reply.status == 13
        assert len(reply.headers) == 1
