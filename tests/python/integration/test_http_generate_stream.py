"""HTTP: generate_stream, every response as a server-sent event."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from rawhttp import HOST, TIMEOUT_S, RawHttp, call, request
from waiting import begun, failures, settled_failures, until

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

PATH = "/v2/models/repeat/generate_stream"


def body(responses: int, **more: Any) -> bytes:
    return json.dumps({"INPUT0": [1.5], "responses": responses, **more}).encode()


def event(index: int) -> bytes:
    value = {
        "INDEX": index,
        "OUTPUT0": 1.5,
        "model_name": "repeat",
        "model_version": "1",
    }
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def events(count: int) -> bytes:
    return b"".join(event(index) for index in range(count))


@pytest.mark.parametrize("final", ["last", "separate"])
@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_every_response_is_an_event(http_port: int, count: int, final: str) -> None:
    answer = call(http_port, "POST", PATH, body(count, final=final))
    assert answer.status == 200
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    assert answer.header("transfer-encoding") == "chunked"
    assert answer.body == events(count)


def test_ordinary_models_give_one_event(http_port: int) -> None:
    path = "/v2/models/identity_fp32/generate_stream"
    answer = call(http_port, "POST", path, b'{"INPUT0":[2],"id":"x"}')
    assert answer.body == (
        b'data: {"OUTPUT0":2.0,"id":"x","model_name":"identity_fp32","model_version":"1"}\n\n'
    )


def test_the_connection_goes_on(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        for count in (3, 0, 2):
            connection.send(request("POST", PATH, body(count)))
            assert connection.read().body == events(count)


def test_requests_behind_a_stream_wait_for_its_end(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        stream = request("POST", PATH, body(20, interval_ms=5))
        connection.send(stream + request("GET", "/v2/health/live") + stream)
        assert connection.read().body == events(20)
        assert connection.read().status == 200
        assert connection.read().body == events(20)


def receive_until(connection: socket.socket, wanted: bytes) -> bytes:
    received = b""
    while wanted not in received:
        piece = connection.recv(65536)
        assert piece, received
        received += piece
    return received


def test_events_come_one_by_one(http_port: int) -> None:
    # The second response comes after longer than anybody waits: the first is there without it.
    with socket.create_connection((HOST, http_port), TIMEOUT_S) as connection:
        connection.sendall(request("POST", PATH, body(2, interval_ms=3000)))
        received = receive_until(connection, event(0))
        assert received.count(b"data: ") == 1


def test_old_clients_get_the_bare_events(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        connection.send(request("POST", PATH, body(3), version="HTTP/1.0"))
        answer = connection.read()
        assert answer.header("transfer-encoding") is None
        assert answer.header("connection") == "close"
        assert answer.body == events(3)


def test_an_error_first(http_port: int) -> None:
    answer = call(http_port, "POST", PATH, body(3, fail_at=0))
    assert answer.status == 500
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    assert answer.body == b'data: {"error":"the stream fails at response 0"}\n\n'


def test_an_error_later(http_port: int) -> None:
    answer = call(http_port, "POST", PATH, body(3, fail_at=2))
    assert answer.status == 200
    assert answer.body == events(2) + b'data: {"error":"the stream fails at response 2"}\n\n'


def test_errors_before_the_model_are_plain(http_port: int) -> None:
    answer = call(http_port, "POST", "/v2/models/nothing/generate_stream", b"{")
    assert answer.status == 404
    assert answer.header("content-type") == "application/json"
    assert answer.header("content-length") == str(len(answer.body))


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_early_cancels(http_port: int, how: str) -> None:
    before = settled_failures(http_port, "delay")
    connection = RawHttp(http_port)
    data = json.dumps({"INPUT0": 1, "delay_ms": 600_000}).encode()
    begun(connection, request("POST", "/v2/models/delay/generate_stream", data))
    connection.reset() if how == "reset" else connection.socket.close()
    until(lambda: failures(http_port, "delay") == before + 1, "the inference is cancelled")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_its_stream(http_port: int, how: str) -> None:
    # Streams without end: if one went on, the server could not stop after the tests.
    connection = RawHttp(http_port)
    connection.send(request("POST", PATH, body(2_000_000_000, interval_ms=1)))
    receive_until(connection.socket, event(3))
    connection.reset() if how == "reset" else connection.socket.close()
    assert call(http_port, "POST", PATH, body(10)).body == events(10)


def test_a_half_closed_client_gets_its_stream(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        connection.send(request("POST", PATH, body(50, interval_ms=2)))
        connection.half_close()
        answer = connection.read()
        # The server asks whether the client is still there (an interim answer) until it streams.
        while answer.status < 200:
            answer = connection.read()
        assert answer.body == events(50)


def test_a_slow_reader_gets_everything(http_port: int) -> None:
    # More than the sockets hold, so the frontend has to keep it for the client.
    count = 60_000
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(TIMEOUT_S)
        connection.connect((HOST, http_port))
        connection.sendall(request("POST", PATH, body(count), [("Connection", "close")]))
        # Other clients are served meanwhile.
        assert call(http_port, "POST", PATH, body(10)).body == events(10)
        received = bytearray()
        while piece := connection.recv(1 << 20):
            received += piece
    assert received.count(b"data: ") == count
    assert event(count - 1) in received


def test_no_compression(http_port: int) -> None:
    answer = call(http_port, "POST", PATH, body(100), ("Accept-Encoding", "gzip"))
    assert answer.header("content-encoding") is None
    assert answer.body == events(100)


LOAD = "endpoint-load-metrics"


@pytest.mark.parametrize("wanted", ["json", "text", "xml"])
def test_load_reports_need_their_metrics(http_port: int, wanted: str) -> None:
    answer = call(http_port, "POST", PATH, body(3), (f"{LOAD}-format", wanted))
    assert (answer.status, answer.body) == (200, events(3))
    assert answer.header(LOAD) is None


@pytest.fixture
def kv_cache(wide_server: Server) -> Iterator[None]:
    """The metrics that TensorRT-LLM would report, as long as the test runs."""
    from tritonfrontend.inprocess import Metric, MetricFamily, MetricKind

    name = "nv_trt_llm_kv_cache_block_metrics"
    family = MetricFamily(MetricKind.GAUGE, name, "KV cache")
    gauges = []
    for kind, value in (("used", 4e5), ("max", 1e6), ("tokens_per", 64)):
        gauge = Metric(family, {"kv_cache_block_type": kind, "model": "m"})
        gauge.set_value(value)
        gauges.append(gauge)
    yield
    gauges.clear()


@pytest.mark.parametrize("verb", ["generate", "generate_stream"])
@pytest.mark.parametrize(
    ("wanted", "report"),
    [
        (
            "json",
            'JSON {"named_metrics":{"kv_cache_utilization":0.4,"max_token_capacity":64000000}}',
        ),
        (
            "text",
            "TEXT named_metrics.kv_cache_utilization=0.400000, "
            "named_metrics.max_token_capacity=64000000",
        ),
    ],
)
def test_load_reports(http_port: int, kv_cache: None, verb: str, wanted: str, report: str) -> None:
    path = f"/v2/models/repeat/{verb}"
    answer = call(http_port, "POST", path, body(1), (f"{LOAD}-format", wanted))
    assert answer.status == 200
    assert answer.header(LOAD) == report
    assert b'"OUTPUT0":1.5' in answer.body
    assert call(http_port, "POST", path, body(1)).header(LOAD) is None


def test_curl(http_port: int) -> None:
    url = f"http://{HOST}:{http_port}{PATH}"
    command = ["curl", "--silent", "--no-buffer", "--max-time", "20", "--data-binary", "@-", url]
    done = subprocess.run(command, input=body(5), capture_output=True, check=True)
    assert done.stdout == events(5)
