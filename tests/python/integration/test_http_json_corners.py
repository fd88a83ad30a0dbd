"""HTTP: corners of JSON where parsers differ, and large documents."""

from __future__ import annotations

import json
import math

import pytest
from rawhttp import Response, call

PARSE = "failed to parse the request JSON buffer: "


def infer(port: int, body: bytes, model: str = "identity_fp32") -> Response:
    return call(port, "POST", f"/v2/models/{model}/infer", body)


def tensor(data: str, datatype: str = "FP32", shape: str = "[1]", more: str = "") -> bytes:
    text = f'{{"name":"INPUT0","datatype":"{datatype}","shape":{shape},"data":{data}{more}}}'
    return text.encode()


def document(data: str, datatype: str = "FP32", shape: str = "[1]", more: str = "") -> bytes:
    return b'{"inputs":[' + tensor(data, datatype, shape, more) + b"]}"


def values(answer: Response) -> list[float]:
    assert answer.status == 200, answer.body
    data: list[float] = answer.json()["outputs"][0]["data"]
    return data


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + document("[1]"),
        document("[1]") + b"\0",
        document("[1]") + b"\0\0\0",
        b" \t\r\n" + document("[1]") + b" \n",
        document("[[[1]]]"),
        document("[1.0e0]"),
        document("[10E-1]"),
        document("[1]", more=',"data":[2]'),
        b'{"inputs":[' + tensor("[1]") + b'],"inputs":5}',
        b'{"outputs":[{"name":"OUTPUT0"}],"id":"x","inputs":[' + tensor("[1]") + b"]}",
        b'{"inputs":[{"data":[1],"shape":[1],"datatype":"FP32","name":"INPUT0"}]}',
        b'{"\\u0069nputs":[' + tensor("[1]") + b"]}",
        b'{"x":{"y":[{}]},"inputs":[' + tensor("[1]") + b"]}",
    ],
)
def test_accepted(http_port: int, body: bytes) -> None:
    assert values(infer(http_port, body)) == [1.0]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"inputs":[}',
        b"\0" + document("[1]"),
        document("[1]") + b"x",
        document("[1]") + document("[1]"),
        document("[1,]"),
        document("[1] // x"),
        document("[.5]"),
        document("[1.]"),
        document("[+1]"),
        document("[01]"),
        document("[0x1]"),
        document("[1e400]"),
        document("[nan]"),
        document("[NaNx]"),
        document("[infinity]"),
        document('["\\ud800"]', "BYTES"),
        document('["a\nb"]', "BYTES"),
        document('["\\x"]', "BYTES"),
        document("[tru]", "BOOL"),
        b'{"inputs":[' + tensor("[1]") + b'],"id":"x}',
    ],
)
def test_malformed(http_port: int, body: bytes) -> None:
    answer = infer(http_port, body, "identity_bytes" if b"BYTES" in body else "identity_fp32")
    assert answer.status == 500
    assert answer.error().startswith(PARSE), answer.error()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b" ", PARSE + "The document is empty. at 0"),
        (b"\xef\xbb\xbf", PARSE + "The document is empty. at 0"),
        (b"abc", PARSE + "Invalid value. at 0"),
        (b"[]", "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'"),
    ],
)
def test_texts(http_port: int, body: bytes, error: str) -> None:
    answer = infer(http_port, body)
    assert (answer.status, answer.error()) == (500, error)


def test_text_that_is_not_utf8_is_refused(http_port: int) -> None:
    body = document('["?"]', "BYTES").replace(b"?", b"\xff")
    answer = infer(http_port, body, "identity_bytes")
    assert answer.status == 400
    assert answer.error().startswith(PARSE + "The text is not valid UTF-8.")


def test_special_numbers(http_port: int) -> None:
    text = "[NaN,Inf,-Inf,Infinity,-Infinity,-NaN,1e39,-1e39]"
    got = values(infer(http_port, document(text, shape="[8]")))
    assert math.isnan(got[0])
    assert math.isnan(got[5])
    assert got[1:5] == [math.inf, -math.inf, math.inf, -math.inf]
    assert got[6:] == [math.inf, -math.inf]


def test_large_integers_are_numbers(http_port: int) -> None:
    got = values(
        infer(
            http_port,
            document("[18446744073709551616,123456789.123456789]", "FP64", "[2]"),
            "identity_fp64",
        )
    )
    assert got == [18446744073709551616.0, 123456789.123456789]
    answer = infer(http_port, document("[18446744073709551615]", "UINT64"), "identity_uint64")
    assert b"18446744073709551615" in answer.body
    refused = infer(http_port, document("[18446744073709551616]", "UINT64"), "identity_uint64")
    assert refused.status == 500


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_half_floats(http_port: int, datatype: str) -> None:
    answer = infer(
        http_port,
        document("[1,-2.5,1e9,NaN]", datatype, "[4]"),
        f"identity_{datatype.lower()}",
    )
    got = values(answer)
    assert got[:2] == [1.0, -2.5]
    assert got[2] == (math.inf if datatype == "FP16" else 998244352.0)
    assert math.isnan(got[3])


@pytest.mark.parametrize(("depth", "passes"), [(50, True), (99, True), (100, False), (120, False)])
def test_depth_of_data(http_port: int, depth: int, passes: bool) -> None:
    answer = infer(http_port, document("[" * depth + "1" + "]" * depth))
    if passes:
        assert values(answer) == [1.0]
    else:
        assert (answer.status, answer.error()) == (
            400,
            "Unable to parse 'data': JSON nesting depth exceeds maximum allowed limit (100)",
        )


@pytest.mark.parametrize("where", ["data", "member", "parameter", "index"])
def test_a_quarter_million_brackets(http_port: int, where: str) -> None:
    deep = "[" * 250_000 + "]" * 250_000
    if where == "index":
        body = ('{"ready":' + deep + "}").encode()
        answer = call(http_port, "POST", "/v2/repository/index", body)
    elif where == "data":
        answer = infer(http_port, document(deep))
    elif where == "member":
        answer = infer(http_port, b'{"x":' + deep.encode() + b"," + document("[1]")[1:])
    else:
        body = b'{"parameters":{"x":' + deep.encode() + b"}," + document("[1]")[1:]
        answer = infer(http_port, body)
    if where == "member":
        assert values(answer) == [1.0]
    else:
        assert answer.status in (400, 500)
        assert answer.error()
    assert call(http_port, "GET", "/v2/health/live").status == 200


def test_documents_above_a_megabyte(http_port: int) -> None:
    count = 300_000
    data = list(range(count))
    body = document(json.dumps(data), "INT32", f"[{count}]")
    assert len(body) > 1 << 20
    assert values(infer(http_port, body, "identity_int32")) == data
    broken = infer(http_port, body[:-1], "identity_int32")
    assert broken.status == 500
    assert broken.error().startswith(PARSE)


def test_empty_bodies(http_port: int) -> None:
    answer = infer(http_port, b"")
    assert answer.status == 400
    assert answer.error().startswith("empty body")
