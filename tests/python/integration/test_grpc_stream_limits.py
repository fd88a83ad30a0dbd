"""ModelStreamInfer and clients that leave, read slowly, send nonsense or a great deal at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
import rawh2
from calls import outcome, stub
from extra_models import queued_model
from helpers.models import write_repository
from rawh2 import RawH2, frame, message, open_call, unary
from streams import (
    FOREVER_MS,
    SHUTTING_DOWN,
    STREAM,
    OpenStream,
    descriptors,
    endless,
    grant,
    idle,
    ids,
    index_of,
    number,
    parse,
    raw_stream,
    repeat,
    reset,
)
from waiting import failures, failures_by_reason, settled_failures, until

LIVE = "/inference.GRPCInferenceService/ServerLive"
INFER = "/inference.GRPCInferenceService/ModelInfer"
CANCEL = 8


class Queue(NamedTuple):
    """Frontends of one server."""

    grpc: Any
    http_port: int
    metrics_port: int


@pytest.mark.parametrize("how", ["cancel", "deadline", "close"])
def test_leaving_cancels_everything(crowd_grpc_port: int, crowd_http_port: int, how: str) -> None:
    before = settled_failures(crowd_http_port, "delay")
    with stub(crowd_grpc_port) as made:
        stream = OpenStream(made, timeout=1.0 if how == "deadline" else None)
        slow = [number("delay", 1, delay_ms=FOREVER_MS) for _ in range(3)]
        stream.send(number("identity_fp32", 1), *slow, endless(), repeat(1))
        stream.read(2)  # all of them have been read
        if how == "cancel":
            stream.call.cancel()
        if how == "deadline":
            assert stream.end()[0] == "DEADLINE_EXCEEDED"
    until(lambda: failures(crowd_http_port, "delay") == before + 3, "the abandoned requests end")


@pytest.mark.parametrize(
    "bad", [message(b"\xff\xff"), message(b"\x0a\x05abc"), message(b"\x0a\x02\xc3\x28")]
)
def test_what_is_no_request_ends_the_stream(crowd_grpc_port: int, bad: bytes) -> None:
    with RawH2(crowd_grpc_port) as h2:
        h2.send(raw_stream(1, [number("identity_fp32", 1, "a")], end=False))
        h2.wait_for(rawh2.DATA, 1)
        h2.send(frame(rawh2.DATA, 0, 1, bad))
        reply = h2.finish(1)
        assert (reply.status, reply.message) == (13, "Unable to parse request")
        assert ids(parse(reply.messages)) == ["a"]
        h2.send(unary(3, LIVE))
        assert h2.finish(3).status == 0


def test_a_request_that_is_cut_ends_the_stream(crowd_grpc_port: int) -> None:
    with RawH2(crowd_grpc_port) as h2:
        cut = message(number("identity_fp32", 1).SerializeToString())[:-1]
        h2.send(open_call(1, STREAM) + frame(rawh2.DATA, rawh2.END_STREAM, 1, cut))
        reply = h2.finish(1)
    assert (reply.status, reply.message) == (13, "Unable to parse request")


def test_requests_byte_by_byte(crowd_grpc_port: int) -> None:
    requests = [number("identity_fp32", n, str(n)) for n in range(3)]
    payload = b"".join(message(request.SerializeToString()) for request in requests)
    with RawH2(crowd_grpc_port) as h2:
        h2.send(open_call(1, STREAM))
        h2.send(b"".join(frame(rawh2.DATA, 0, 1, bytes([byte])) for byte in payload))
        h2.send(frame(rawh2.DATA, rawh2.END_STREAM, 1))
        assert ids(parse(h2.finish(1).messages)) == ["0", "1", "2"]


def test_a_thousand_streams_on_one_connection(crowd_grpc_port: int) -> None:
    streams = range(1, 2001, 2)
    with RawH2(crowd_grpc_port) as h2:
        for stream in streams:
            h2.send(raw_stream(stream, [number("identity_fp32", 1, str(stream))], end=False))
        h2.ping()
        for stream in streams:
            h2.send(frame(rawh2.DATA, rawh2.END_STREAM, stream))
        for stream in streams:
            reply = h2.finish(stream)
            assert reply.status == 0
            assert ids(parse(reply.messages)) == [str(stream)]


def test_a_slow_reader_of_a_decoupled_model_is_cut_off(
    start_crowd_grpc: Callable[..., Any],
) -> None:
    # This client returns credit frame by frame, which is what the limit of dribbles is against.
    frontend = start_crowd_grpc(max_stream_backlog=100_000, dribble_burst=1_000_000)
    with RawH2(frontend.port, {rawh2.INITIAL_WINDOW: 1000}) as h2, stub(frontend.port) as other:
        h2.credit = False
        h2.send(raw_stream(1, [repeat(2**31, "a")]))
        until(idle_work(other), "the model is left alone")
        h2.send(grant(1, 2**31 - 1 - 1000))
        h2.credit = True
        reply = h2.finish(1)
        assert reply.status == 8
        assert "max_stream_backlog" in reply.message
        answers = parse(reply.messages)
        assert [index_of(answer) for answer in answers] == list(range(len(answers)))
        assert len(reply.data) > 100_000
    until(idle(frontend), "nothing is in flight")


def idle_work(made: Any) -> Callable[[], bool]:
    """Whether the model ``repeat`` has ended every request that it was given."""
    from tritonclient.grpc import service_pb2 as pb

    def ended() -> bool:
        answer = made.ModelStatistics(pb.ModelStatisticsRequest(name="repeat"))
        return bool(answer.model_stats[0].inference_stats.success.count)

    return ended


def test_a_slow_reader_of_other_models_is_held_back(start_crowd_grpc: Callable[..., Any]) -> None:
    frontend = start_crowd_grpc(max_stream_backlog=10_000)
    requests = [number("identity_fp32", n, str(n)) for n in range(2000)]
    with RawH2(frontend.port, {rawh2.INITIAL_WINDOW: 0}) as h2:
        h2.ping()  # the windows of the server's settings are in force
        h2.send(raw_stream(1, requests))
        h2.ping()
        h2.send(grant(1, 1 << 30))
        reply = h2.finish(1)
    assert reply.status == 0
    assert ids(parse(reply.messages)) == [str(n) for n in range(2000)]


def test_requests_in_work_at_once_are_limited(start_crowd_grpc: Callable[..., Any]) -> None:
    frontend = start_crowd_grpc(max_stream_inflight_requests=2)
    with stub(frontend.port) as made:
        stream = OpenStream(made)
        stream.send(*[endless("endless") for _ in range(2)], repeat(1, "third"))
        # The two hold the third one back; another stream is not concerned.
        assert ids(list(made.ModelStreamInfer(iter([repeat(1, "other")])))) == ["other"]
        stream.call.cancel()
        stream = OpenStream(made)
        stream.send(*[number("delay", n, str(n), delay_ms=1) for n in range(50)])
        stream.half_close()
        assert ids(stream.rest()) == [str(n) for n in range(50)]
    until(idle(frontend), "nothing is in flight")


def test_a_drain_ends_idle_streams_and_lets_busy_ones_finish(
    start_crowd_grpc: Callable[..., Any],
) -> None:
    frontend = start_crowd_grpc()
    with stub(frontend.port) as made:
        quiet, busy = OpenStream(made), OpenStream(made)
        for stream in (quiet, busy):
            stream.send(number("identity_fp32", 1))
            stream.read(1)
        busy.send(number("delay", 1, "last", delay_ms=300), repeat(1))
        assert ids(busy.read(1)) == [""]  # both have been read
        assert frontend.drain(30)
        assert quiet.end() == ("UNAVAILABLE", SHUTTING_DOWN)
        assert ids(busy.read(1)) == ["last"]
        assert busy.end() == ("UNAVAILABLE", SHUTTING_DOWN)


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory, backends_dir: Path) -> Iterator[Queue]:
    """``delay_queued`` on a server of its own: a batcher and crowds do not go together, see
    ``crowd_server``.
    """
    from tritonfrontend import KServeGrpc, KServeHttp, Metrics
    from tritonfrontend.inprocess import Server

    repository = write_repository(tmp_path_factory.mktemp("queue"), [queued_model()])
    bind: dict[str, Any] = {"address": "127.0.0.1", "port": 0}
    # The log settings are those of the process.
    stopped = Server(model_repository=str(repository), log_error=True)
    with (
        stopped.start(wait_until_ready=True, timeout=60) as server,
        KServeHttp(server, KServeHttp.Options(**bind)) as http,
        KServeGrpc(server, KServeGrpc.Options(**bind)) as grpc_frontend,
        Metrics(server, Metrics.Options(**bind)) as metrics,
    ):
        yield Queue(grpc_frontend, http.port, metrics.port)


@pytest.mark.parametrize("kind", ["stream", "unary"])
def test_a_thousand_cancelled_calls(queue: Queue, kind: str) -> None:
    """Triton counts what it never began as cancelled, and what it had begun as its backend says."""
    frontend, http_port, metrics_port = queue
    failed = settled_failures(http_port, "delay_queued")
    reasons = failures_by_reason(metrics_port, "delay_queued")
    before = descriptors()
    slow = number("delay_queued", 1, delay_ms=FOREVER_MS)
    for _ in range(10):
        with RawH2(frontend.port) as h2:
            streams = range(1, 201, 2)
            for stream in streams:
                if kind == "stream":
                    h2.send(raw_stream(stream, [slow], end=False))
                else:
                    h2.send(unary(stream, INFER, slow.SerializeToString()))
            h2.ping()
            h2.send(b"".join(reset(stream) for stream in streams))
            h2.ping()
    until(
        lambda: failures(http_port, "delay_queued") == failed + 1000, "all of them end as cancelled"
    )
    rise = {
        reason: count - reasons[reason]
        for reason, count in failures_by_reason(metrics_port, "delay_queued").items()
    }
    assert rise["REJECTED"] == rise["OTHER"] == 0
    assert rise["CANCELED"] > rise["BACKEND"]
    assert rise["CANCELED"] + rise["BACKEND"] == 1000
    until(idle(frontend), "nothing is in flight")
    # Clients of other tests may have closed theirs meanwhile.
    until(lambda: descriptors() <= before, "every socket is closed")
    with stub(frontend.port) as made:
        assert outcome(lambda: made.ModelInfer(number("delay_queued", 1), timeout=30))[0] == "OK"


def test_streams_beside_unary_calls(crowd_grpc_port: int) -> None:
    with stub(crowd_grpc_port) as made:
        stream = OpenStream(made)
        stream.send(endless())
        for n in range(20):
            answer = made.ModelInfer(number("identity_fp32", n, str(n)), timeout=30)
            assert answer.id == str(n)
        stream.call.cancel()
        assert stream.end()[0] == grpc.StatusCode.CANCELLED.name
