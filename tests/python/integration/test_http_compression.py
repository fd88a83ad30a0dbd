"""HTTP: compressed requests and answers of infer."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import numpy as np
import pytest
import tritonclient.http as httpclient
import tritonclient.http.aio as aioclient
from rawhttp import RawHttp, Response, call, chunked

PATH = "/v2/models/identity_fp32/infer"
LIMIT = 64 << 20


def infer_body(values: list[float]) -> bytes:
    tensor = {"name": "INPUT0", "datatype": "FP32", "shape": [len(values)], "data": values}
    return json.dumps({"inputs": [tensor]}).encode()


def raw_deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(data) + coder.flush()


def infer(port: int, body: bytes, *headers: tuple[str, str]) -> Response:
    return call(port, "POST", PATH, body, *headers)


CODED = [
    ("gzip", gzip.compress),
    ("GZip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("gzip", zlib.compress),
    ("deflate", gzip.compress),
    ("identity", bytes),
    ("", bytes),
    ("deflate, gzip", lambda data: gzip.compress(zlib.compress(data))),
    ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
]


@pytest.mark.parametrize(("coding", "coder"), CODED)
def test_requests(http_port: int, coding: str, coder: Any) -> None:
    body = coder(infer_body([1, 2, 3]))
    answer = infer(http_port, body, ("Content-Encoding", coding))
    assert answer.status == 200, answer.body
    assert answer.json()["outputs"][0]["data"] == [1.0, 2.0, 3.0]


def test_chunked_and_compressed(http_port: int) -> None:
    body = gzip.compress(infer_body([1] * 1000))
    pieces = [body[index : index + 7] for index in range(0, len(body), 7)]
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    with RawHttp(http_port) as connection:
        connection.send(head.encode() + chunked(pieces))
        assert connection.read().json()["outputs"][0]["data"] == [1.0] * 1000


@pytest.mark.parametrize("coding", ["br", "gzip, br", "zstd", "gzip,gzip,gzip,gzip"])
def test_unknown_codings(http_port: int, coding: str) -> None:
    answer = infer(http_port, b"{}", ("Content-Encoding", coding))
    assert (answer.status, answer.error()) == (501, "Unsupported compression type")
    assert answer.header("accept-encoding") == "gzip, deflate"


WHOLE = gzip.compress(infer_body([1]))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "nothing to be decompressed"),
        (infer_body([1]), "incorrect header check"),
        (WHOLE[:-1], "the data ends too early"),
        (WHOLE[:20], "the data ends too early"),
        (WHOLE + b"garbage", "incorrect header check"),
        (WHOLE[:-8] + b"\0\0\0\0" + WHOLE[-4:], "incorrect data check"),
    ],
)
def test_what_is_not_what_it_says(http_port: int, body: bytes, problem: str) -> None:
    answer = infer(
        http_port, body, ("Content-Encoding", "gzip"), ("Inference-Header-Content-Length", "0")
    )
    assert (answer.status, answer.error()) == (
        400,
        f"request body is not valid for Content-Encoding 'gzip': {problem}",
    )


def test_a_bomb_is_refused(http_port: int) -> None:
    bomb = gzip.compress(b" " * (LIMIT + 1), 9)
    for times in (1, 2):
        coding = ", ".join(["gzip"] * times)
        answer = infer(http_port, bomb, ("Content-Encoding", coding))
        assert (answer.status, answer.error()) == (
            400,
            f"Decompressed data size exceeds the maximum allowed value of {LIMIT} bytes. "
            "Use --http-max-input-size to increase the limit.",
        )
        bomb = gzip.compress(bomb, 9)
    assert call(http_port, "GET", "/v2/health/live").status == 200


def test_header_length_counts_plain_bytes(http_port: int) -> None:
    values = np.arange(1000, dtype=np.float32)
    tensor = {
        "name": "INPUT0",
        "datatype": "FP32",
        "shape": [1000],
        "parameters": {"binary_data_size": 4000},
    }
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    length = ("Inference-Header-Content-Length", str(len(head)))
    body = gzip.compress(head + values.tobytes())
    answer = infer(
        http_port, body, length, ("Content-Encoding", "gzip"), ("Accept-Encoding", "gzip")
    )
    assert answer.status == 200, answer.body
    assert answer.header("content-encoding") == "gzip"
    plain = gzip.decompress(answer.body)
    json_size = int(answer.header("inference-header-content-length") or "-1")
    assert json.loads(plain[:json_size])["outputs"][0]["shape"] == [1000]
    assert plain[json_size:] == values.tobytes()
    short = infer(http_port, gzip.compress(head[:10]), length, ("Content-Encoding", "gzip"))
    assert (short.status, short.error()) == (
        400,
        f"inference header size should be in range (0, 10), got: {len(head)}",
    )


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("GZIP ; q=0.5 , deflate;q=0.2", "gzip"),
        ("gzip;q=0.5, deflate;q=0.8", "deflate"),
        ("identity;q=0, *", "gzip"),
        ("x-gzip", "gzip"),
        ("identity, gzip", None),
        ("gzip;q=0", None),
        ("br", None),
        ("*", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("count", [500, 50_000])
def test_answers(http_port: int, accepted: str, coding: str | None, count: int) -> None:
    answer = infer(http_port, infer_body([1] * count), ("Accept-Encoding", accepted))
    assert answer.status == 200
    assert answer.header("content-encoding") == coding
    assert answer.header("vary") == "Accept-Encoding"
    decode: Any = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}[coding]
    assert json.loads(decode(answer.body))["outputs"][0]["data"] == [1.0] * count


def test_small_answers_and_errors_stay_plain(http_port: int) -> None:
    small = infer(http_port, infer_body([1]), ("Accept-Encoding", "gzip"))
    assert small.header("content-encoding") is None
    assert small.json()["outputs"][0]["data"] == [1.0]
    text = json.dumps({"inputs": [{"name": "x" * 5000, "datatype": "FP32", "data": [1]}]})
    error = infer(http_port, text.encode(), ("Accept-Encoding", "gzip"))
    assert error.status != 200
    assert error.header("content-encoding") is None
    plain = infer(http_port, infer_body([1] * 500))
    assert plain.header("content-encoding") is None
    assert plain.header("vary") is None


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [False, True])
def test_tritonclient(
    http_client: httpclient.InferenceServerClient, algorithm: str, binary: bool
) -> None:
    values = np.linspace(0, 1, 3000, dtype=np.float32)
    tensor = httpclient.InferInput("INPUT0", [3000], "FP32")
    tensor.set_data_from_numpy(values, binary_data=binary)
    output = httpclient.InferRequestedOutput("OUTPUT0", binary_data=binary)
    result = http_client.infer(
        "identity_fp32",
        [tensor],
        outputs=[output],
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), values)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_tritonclient_aio(http_port: int, algorithm: str) -> None:
    values = np.linspace(0, 1, 3000, dtype=np.float32)

    async def run() -> Any:
        async with aioclient.InferenceServerClient(f"127.0.0.1:{http_port}") as client:
            tensor = aioclient.InferInput("INPUT0", [3000], "FP32")
            tensor.set_data_from_numpy(values)
            result = await client.infer(
                "identity_fp32",
                [tensor],
                request_compression_algorithm=algorithm,
                response_compression_algorithm=algorithm,
            )
            return result.as_numpy("OUTPUT0")

    np.testing.assert_array_equal(asyncio.run(run()), values)
