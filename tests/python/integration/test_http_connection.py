"""HTTP/1.1 connections: keep-alive, pipelining, chunked bodies, 100-continue, odd segmentation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rawhttp import RawHttp, Response, chunked, request

LIVE = "/v2/health/live"
INFER = "/v2/models/identity_int32/infer"
CHUNKED = [("Transfer-Encoding", "chunked")]


def body(*values: int, name: str = "") -> bytes:
    tensor = {"name": "INPUT0", "datatype": "INT32", "shape": [len(values)], "data": values}
    return json.dumps({"id": name, "inputs": [tensor]}).encode()


def values(answer: Response) -> Any:
    assert answer.status == 200, answer.body
    return answer.json()["outputs"][0]["data"]


def test_keep_alive_is_the_default(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        for number in range(20):
            assert values(connection.roundtrip(request("POST", INFER, body(number)))) == [number]
            assert connection.roundtrip(request("GET", LIVE)).status == 200
            assert connection.roundtrip(request("GET", "/nowhere")).status == 404


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close", "close, TE"])
@pytest.mark.parametrize(("method", "path"), [("GET", LIVE), ("POST", INFER), ("GET", "/nowhere")])
def test_close_is_honoured(http_port: int, method: str, path: str, value: str) -> None:
    with RawHttp(http_port) as connection:
        data = body(1) if method == "POST" else None
        answer = connection.roundtrip(request(method, path, data, [("Connection", value)]))
        assert answer.header("connection") == "close"
        assert connection.at_end()


def test_pipelined_synchronous_requests(http_port: int) -> None:
    paths = [LIVE, "/v2", "/nowhere", "/v2/models/identity_fp32/config", LIVE, "/v2/health/ready"]
    with RawHttp(http_port) as connection:
        connection.send(b"".join(request("GET", path) for path in paths))
        assert [connection.read().status for _ in paths] == [200, 200, 404, 200, 200, 200]


def test_pipelined_inferences_are_answered_in_order(http_port: int) -> None:
    slow = {
        "parameters": {"delay_ms": 50},
        "id": "slow",
        "inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [0]}],
    }
    with RawHttp(http_port) as connection:
        connection.send(
            request("POST", "/v2/models/delay/infer", json.dumps(slow).encode())
            + request("POST", INFER, body(1, name="a"))
            + request("GET", LIVE)
            + request("POST", INFER, b"broken")
            + request("POST", INFER, None, CHUNKED)
            + chunked([body(2, name="b")])
            + request("GET", "/v2", None, [("Connection", "close")])
        )
        assert connection.read().json()["id"] == "slow"
        assert connection.read().json()["id"] == "a"
        assert connection.read().body == b""
        assert connection.read().status == 500
        assert connection.read().json()["id"] == "b"
        assert "extensions" in connection.read().json()
        assert connection.at_end()


def test_a_thousand_pipelined_requests(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        connection.send(b"".join(request("POST", INFER, body(n)) for n in range(1000)))
        assert [values(connection.read())[0] for _ in range(1000)] == list(range(1000))


CHUNKINGS = [
    ([body(1, 2, 3)], "", ""),
    ([body(1, 2, 3)[:7], body(1, 2, 3)[7:]], "", ""),
    ([bytes([b]) for b in body(1, 2, 3)], "", ""),
    ([body(1, 2, 3)], ";name=value", ""),
    ([body(1, 2, 3)], ';a;b="quoted; text"', ""),
    ([body(1, 2, 3)], " ; spaced", ""),
    ([body(1, 2, 3)], "", "X-Trailer: value\r\nContent-Length: 5\r\n"),
]


@pytest.mark.parametrize(("pieces", "extension", "trailers"), CHUNKINGS)
def test_chunked_bodies(http_port: int, pieces: list[bytes], extension: str, trailers: str) -> None:
    with RawHttp(http_port) as connection:
        for coding in ("chunked", "Chunked", "CHUNKED"):
            head = request("POST", INFER, None, [("Transfer-Encoding", coding)])
            answer = connection.roundtrip(head + chunked(pieces, extension, trailers))
            assert values(answer) == [1, 2, 3]


def test_chunk_sizes_with_leading_zeros_and_letters(http_port: int) -> None:
    data = body(*range(30))
    coded = b"000%X\r\n%s\r\n0000\r\n\r\n" % (len(data), data)
    with RawHttp(http_port) as connection:
        assert values(connection.roundtrip(request("POST", INFER, None, CHUNKED) + coded)) == list(
            range(30)
        )


def test_the_number_of_chunks_is_limited(http_port: int) -> None:
    path, text = "/v2/models/identity_uint8/infer", "Chunked request body exceeds maximum of 65536"
    head = request("POST", path, None, [*CHUNKED, ("Inference-Header-Content-Length", "0")])
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(head + b"1\r\nx\r\n" * 65536 + b"0\r\n\r\n")
        assert answer.status == 200
        assert answer.body.endswith(b"x" * 65536)
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(head + b"1\r\nx\r\n" * 65537)
        assert answer.status == 400
        assert answer.error().startswith(text)


def test_expect_continue(http_port: int) -> None:
    data = body(4)
    with RawHttp(http_port) as connection:
        for _ in range(2):
            head = request("POST", INFER, data, [("Expect", "100-continue")])
            connection.send(head[: -len(data)])
            interim = connection.read()
            assert (interim.status, interim.reason, interim.headers) == (100, "Continue", [])
            assert values(connection.roundtrip(data)) == [4]


def test_expect_continue_with_the_body_already_there(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(request("POST", INFER, body(4), [("Expect", "100-continue")]))
        if answer.status == 100:
            answer = connection.read()
        assert values(answer) == [4]


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", 404), ("/v2/models/nope/infer", 404), (LIVE, 405)]
)
def test_expect_continue_of_what_is_refused(http_port: int, path: str, status: int) -> None:
    head = request("POST", path, None, [("Expect", "100-continue"), ("Content-Length", "10")])
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(head)
        if answer.status == 100:
            answer = connection.roundtrip(b"0123456789")
        assert answer.status == status


def test_http_1_0_closes(http_port: int) -> None:
    for path in (LIVE, "/v2"):
        with RawHttp(http_port) as connection:
            answer = connection.roundtrip(request("GET", path, version="HTTP/1.0"))
            assert answer.status == 200
            assert connection.at_end()


def test_http_1_0_keep_alive(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        for _ in range(2):
            data = request("POST", INFER, body(1), [("Connection", "keep-alive")], "HTTP/1.0")
            answer = connection.roundtrip(data)
            assert values(answer) == [1]
            assert (answer.header("connection") or "").lower() == "keep-alive"


def test_http_1_0_is_never_chunked(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        answer = connection.roundtrip(request("POST", INFER, body(1), version="HTTP/1.0"))
        assert values(answer) == [1]
        assert answer.header("transfer-encoding") is None


def test_a_missing_host_is_accepted(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        assert connection.roundtrip(b"GET /v2/health/live HTTP/1.1\r\n\r\n").status == 200


def test_empty_lines_before_a_request_are_skipped(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        for _ in range(3):
            assert connection.roundtrip(b"\r\n" + request("GET", LIVE)).status == 200


def test_header_names_in_any_case_and_values_with_blanks(http_port: int) -> None:
    data = body(5)
    head = b"POST %s HTTP/1.1\r\ncOnTeNt-LeNgTh:\t %d \t\r\nhost:x\r\n\r\n" % (
        INFER.encode(),
        len(data),
    )
    with RawHttp(http_port) as connection:
        assert values(connection.roundtrip(head + data)) == [5]


def test_a_post_without_length_has_no_body(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        for _ in range(2):
            assert connection.roundtrip(request("POST", "/v2/repository/index")).status == 200


def test_a_get_with_a_body(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        for _ in range(2):
            assert connection.roundtrip(request("GET", LIVE, b"unexpected")).status == 200


STREAM = (
    request("GET", LIVE)
    + request("POST", INFER, body(1, 2), [("Expect", "100-continue")])
    + request("POST", INFER, None, CHUNKED)
    + chunked([body(3)[:9], body(3)[9:]], ";ext", "X-T: 1\r\n")
    + request("HEAD", "/nowhere")
    + request("POST", INFER, body(4), [("Connection", "close")])
)


def read_stream(connection: RawHttp) -> list[Any]:
    def final() -> Response:
        answer = connection.read()
        return connection.read() if answer.status == 100 else answer

    out = [
        final().status,
        values(final()),
        values(final()),
        connection.read(head_only=True).status,
        values(final()),
    ]
    assert connection.at_end()
    return out


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_pieces_of_any_size(http_port: int, size: int) -> None:
    with RawHttp(http_port) as connection:
        for at in range(0, len(STREAM), size):
            connection.send(STREAM[at : at + size])
        assert read_stream(connection) == [200, [1, 2], [3], 404, [4]]


def test_every_split_in_two(http_port: int) -> None:
    for at in range(1, len(STREAM), 5):
        with RawHttp(http_port) as connection:
            connection.send(STREAM[:at])
            connection.send(STREAM[at:])
            assert read_stream(connection) == [200, [1, 2], [3], 404, [4]]


def test_a_client_that_half_closes_gets_its_answer(http_port: int) -> None:
    with RawHttp(http_port) as connection:
        connection.send(request("POST", INFER, body(6)))
        connection.half_close()
        answer = connection.read()
        while answer.status < 200:  # an interim response tells a half-close from a full one
            answer = connection.read()
        assert values(answer) == [6]
        assert connection.at_end()
