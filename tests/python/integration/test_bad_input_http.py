"""Bad input on the HTTP port: malformed and ambiguous requests get a clear answer, then the end."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from rawhttp import RawHttp, chunked, request

LIVE = "/v2/health/live"
GET = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v2/models/identity_int32/infer HTTP/1.1\r\nHost: x\r\n"
BODY = json.dumps(
    {"inputs": [{"name": "INPUT0", "datatype": "INT32", "shape": [1], "data": [1]}]}
).encode()

# What a request may be answered; after each of these the connection must end.
MALFORMED = [
    (b"\0\1\2\3\4\5\r\n\r\n", {400}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40 + b"\r\n\r\n", {400}),  # TLS
    (b"GET\r\n\r\n", {400}),
    (b"GET /v2\r\n\r\n", {400, 505}),
    (b"GET  /v2 HTTP/1.1\r\n\r\n", {400}),
    (b"GET /v2 with spaces HTTP/1.1\r\n\r\n", {400}),
    (b"GET v2 HTTP/1.1\r\n\r\n", {400}),
    (b"GET /v2 HTTP/1.1 \r\n\r\n", {400}),
    (b"GET /v2 HTTP\r\n\r\n", {400}),
    (b"GET /v2 HTTP/1.x\r\n\r\n", {400}),
    (b"GET /v2 HTTP/11\r\n\r\n", {400}),
    (b"GET /v2 http/1.1\r\n\r\n", {400}),
    (b"GET /v2 HTTP/2.0\r\n\r\n", {505}),
    (b"GET /v2 HTTP/3.0\r\n\r\n", {505}),
    (b"GET /v2 HTTP/0.9\r\n\r\n", {505}),
    (b"G(T /v2 HTTP/1.1\r\n\r\n", {400}),
    (b"GET /v2\0 HTTP/1.1\r\n\r\n", {400}),
    (b"GET /v2\x7f HTTP/1.1\r\n\r\n", {400}),
    (b"CONNECT host:80 HTTP/1.1\r\n\r\n", {400, 405, 501}),
    (GET + b"no colon\r\n\r\n", {400}),
    (GET + b": no name\r\n\r\n", {400}),
    (GET + b"Sp ace: x\r\n\r\n", {400}),
    (GET + b"Blank : x\r\n\r\n", {400}),
    (GET + b"A: b\r\n folded\r\n\r\n", {400}),
    (GET + b"A: zero\0zero\r\n\r\n", {400}),
    (GET + b"A: bare\rreturn\r\n\r\n", {400}),
    (GET + b"Host: y\r\n\r\n", {400}),
    (GET + b"A: x\n\n", {400}),
    (POST + b"Content-Length: -1\r\n\r\n", {400}),
    (POST + b"Content-Length: +5\r\n\r\n12345", {400}),
    (POST + b"Content-Length: abc\r\n\r\n", {400}),
    (POST + b"Content-Length: 5x\r\n\r\n12345", {400}),
    (POST + b"Content-Length: 0x5\r\n\r\n12345", {400}),
    (POST + b"Content-Length: 5 5\r\n\r\n12345", {400}),
    (POST + b"Content-Length: 5,6\r\n\r\n12345", {400}),
    (POST + b"Content-Length: \r\n\r\n", {400}),
    (POST + b"Content-Length: 99999999999999999999999999\r\n\r\n", {400, 413}),
    (POST + b"Content-Length: 1000000000000\r\n\r\n", {400, 413}),
    (POST + b"Transfer-Encoding: gzip\r\n\r\n", {400, 501}),
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", {400, 501}),
    (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", {400, 501}),
    (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {400, 501}),
    (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", {400, 501}),
    (POST + b"Transfer-Encoding:\r\n\r\n", {400, 501}),
    (POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n", {400}),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", {400}),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\n12345\r\n0\r\n\r\n", {400}),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n\r\n", {400}),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n123456\r\n0\r\n\r\n", {400}),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n5\n12345\n0\n\n", {400}),
    (POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", {400, 413}),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n", {400}),
]


@pytest.mark.parametrize(("data", "statuses"), MALFORMED)
def test_malformed_requests(http_port: int, data: bytes, statuses: set[int]) -> None:
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(data)
        assert answer.status in statuses
        assert answer.error()
        assert answer.header("connection") == "close"
        connection.half_close()
        assert connection.at_end()


@pytest.mark.parametrize("data", [item[0] for item in MALFORMED])
def test_malformed_requests_after_a_good_one(http_port: int, data: bytes) -> None:
    with RawHttp(http_port) as connection:
        connection.send(request("GET", LIVE) + data)
        assert connection.read().status == 200
        assert connection.read().status >= 400


SMUGGLING = [
    POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    POST + b"Content-Length: 44\r\nContent-Length: 0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    POST + b" Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("data", SMUGGLING)
def test_ambiguous_framing_is_refused(http_port: int, data: bytes) -> None:
    hidden = request("GET", "/v2/models/hidden")
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(data + hidden)
        assert answer.status == 400
        assert answer.error()
        connection.half_close()
        assert connection.at_end()  # above all no answer to the request behind it


def test_equal_lengths_are_one_length_or_refused(http_port: int) -> None:
    size = b"Content-Length: %d\r\n" % len(BODY)
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(POST + size + size + b"\r\n" + BODY)
        if answer.status == 200:
            assert answer.json()["outputs"][0]["data"] == [1]
            assert connection.roundtrip(request("GET", LIVE)).status == 200
        else:
            assert answer.status == 400


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /" + b"x" * 100_000, 414),
        (GET + b"X: " + b"y" * 200_000 + b"\r\n\r\n", 431),
        (GET + b"X: " + b"y" * 200_000, 431),
        (GET + b"X" * 200_000 + b": y\r\n\r\n", 431),
        (GET + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\n", 431),
    ],
    ids=["target", "endless target", "value", "endless value", "name", "count"],
)
def test_heads_that_are_too_large(http_port: int, data: bytes, status: int) -> None:
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(data)
        assert answer.status == status
        assert answer.error()


def test_a_method_without_end(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        assert connection.roundtrip(b"G" * 100_000).status in (400, 414)


def test_usual_heads_are_not_too_large(http_port: int) -> None:
    extra = [(f"X-Header-{n}", "v" * 100) for n in range(100)]
    with RawHttp(http_port) as connection:
        assert (
            connection.roundtrip(request("GET", LIVE + "?" + "q" * 4000, None, extra)).status == 200
        )


def test_an_oversized_json_body_is_refused(http_port: int) -> None:
    size = 67108864 + 1
    path = "/v2/models/identity_int32/infer"
    with RawHttp(http_port) as connection:
        connection.send(request("POST", path, None, [("Content-Length", str(size))]))
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
            connection.send(b" " * size)
        answer = connection.read()
        assert answer.status in (400, 413)
        assert "67108864" in answer.error()


@pytest.mark.parametrize("cut", ["head", "length", "chunk", "last chunk"])
def test_a_request_that_never_ends_is_not_executed(http_port: int, cut: str) -> None:
    coded = request(
        "POST", "/v2/models/identity_int32/infer", None, [("Transfer-Encoding", "chunked")]
    )
    data = {
        "head": POST[:-10],
        "length": POST + b"Content-Length: 1000\r\n\r\n" + BODY,
        "chunk": coded + b"500\r\n" + BODY,
        "last chunk": coded + chunked([BODY])[:-4],
    }[cut]
    with RawHttp(http_port) as connection:
        connection.send(data)
        connection.half_close()
        answer = connection.read()
        assert answer.status == 400
        assert answer.error()
        assert connection.at_end()


@pytest.mark.parametrize("size", [1, 3, 24, 200])
def test_an_http2_client_on_this_port(http_port: int, size: int) -> None:
    """HTTP/2 without TLS is either spoken (RFC 9113 section 3.3) or refused with an answer."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
    with RawHttp(http_port) as connection:
        for at in range(0, len(preface), size):
            connection.send(preface[at : at + size])
        connection.half_close()
        first = connection.socket.recv(9)
        assert first.startswith(b"HTTP/1.1 ") or first[3:5] == b"\4\0"
