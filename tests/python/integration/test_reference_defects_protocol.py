"""Where the reference server breaks HTTP or can be worn down: one test per defect."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import socket
import zlib
from pathlib import Path
from typing import Any

import pytest
from post import INFER, body, post
from rawhttp import RawHttp, call, chunked, request
from streams import descriptors
from waiting import begun, failures, settled_failures, until

from tritonfrontend import InvalidArgumentError, KServeHttp, UnavailableError

GZIP = ("Content-Encoding", "gzip")


def test_names_are_not_decoded(http_port: int) -> None:
    assert call(http_port, "GET", "/v2/models/identity%5Ffp32/ready").status == 200


def test_head_is_refused_and_sends_a_body(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        connection.send(request("HEAD", "/v2"))
        answer = connection.read(head_only=True)
        assert answer.status == 200
        assert connection.roundtrip(request("GET", "/v2/health/live")).status == 200


def test_allow_and_date_are_missing(http_port: int) -> None:
    answer = call(http_port, "DELETE", "/v2")
    assert answer.status == 405
    assert answer.header("Allow") == "GET, HEAD"
    assert answer.header("Date") is not None
    assert answer.header("Content-Type") == "application/json"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET /v2 HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"GET /" + b"a" * 10000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /v2 HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
        (b"GET /v2 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    ],
)
def test_malformed_requests_get_no_answer(http_port: int, data: bytes, status: int) -> None:
    with RawHttp(http_port) as connection:
        assert connection.roundtrip(data).status == status


def test_chunk_extensions_close_the_connection(http_port: int) -> None:
    text = json.dumps(body()).encode()
    head = request("POST", INFER, headers=[("Transfer-Encoding", "chunked")])
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(head + chunked([text], extension=";name=value"))
        assert answer.status == 200


def test_a_leading_empty_line_hangs(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        assert connection.roundtrip(b"\r\n" + request("GET", "/v2")).status == 200


def test_pipelined_requests_stall(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        connection.send(request("GET", "/v2") * 3)
        assert [connection.read().status for _ in range(3)] == [200, 200, 200]


def test_a_request_behind_a_stream_kills_it(http_port: int) -> None:
    value = json.dumps({"INPUT0": 1.0, "responses": 3}).encode()
    with RawHttp(http_port) as connection:
        connection.send(request("POST", "/v2/models/repeat/generate_stream", value))
        connection.send(request("GET", "/v2"))
        assert connection.read().body.count(b"data: ") == 3
        assert connection.read().status == 200


def test_chunks_are_sent_to_http_1_0(http_port: int) -> None:
    value = json.dumps({"INPUT0": 1.0, "responses": 2}).encode()
    with RawHttp(http_port) as connection:
        data = request("POST", "/v2/models/repeat/generate_stream", value, version="HTTP/1.0")
        answer = connection.roundtrip(data)
        assert answer.header("Transfer-Encoding") is None
        assert answer.body.startswith(b"data: {")
        assert answer.body.endswith(b"}\n\n")


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "3"), ("Content-Length", "5")],
        [("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
    ],
    ids=["two lengths", "length and chunks"],
)
def test_requests_can_be_smuggled(http_port: int, headers: list[tuple[str, str]]) -> None:
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(request("POST", INFER, headers=headers) + b"0\r\n\r\n")
        assert answer.status == 400
        assert connection.at_end()


def test_bodies_are_read_before_they_are_refused(open_http: Any) -> None:
    port = open_http(max_input_size=1000, max_body_size=5000)
    with RawHttp(port) as connection:
        # Nothing of the body is sent.
        connection.send(request("POST", INFER, headers=[("Content-Length", "1001")]))
        answer = connection.read()
        assert answer.status == 400
        assert "1001 bytes exceeds" in answer.error()
    binary = [("Inference-Header-Content-Length", "10"), ("Content-Length", "6000")]
    with RawHttp(port) as connection:
        connection.send(request("POST", INFER, headers=binary))
        assert connection.read().status == 413


def test_nothing_times_out(open_http: Any) -> None:
    port = open_http(header_timeout_ms=200, body_timeout_ms=200, idle_timeout_ms=200)
    with RawHttp(port) as connection:
        connection.send(b"GET /v2 HT")
        assert connection.read().status == 408
    with RawHttp(port) as connection:
        connection.send(request("POST", INFER, headers=[("Content-Length", "10")]) + b"{")
        assert connection.read().status == 408
    with RawHttp(port) as connection:
        assert connection.at_end()


def test_connections_have_no_cap(open_http: Any) -> None:
    port = open_http(max_connections=1)
    with RawHttp(port) as first:
        assert first.roundtrip(request("GET", "/v2")).status == 200
        answer = call(port, "GET", "/v2")
        assert answer.status == 429
        assert answer.header("Retry-After") == "1"
        assert first.roundtrip(request("GET", "/v2")).status == 200


@pytest.mark.parametrize("endpoint", ["infer", "generate", "generate_stream"])
def test_a_client_that_leaves_early_is_not_noticed(http_port: int, endpoint: str) -> None:
    before = settled_failures(http_port, "delay")
    value = body(parameters={"delay_ms": 600_000})
    if endpoint != "infer":
        value = {"INPUT0": 1.0, "delay_ms": 600_000}
    with RawHttp(http_port) as connection:
        text = json.dumps(value).encode()
        begun(connection, request("POST", f"/v2/models/delay/{endpoint}", text))
    until(lambda: failures(http_port, "delay") == before + 1, "the inference is cancelled")


def test_sockets_are_inherited_by_programs(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        assert connection.roundtrip(request("GET", "/v2")).status == 200
        theirs = 0
        for name in os.listdir("/proc/self/fd"):
            try:
                other = socket.socket(fileno=os.dup(int(name)))
            except OSError:
                continue
            with other:
                if other.family == socket.AF_INET and other.getsockname()[1] == http_port:
                    theirs += 1
                    flags = fcntl.fcntl(int(name), fcntl.F_GETFD)
                    assert flags & fcntl.FD_CLOEXEC
        assert theirs >= 2, "the listener and this connection"


def test_an_idle_connection_delays_the_end(wide_server: Any) -> None:
    frontend = KServeHttp(wide_server, KServeHttp.Options(address="127.0.0.1", port=0))
    frontend.start()
    with RawHttp(frontend.port) as idle:
        assert idle.roundtrip(request("GET", "/v2")).status == 200
        assert frontend.drain(20.0)
        assert idle.at_end()
    frontend.stop()


def test_a_refused_region_leaks_a_descriptor(open_http: Any) -> None:
    port = open_http(allow_client_shm=True)
    path = Path("/dev/shm/tfe_defect_region")
    path.write_bytes(b"\0" * 64)
    try:
        value = {"key": f"/{path.name}", "byte_size": 65}
        register = "/v2/systemsharedmemory/region/defect/register"
        post(port, register, value)
        before = descriptors()
        for _ in range(20):
            assert post(port, register, value).status == 400
        overflow = {"key": f"/{path.name}", "offset": 2**64 - 1, "byte_size": 2}
        assert post(port, register, overflow).status == 400
        until(lambda: descriptors() <= before, "every descriptor is closed")
        unaligned = {"key": f"/{path.name}", "offset": 3, "byte_size": 8}
        assert post(port, register, unaligned).status == 200
        assert call(port, "POST", "/v2/systemsharedmemory/region/defect/unregister").status == 200
    finally:
        path.unlink()


def test_a_bad_forwarding_pattern_is_not_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        KServeHttp.Options(header_forward_pattern="(")


def test_reserved_headers_slip_through_in_another_case(open_http: Any) -> None:
    port = open_http(header_forward_pattern=".*iority")
    answer = post(port, INFER, body(), ("Priority", "5"))
    assert answer.status == 400
    assert "reserved for Triton usage" in answer.error()


def test_generate_forwards_no_headers(open_http: Any) -> None:
    port = open_http(header_forward_pattern="^x-")
    value = {"INPUT0": 1.0}
    answer = post(port, "/v2/models/identity_echo/generate", value, ("x-who", "me"))
    assert answer.status == 200
    assert "me" in json.dumps(answer.json())


def test_any_path_on_the_metrics_port_answers_200(metrics_port: int) -> None:
    assert call(metrics_port, "GET", "/metrics").status == 200
    assert call(metrics_port, "GET", "/other").status == 404
    assert call(metrics_port, "POST", "/metrics", b"").status == 405


def test_an_ipv6_address_binds_somewhere_else(wide_server: Any) -> None:
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    frontend = KServeHttp(wide_server, KServeHttp.Options(address="::1", port=0))
    with frontend, socket.create_connection(("::1", frontend.port), 20) as client:
        client.sendall(request("GET", "/v2/health/live"))
        assert client.recv(15) == b"HTTP/1.1 200 OK"


def test_every_bind_error_says_in_use(wide_server: Any) -> None:
    options = KServeHttp.Options(address="192.0.2.1", port=0)
    with pytest.raises((UnavailableError, InvalidArgumentError)) as caught:
        KServeHttp(wide_server, options).start()
    assert "already in use" not in str(caught.value)
    assert "192.0.2.1" in str(caught.value)


def test_generate_takes_no_compressed_body(http_port: int) -> None:
    text = gzip.compress(json.dumps({"INPUT0": 1.0}).encode())
    answer = call(http_port, "POST", "/v2/models/identity_fp32/generate", text, GZIP)
    assert answer.status == 200
    assert answer.json()["OUTPUT0"] == 1.0


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("identity;q=0, *", "gzip"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip ; q=0.2 , deflate ; q=0.9", "deflate"),
        ("gzip;q=0", None),
        ("identity", None),
    ],
)
def test_accept_encoding_is_misread(http_port: int, accepted: str, coding: str | None) -> None:
    value = body([1.0] * 2000)
    answer = post(http_port, INFER, value, ("Accept-Encoding", accepted))
    assert answer.status == 200
    assert answer.header("Content-Encoding") == coding
    plain = answer.body
    if coding == "gzip":
        plain = gzip.decompress(plain)
    elif coding == "deflate":
        plain = zlib.decompress(plain)
    assert json.loads(plain)["outputs"][0]["data"] == [1.0] * 2000
