"""HTTP inference: malformed JSON, and tensor data in JSON that does not fit."""

from __future__ import annotations

import json

import pytest
from rawhttp import Response, call
from samples import json_text

FP32 = {"name": "INPUT0", "datatype": "FP32", "shape": [2], "data": [1, 2]}
NON = "attempt to access JSON non-"


def post(port: int, body: bytes, model: str = "identity_fp32") -> Response:
    return call(port, "POST", f"/v2/models/{model}/infer", body)


DATA_SHORT = "Failed to parse 'data' field: shape does not match true shape"
DATA_LONG = "Unable to parse 'data': Shape does not match true shape of 'data' field"
PARSE_DATA = "Unable to parse 'data': "
DATA = [
    ("FP32", "5", PARSE_DATA + NON + "array as array"),
    ("FP32", "null", PARSE_DATA + NON + "array as array"),
    ("FP32", "{}", PARSE_DATA + NON + "array as array"),
    ("FP32", "[1]", DATA_SHORT),
    ("FP32", "[]", DATA_SHORT),
    ("FP32", "[1,2,3]", DATA_LONG),
    ("FP32", "[[1,2],[3]]", DATA_LONG),
    ("FP32", "[null,1]", PARSE_DATA + NON + "number as double"),
    ("FP32", '["1",1]', PARSE_DATA + NON + "number as double"),
    ("FP32", "[true,1]", PARSE_DATA + NON + "number as double"),
    ("FP64", "[1,{}]", PARSE_DATA + NON + "number as double"),
    ("BOOL", "[0,1]", PARSE_DATA + NON + "boolean as boolean"),
    ("BOOL", '["true",true]', PARSE_DATA + NON + "boolean as boolean"),
    ("UINT8", "[-1,1]", PARSE_DATA + NON + "unsigned-integer as unsigned-integer"),
    ("UINT16", "[1.0,1]", PARSE_DATA + NON + "unsigned-integer as unsigned-integer"),
    ("UINT32", "[1e3,1]", PARSE_DATA + NON + "unsigned-integer as unsigned-integer"),
    (
        "UINT64",
        "[18446744073709551616,1]",
        PARSE_DATA + NON + "unsigned-integer as unsigned-integer",
    ),
    ("INT8", "[1.5,1]", PARSE_DATA + NON + "signed-integer as signed-integer"),
    ("INT16", "[null,1]", PARSE_DATA + NON + "signed-integer as signed-integer"),
    ("INT32", '["1",1]', PARSE_DATA + NON + "signed-integer as signed-integer"),
    ("INT64", "[9223372036854775808,1]", PARSE_DATA + NON + "signed-integer as signed-integer"),
    ("BYTES", "[1,2]", f"Unable to parse JSON bytes array: {NON}string as string"),
    ("BYTES", '["a",null]', f"Unable to parse JSON bytes array: {NON}string as string"),
]


@pytest.mark.parametrize(("datatype", "data", "text"), DATA)
def test_data_that_does_not_fit(http_port: int, datatype: str, data: str, text: str) -> None:
    body = json_text(datatype, 2, data)
    answer = post(http_port, body.encode(), f"identity_{datatype.lower()}")
    assert (answer.status, answer.error()) == (500, text)


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        ("UINT8", 256),
        ("UINT16", 65536),
        ("UINT32", 2**32),
        ("INT8", 128),
        ("INT8", -129),
        ("INT16", 32768),
        ("INT32", -(2**31) - 1),
    ],
)
def test_integers_beyond_their_type_do_not_wrap(http_port: int, datatype: str, value: int) -> None:
    answer = post(
        http_port,
        json_text(datatype, 1, f"[{value}]").encode(),
        f"identity_{datatype.lower()}",
    )
    assert (answer.status, answer.error()) == (
        400,
        f"{PARSE_DATA}value {value} is out of range for {datatype}",
    )


@pytest.mark.parametrize("depth", [100, 101, 5000, 200_000])
@pytest.mark.parametrize(
    ("datatype", "value", "prefix"),
    [
        ("INT32", "1", PARSE_DATA),
        ("BYTES", '"x"', ""),
    ],
)
def test_nesting_beyond_the_limit(
    http_port: int, datatype: str, value: str, prefix: str, depth: int
) -> None:
    data = "[" * depth + value + "]" * depth
    body = json_text(datatype, 1, data)
    answer = post(http_port, body.encode(), f"identity_{datatype.lower()}")
    assert (answer.status, answer.error()) == (
        400,
        prefix + "JSON nesting depth exceeds maximum allowed limit (100)",
    )


BROKEN_JSON = [
    b"{",
    b"}",
    b"[",
    b'{"inputs"',
    b'{"inputs":[}',
    b'{"inputs":[],}',
    b'{"inputs":[]} x',
    b"nul",
    b"{'inputs':[]}",
    b'{"inputs":[],"a":01}',
    b'{"inputs":[],"a":.5}',
    b'{"inputs":[],"a":1.}',
    b'{"inputs":[],"a":+1}',
    b'{"inputs":[],"a":0x1}',
    b'{"inputs":[],"a":"\x01"}',
    b'{"inputs":[],"a":"\\x"}',
    b'{"inputs":[],"a":"\\ud800"}',
    b'{"inputs":[] /* */}',
    b"\0",
    b" ",
    b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1],"data":[1e400]}]}',
    b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2],"data":[1,]}]}',
    b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2],"data":[1 2]}]}',
    b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2],"data":[1,2}]}',
    b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2],"data":[1,2]',
    b"GET / HTTP/1.1\r\n\r\n",
]


@pytest.mark.parametrize("body", BROKEN_JSON)
def test_malformed_json(http_port: int, body: bytes) -> None:
    answer = post(http_port, body)
    assert answer.status == 500
    assert answer.error().startswith("failed to parse the request JSON buffer: ")


UNCLOSED = [
    b"[",
    b"[[",
    b"[1",
    b"{",
    b'{"inputs"',
    b'{"inputs":',
    b'{"a":{',
    b'{"inputs":[{"name":"x"',
]


def test_unclosed_documents_after_large_ones(http_port: int) -> None:
    """A parser that is used again must not read on in the tables of the document before."""
    large = b'{"a":[' + b"1," * 100_000 + b"1]}"
    for body in UNCLOSED * 4:
        assert post(http_port, large).status == 500
        answer = post(http_port, body)
        assert answer.status == 500
        assert answer.error().startswith("failed to parse the request JSON buffer: "), body


def test_text_that_is_not_utf8(http_port: int) -> None:
    answer = post(http_port, b'{"id":"\xff\xfe","inputs":[]}')
    assert answer.status == 400
    assert answer.error().startswith("failed to parse the request JSON buffer: ")


def test_every_truncation_of_a_request_is_refused(http_port: int) -> None:
    body = json.dumps(
        {"id": "\u00e4", "parameters": {"a": 1.5}, "inputs": [FP32], "outputs": []}
    ).encode()
    for end in range(1, len(body)):
        answer = post(http_port, body[:end])
        assert answer.status == 500, body[:end]
        assert answer.error().startswith("failed to parse the request JSON buffer: ")
