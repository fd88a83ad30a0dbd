"""The limits that protect a frontend from its clients: connections, times, sizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from rawhttp import HOST, RawHttp, call, chunked, request
from waiting import until

from tritonfrontend import KServeHttp

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LIVE = "/v2/health/live"
INFER = "/v2/models/identity_fp32/infer"


@contextmanager
def frontend(server: Server, **options: Any) -> Iterator[KServeHttp]:
    with KServeHttp(server, KServeHttp.Options(address=HOST, port=0, **options)) as made:
        yield made


def test_a_client_above_the_cap_is_told(wide_server: Server) -> None:
    with frontend(wide_server, max_connections=1) as http, RawHttp(http.port) as first:
        assert first.roundtrip(request("GET", LIVE)).status == 200
        with RawHttp(http.port) as second:
            answer = second.roundtrip(request("POST", INFER, b"{}"))
            assert answer.status == 429
            assert answer.header("retry-after") == "1"
            assert answer.header("connection") == "close"
            assert "max_connections" in answer.error()
            assert second.at_end()
        assert first.roundtrip(request("GET", LIVE)).status == 200
        assert http.statistics()["refused_total"] == 1
        first.socket.close()
        until(lambda: http.statistics()["connections"] == 0, "the connections are gone")
        assert call(http.port, "GET", LIVE).status == 200


def test_slow_heads_and_bodies_are_refused(wide_server: Server) -> None:
    with frontend(wide_server, header_timeout_ms=50, body_timeout_ms=50) as http:
        with RawHttp(http.port) as connection:
            connection.send(b"GET /v2 HTTP/1.1\r\nHost:")
            assert connection.read().status == 408
            assert connection.at_end()
        with RawHttp(http.port) as connection:
            head = request("POST", INFER, headers=[("Content-Length", "100")])
            connection.send(head + b"{")
            assert connection.read().status == 408
            assert connection.at_end()


def test_idle_connections_are_closed(wide_server: Server) -> None:
    with frontend(wide_server, idle_timeout_ms=50) as http:
        with RawHttp(http.port) as silent:
            assert silent.at_end()
        with RawHttp(http.port) as connection:
            assert connection.roundtrip(request("GET", LIVE)).status == 200
            assert connection.at_end()


def test_sizes_are_options(wide_server: Server) -> None:
    options = {"max_request_line": 100, "max_header_size": 400, "max_body_size": 1000}
    with frontend(wide_server, **options) as http:
        assert call(http.port, "GET", "/" + "x" * 100).status == 414
        assert call(http.port, "GET", LIVE, None, ("X", "x" * 400)).status == 431
        assert call(http.port, "POST", INFER, b"x" * 1001).status == 413


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /v2/health/live HTTP/1.1\r\nExpect: more\r\n\r\n", 417),
        (b"GET /v2 HTTP/1.1\nHost: x\n\n", 400),
        (b"GET /v2 HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"POST /v2 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /v2 HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /v2 HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST /v2 HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    ],
)
def test_malformed_requests_are_answered(http_port: int, data: bytes, status: int) -> None:
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(data)
        assert answer.status == status
        assert answer.error()
        assert connection.at_end()


def test_empty_lines_before_a_request_are_skipped(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        assert connection.roundtrip(b"\r\n\r\n" + request("GET", LIVE)).status == 200


def test_the_number_of_chunks_is_limited(http_port: int) -> None:
    head = request("POST", INFER, headers=[("Transfer-Encoding", "chunked")])
    with RawHttp(http_port) as connection:
        connection.send(head + chunked([b" "] * 65537))
        answer = connection.read()
    assert answer.status == 400
    assert answer.error() == (
        "Chunked request body exceeds maximum of 65536 non-empty chunks. "
        "Send fewer or larger HTTP chunks."
    )
    body = b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1],"data":[1]}]}'
    pieces = [bytes([byte]) for byte in body.ljust(65536)]
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(head + chunked(pieces, extension=";a=b"))
        assert answer.status == 200, answer.body
        assert connection.roundtrip(request("GET", LIVE)).status == 200
