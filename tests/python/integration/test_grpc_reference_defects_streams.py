"""ModelStreamInfer: what the reference server gets wrong, checked here to be right.

Each test is named after the defect.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rawh2
from calls import infer_request, stub, tensor
from rawh2 import RawH2, unary
from streams import (
    FOREVER_MS,
    SHUTTING_DOWN,
    OpenStream,
    descriptors,
    grant,
    idle,
    ids,
    is_final,
    number,
    parse,
    raw_stream,
    repeat,
    reset,
)
from waiting import until

LIVE = "/inference.GRPCInferenceService/ServerLive"


# Replies of ordinary models are written there without a look at whether one of a decoupled model is
# being written.
@pytest.mark.parametrize("second", ["identity_fp32", "nope"])
def test_replies_to_a_full_window_end_the_process(
    start_crowd_grpc: Callable[..., Any], second: str
) -> None:
    frontend = start_crowd_grpc()
    before = descriptors()
    requests = [repeat(2, "a"), number(second, 1, "b"), repeat(1, "c")]
    for _ in range(5):
        with RawH2(frontend.port, {rawh2.INITIAL_WINDOW: 1}) as h2:
            h2.credit = False
            streams = range(1, 401, 2)
            for stream in streams:
                h2.send(raw_stream(stream, requests))
            h2.ping()
            for stream in streams[::2]:
                h2.send(reset(stream))
            h2.send(grant(0, 1 << 30))
            for stream in streams[1::2]:
                h2.send(grant(stream, 1 << 20))
            for stream in streams[1::2]:
                reply = h2.finish(stream)
                assert reply.status == 0
                assert sorted(ids(parse(reply.messages))) == ["a", "a", "b", "c"]
    until(idle(frontend), "nothing is in flight")
    # Clients of other tests may have closed theirs meanwhile.
    until(lambda: descriptors() <= before, "every socket is closed")


# The other requests of the stream go on there, on freed state.
@pytest.mark.parametrize("other", ["decoupled", "ordinary"])
def test_an_error_that_ends_a_stream_ends_the_process(
    start_crowd_grpc: Callable[..., Any], other: str
) -> None:
    frontend = start_crowd_grpc()
    before = descriptors()
    running = (
        repeat(1000, "x", interval_ms=1)
        if other == "decoupled"
        else number("delay", 1, "x", delay_ms=FOREVER_MS)
    )
    requests = [running, repeat(1, "y", fail_at=0)]
    for _ in range(10):
        with RawH2(frontend.port) as h2:
            streams = range(1, 201, 2)
            for stream in streams:
                h2.send(raw_stream(stream, requests, ("triton_grpc_error", "true")))
            for stream in streams:
                reply = h2.finish(stream)
                assert (reply.status, reply.message) == (13, "the stream fails at response 0")
            h2.send(unary(201, LIVE))
            assert h2.finish(201).status == 0
    until(idle(frontend), "nothing is in flight")
    # Clients of other tests may have closed theirs meanwhile.
    until(lambda: descriptors() <= before, "every socket is closed")


def test_errors_before_the_core_are_no_status(triton_stub: Any) -> None:
    for request, code in (
        (number("nope", 1), "NOT_FOUND"),
        (infer_request(model_version="x"), "INVALID_ARGUMENT"),
        (infer_request(parameters={"sequence_start": 1}), "INVALID_ARGUMENT"),
        (infer_request(inputs=[tensor("WRONG")], raw=[bytes(4)]), "INVALID_ARGUMENT"),
    ):
        stream = OpenStream(triton_stub, metadata=[("triton_grpc_error", "true")])
        stream.send(request)
        assert stream.end()[0] == code


def test_the_only_reply_is_not_the_final_one(triton_stub: Any) -> None:
    (answer,) = triton_stub.ModelStreamInfer(iter([number("split", 1, gap_ms=20)]))
    assert is_final(answer)


def test_a_malformed_request_ends_a_stream_with_ok(crowd_grpc_port: int) -> None:
    with RawH2(crowd_grpc_port) as h2:
        request = rawh2.message(b"\x0a\x7f")
        h2.send(raw_stream(1, [number("identity_fp32", 1)], end=False))
        h2.send(rawh2.frame(rawh2.DATA, rawh2.END_STREAM, 1, request))
        reply = h2.finish(1)
    assert (reply.status, reply.message) == (13, "Unable to parse request")


def resident_mib() -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) >> 10


def test_responses_wait_without_bound(start_crowd_grpc: Callable[..., Any]) -> None:
    frontend = start_crowd_grpc(max_stream_backlog=8 << 20)
    values = np.zeros(1 << 18, np.float32)  # 1 MiB
    parameters = {"responses": 4096}
    request = infer_request(
        "repeat", [tensor(shape=[values.size])], [values.tobytes()], parameters=parameters
    )
    before = resident_mib()
    with RawH2(frontend.port, {rawh2.INITIAL_WINDOW: 0}) as h2:
        h2.ping()
        h2.send(rawh2.open_call(1, "/inference.GRPCInferenceService/ModelStreamInfer"))
        payload = rawh2.message(request.SerializeToString())
        for at in range(0, len(payload), 16_000):
            h2.send(rawh2.frame(rawh2.DATA, 0, 1, payload[at : at + 16_000]))
        with stub(frontend.port) as made:  # the model is free for others all the time
            assert len(list(made.ModelStreamInfer(iter([repeat(5)])))) == 5
        h2.send(grant(1, 1 << 30))
        reply = h2.finish(1)
        assert reply.status == 8
        assert len(reply.data) < 32 << 20
    assert resident_mib() - before < 256
    until(idle(frontend), "nothing is in flight")


# With a limit of queued responses, threads of the backend wait there for a client that reads
# nothing, and for ever if it goes.
def test_a_slow_client_blocks_the_backend(start_crowd_grpc: Callable[..., Any]) -> None:
    frontend = start_crowd_grpc(max_response_pool_size=1)
    for _ in range(3):
        with RawH2(frontend.port, {rawh2.INITIAL_WINDOW: 0}) as h2:
            h2.send(raw_stream(1, [repeat(1000, "a")]))
            h2.ping()
            with stub(frontend.port) as made:
                assert len(list(made.ModelStreamInfer(iter([repeat(100)])))) == 100
    until(idle(frontend), "nothing is in flight")


def test_an_idle_stream_delays_the_end(start_crowd_grpc: Callable[..., Any]) -> None:
    frontend = start_crowd_grpc()
    with stub(frontend.port) as made:
        stream = OpenStream(made)
        stream.send(number("identity_fp32", 1))
        stream.read(1)
        assert frontend.drain(30)
        assert stream.end() == ("UNAVAILABLE", SHUTTING_DOWN)
