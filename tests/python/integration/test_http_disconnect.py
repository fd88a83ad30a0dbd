"""HTTP: a client that goes away during its inference cancels it; nobody else notices."""

from __future__ import annotations

import json

import pytest
from rawhttp import RawHttp, call, request
from waiting import begun, failures, settled_failures, until

PATH = "/v2/models/delay/infer"
FOREVER_MS = 600_000  # longer than any test waits: only cancellation ends such a request


def slow(delay_ms: int = FOREVER_MS) -> bytes:
    tensor = {"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}
    body = {"parameters": {"delay_ms": delay_ms}, "inputs": [tensor]}
    return request("POST", PATH, json.dumps(body).encode())


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_disconnect_cancels(http_port: int, how: str) -> None:
    before = settled_failures(http_port, "delay")
    connection = RawHttp(http_port)
    begun(connection, slow())
    connection.reset() if how == "reset" else connection.socket.close()
    until(
        lambda: failures(http_port, "delay") == before + 1, "the abandoned inference is cancelled"
    )


def test_a_disconnect_cancels_behind_pipelined_bytes(http_port: int) -> None:
    before = settled_failures(http_port, "delay")
    connection = RawHttp(http_port)
    begun(connection, slow() + request("GET", "/v2"))
    connection.reset()
    until(
        lambda: failures(http_port, "delay") == before + 1, "the abandoned inference is cancelled"
    )


def test_a_half_closed_client_that_leaves_later(http_port: int) -> None:
    # What tells this client from a gone one is sent while it is there; later it is asked again.
    before = settled_failures(http_port, "delay")
    connection = RawHttp(http_port)
    begun(connection, slow(120_000))
    connection.half_close()
    answer = connection.read()
    assert answer.status < 200
    connection.socket.close()
    until(
        lambda: failures(http_port, "delay") == before + 1, "the abandoned inference is cancelled"
    )


def test_many_disconnects_leave_a_working_server(http_port: int) -> None:
    before = settled_failures(http_port, "delay")
    connections = [RawHttp(http_port) for _ in range(40)]
    for connection in connections:
        connection.send(slow())
    with RawHttp(http_port) as other:
        for connection in connections:
            connection.reset()
            assert other.roundtrip(request("GET", "/v2/health/ready")).status == 200
        until(
            lambda: failures(http_port, "delay") >= before + 1, "abandoned inferences are cancelled"
        )
        assert other.roundtrip(slow(1)).status == 200


def test_a_disconnect_within_the_body(http_port: int) -> None:
    data = slow(0)
    for cut in range(1, len(data), 11):
        with RawHttp(http_port) as connection:
            connection.send(data[:cut])
            connection.reset()
    assert call(http_port, "GET", "/v2/health/live").status == 200


def test_a_disconnect_while_a_large_answer_is_sent(http_port: int) -> None:
    blob = bytes(32 << 20)
    head = request(
        "POST", "/v2/models/identity_uint8/infer", blob, [("Inference-Header-Content-Length", "0")]
    )
    for _ in range(3):
        connection = RawHttp(http_port)
        connection.send(head)
        assert connection.socket.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
        connection.reset()
    assert call(http_port, "GET", "/v2/health/live").status == 200


def test_a_reader_that_pauses_gets_everything(http_port: int) -> None:
    blob = bytes(range(256)) * (64 << 10)
    head = request(
        "POST", "/v2/models/identity_uint8/infer", blob, [("Inference-Header-Content-Length", "0")]
    )
    with RawHttp(http_port) as connection:
        connection.send(head)
        # The answer does not fit into the buffers of the sockets; others are served meanwhile.
        assert call(http_port, "GET", "/v2/health/live").status == 200
        assert connection.read().body.endswith(blob)
        assert connection.roundtrip(request("GET", "/v2/health/live")).status == 200
