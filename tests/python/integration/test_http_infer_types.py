"""HTTP inference: every datatype, JSON and binary, comes back as it was sent."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import tritonclient.http as httpclient
from numpy.typing import NDArray
from rawhttp import RawHttp, call
from samples import JSON_TYPES, SAMPLES, json_text, same


def infer(
    client: httpclient.InferenceServerClient,
    datatype: str,
    data: NDArray[Any],
    *,
    binary_in: bool,
    binary_out: bool,
    model: str | None = None,
) -> NDArray[Any]:
    tensor = httpclient.InferInput("INPUT0", list(data.shape), datatype)
    tensor.set_data_from_numpy(data, binary_data=binary_in)
    output = httpclient.InferRequestedOutput("OUTPUT0", binary_data=binary_out)
    result = client.infer(model or f"identity_{datatype.lower()}", [tensor], outputs=[output])
    assert result.get_output("OUTPUT0")["datatype"] == datatype
    value: NDArray[Any] = result.as_numpy("OUTPUT0")
    return value


@pytest.mark.parametrize("binary_out", [False, True])
@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("datatype", JSON_TYPES)
def test_round_trip(
    http_client: httpclient.InferenceServerClient, datatype: str, binary_in: bool, binary_out: bool
) -> None:
    data = SAMPLES[datatype]
    assert same(
        infer(http_client, datatype, data, binary_in=binary_in, binary_out=binary_out), data
    )


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_half_floats(http_port: int, datatype: str) -> None:
    # Sent by hand: the client library needs one more package for BF16.
    blob = bytes.fromhex("0000003c00bcff7b007c00fe")
    path = f"/v2/models/identity_{datatype.lower()}/infer"
    for binary in (True, False):
        head = json.dumps(
            {
                "inputs": [
                    {
                        "name": "INPUT0",
                        "datatype": datatype,
                        "shape": [6],
                        "parameters": {"binary_data_size": 12},
                    }
                ],
                "outputs": [{"name": "OUTPUT0", "parameters": {"binary_data": binary}}],
            }
        )
        answer = call(
            http_port,
            "POST",
            path,
            head.encode() + blob,
            ("Inference-Header-Content-Length", str(len(head))),
        )
        if binary:
            assert (answer.status, answer.body[-12:]) == (200, blob)
        else:
            assert answer.status == 200
            assert len(answer.json()["outputs"][0]["data"]) == 6


@pytest.mark.parametrize("binary_out", [False, True])
@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("datatype", JSON_TYPES)
def test_zero_size(
    http_client: httpclient.InferenceServerClient, datatype: str, binary_in: bool, binary_out: bool
) -> None:
    data = SAMPLES[datatype][:0]
    got = infer(http_client, datatype, data, binary_in=binary_in, binary_out=binary_out)
    assert got.shape == (0,)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (2, 3), (1000, 1)])
@pytest.mark.parametrize("binary", [False, True])
def test_two_dimensions(
    http_client: httpclient.InferenceServerClient, shape: tuple[int, int], binary: bool
) -> None:
    data = np.arange(math.prod(shape), dtype=np.float32).reshape(shape)
    got = infer(
        http_client, "FP32", data, binary_in=binary, binary_out=binary, model="identity_matrix"
    )
    assert same(got, data)


@pytest.mark.parametrize("size", [1, 16_383, 16_384, 65_536, 1_000_000])
@pytest.mark.parametrize("binary", [False, True])
def test_sizes_around_buffers(
    http_client: httpclient.InferenceServerClient, size: int, binary: bool
) -> None:
    data = np.arange(size, dtype=np.int32)
    assert same(infer(http_client, "INT32", data, binary_in=binary, binary_out=binary), data)


def test_a_large_tensor_both_ways(http_client: httpclient.InferenceServerClient) -> None:
    data = np.arange(16 << 20, dtype=np.float32)  # 64 MiB
    assert same(infer(http_client, "FP32", data, binary_in=True, binary_out=True), data)


def json_infer(port: int, datatype: str, text: str, count: int) -> bytes:
    body = (json_text(datatype, count, text)).encode()
    answer = call(port, "POST", f"/v2/models/identity_{datatype.lower()}/infer", body)
    assert answer.status == 200, answer.body
    assert answer.header("content-type") == "application/json"
    data = answer.body.partition(b'"data":')[2]
    assert data.endswith(b"}]}")
    return data[:-3]


# Text in, text out: tests of number formats need the exact characters.
TEXTS = [
    ("FP32", "[0.1]", "[0.10000000149011612]"),
    ("FP32", "[1, -2, 0]", "[1.0,-2.0,0.0]"),
    ("FP32", "[-0.0]", "[-0.0]"),
    ("FP32", "[1e39, -1e39]", "[Infinity,-Infinity]"),
    (
        "FP32",
        "[NaN, Infinity, -Infinity, Inf, -Inf]",
        "[NaN,Infinity,-Infinity,Infinity,-Infinity]",
    ),
    (
        "FP64",
        "[1e21, 1e-7, 5e-324, 1.7976931348623157e308]",
        "[1e21,1e-7,5e-324,1.7976931348623157e308]",
    ),
    ("FP64", "[10000000000, 100000000000000000000]", "[10000000000.0,100000000000000000000.0]"),
    ("FP64", "[18446744073709551616]", "[18446744073709552000.0]"),
    ("FP64", "[0.000001, 123456.789, 1E2, 1e+2]", "[0.000001,123456.789,100.0,100.0]"),
    ("FP64", "[123456789.123456789]", "[123456789.12345679]"),
    ("UINT8", "[0, 255]", "[0,255]"),
    ("INT8", "[-128, 127]", "[-128,127]"),
    ("UINT64", "[18446744073709551615]", "[18446744073709551615]"),
    (
        "INT64",
        "[-9223372036854775808, 9223372036854775807]",
        "[-9223372036854775808,9223372036854775807]",
    ),
    ("BOOL", "[true, false]", "[true,false]"),
    ("BYTES", r'["\u0000\u001f\u001F\"\\\/\b\f\n\r\t"]', r'["\u0000\u001F\u001F\"\\/\b\f\n\r\t"]'),
    (
        "BYTES",
        '["\u00e4\U0001f600", "\\u00e4\\ud83d\\ude00", ""]',
        '["\u00e4\U0001f600","\u00e4\U0001f600",""]',
    ),
    ("INT32", "[[1, 2], [3, [4]]]", "[1,2,3,4]"),
    ("INT32", "[[[]], 1, [], 2, [[[3]]], 4]", "[1,2,3,4]"),
]


@pytest.mark.parametrize(("datatype", "text", "expected"), TEXTS)
def test_number_and_string_texts(http_port: int, datatype: str, text: str, expected: str) -> None:
    count = expected.count(",") + 1
    assert json_infer(http_port, datatype, text, count).decode() == expected


@pytest.mark.parametrize("depth", [1, 2, 50, 99])
def test_nesting_up_to_the_limit(http_port: int, depth: int) -> None:
    assert json_infer(http_port, "INT32", "[" * depth + "7" + "]" * depth, 1) == b"[7]"


@pytest.mark.parametrize("data", ['"text"', "null", "7", "[]", "[1,2,3]", '["x"]', "{}"])
@pytest.mark.parametrize("datatype", ["FP32", "BYTES"])
def test_a_zero_size_input_ignores_its_data(http_port: int, datatype: str, data: str) -> None:
    assert json_infer(http_port, datatype, data, 0) == b"[]"


def test_bytes_that_are_not_utf8(
    http_client: httpclient.InferenceServerClient, http_port: int
) -> None:
    data = np.array([b"\xff\xfe", b"a\0b", b""], dtype=np.object_)
    assert same(infer(http_client, "BYTES", data, binary_in=True, binary_out=True), data)
    # Clients that ask for JSON get the bytes as they are.
    head = (
        b'{"inputs":[{"name":"INPUT0","datatype":"BYTES","shape":[1],'
        b'"parameters":{"binary_data_size":6}}]}'
    )
    answer = call(
        http_port,
        "POST",
        "/v2/models/identity_bytes/infer",
        head + b"\2\0\0\0\xff\xfe",
        ("Inference-Header-Content-Length", str(len(head))),
    )
    assert b'"data":["\xff\xfe"]' in answer.body


def test_a_byte_order_mark_is_skipped(http_port: int) -> None:
    body = b'\xef\xbb\xbf{"inputs":[{"name":"INPUT0","datatype":"INT32","shape":[1],"data":[5]}]}'
    answer = call(http_port, "POST", "/v2/models/identity_int32/infer", body)
    assert answer.json()["outputs"][0]["data"] == [5]


def test_members_in_any_order(http_port: int) -> None:
    body = (
        b'{"outputs":[{"name":"OUTPUT0","x":1}],"model_name":"other","inputs":[{"data":[1],"x":{"y":[]},'
        b'"shape":[1],"datatype":"INT32","name":"INPUT0"}],"parameters":{},"id":"last"}'
    )
    answer = call(http_port, "POST", "/v2/models/identity_int32/infer", body)
    assert answer.body == (
        b'{"id":"last","model_name":"identity_int32","model_version":"1","outputs":'
        b'[{"name":"OUTPUT0","datatype":"INT32","shape":[1],"data":[1]}]}'
    )


def test_the_first_of_duplicate_members_wins(http_port: int) -> None:
    body = (
        b'{"id":"a","id":"b","inputs":[{"name":"INPUT0","datatype":"INT32","shape":[1],"data":[1],'
        b'"data":[2]}],"inputs":[]}'
    )
    answer = call(http_port, "POST", "/v2/models/identity_int32/infer", body).json()
    assert answer["id"] == "a"
    assert answer["outputs"][0]["data"] == [1]


def test_large_json_survives_any_segmentation(http_port: int) -> None:
    values = list(range(5000))
    body = json.dumps(
        {"inputs": [{"name": "INPUT0", "datatype": "INT32", "shape": [5000], "data": values}]}
    ).encode()
    head = b"POST /v2/models/identity_int32/infer HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    with RawHttp(http_port) as connection:
        message = head + body
        for at in range(0, len(message), 997):
            connection.send(message[at : at + 997])
        assert connection.read().json()["outputs"][0]["data"] == values
