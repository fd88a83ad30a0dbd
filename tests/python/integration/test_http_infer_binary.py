"""HTTP inference: the binary tensor extension, raw requests and which form outputs come back in."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from rawhttp import RawHttp, Response, call, chunked, request

LENGTH = "Inference-Header-Content-Length"
BLOB = np.array([1.5, -2.5], dtype="<f4").tobytes()
FP32: dict[str, Any] = {"name": "INPUT0", "datatype": "FP32", "shape": [2]}
BINARY = FP32 | {"parameters": {"binary_data_size": 8}}


def post(
    port: int, head: Any, blob: bytes = b"", model: str = "identity_fp32", length: str | None = None
) -> Response:
    text = json.dumps(head).encode()
    value = str(len(text)) if length is None else length
    return call(port, "POST", f"/v2/models/{model}/infer", text + blob, (LENGTH, value))


def split(answer: Response) -> tuple[Any, bytes]:
    """The JSON part and the binary part of an answer."""
    assert answer.status == 200, answer.body
    size = answer.header(LENGTH)
    assert (answer.header("content-type") == "application/octet-stream") == (size is not None)
    end = len(answer.body) if size is None else int(size)
    return json.loads(answer.body[:end]), answer.body[end:]


def test_binary_both_ways(http_port: int) -> None:
    head = {
        "id": "b",
        "inputs": [BINARY],
        "outputs": [{"name": "OUTPUT0", "parameters": {"binary_data": True}}],
    }
    value, blob = split(post(http_port, head, BLOB))
    assert blob == BLOB
    assert value == {
        "id": "b",
        "model_name": "identity_fp32",
        "model_version": "1",
        "outputs": [
            {
                "name": "OUTPUT0",
                "datatype": "FP32",
                "shape": [2],
                "parameters": {"binary_data_size": 8},
            }
        ],
    }
    assert list(value) == ["id", "model_name", "model_version", "outputs"]


def test_blobs_follow_the_order_of_inputs(http_port: int) -> None:
    text = b"\3\0\0\0abc\0\0\0\0"
    bytes_in = {
        "name": "INPUT1",
        "datatype": "BYTES",
        "shape": [2],
        "parameters": {"binary_data_size": 11},
    }
    for inputs, blobs in (([BINARY, bytes_in], BLOB + text), ([bytes_in, BINARY], text + BLOB)):
        head = {"parameters": {"binary_data_output": True}, "inputs": inputs}
        value, blob = split(post(http_port, head, blobs, "identity_two"))
        sizes = {o["name"]: o["parameters"]["binary_data_size"] for o in value["outputs"]}
        assert sizes == {"OUTPUT0": 8, "OUTPUT1": 11}
        expected = {"OUTPUT0": BLOB, "OUTPUT1": text}
        assert blob == b"".join(expected[o["name"]] for o in value["outputs"])


def test_json_and_binary_inputs_mix(http_port: int) -> None:
    text = {"name": "INPUT1", "datatype": "BYTES", "shape": [1], "data": ["hello"]}
    value, blob = split(post(http_port, {"inputs": [text, BINARY]}, BLOB, "identity_two"))
    assert blob == b""
    assert {o["name"]: o["data"] for o in value["outputs"]} == {
        "OUTPUT0": [1.5, -2.5],
        "OUTPUT1": ["hello"],
    }


# Whether each output is binary: by the request's default and by the outputs that it lists.
FORMS = [
    (None, None, "json", "json"),
    (False, None, "json", "json"),
    (True, None, "binary", "binary"),
    (None, [], "json", "json"),
    (True, [], "binary", "binary"),
    (True, [("OUTPUT0", None), ("OUTPUT1", None)], "json", "json"),
    (None, [("OUTPUT0", True), ("OUTPUT1", None)], "binary", "json"),
    (None, [("OUTPUT0", False), ("OUTPUT1", True)], "json", "binary"),
    (True, [("OUTPUT0", False), ("OUTPUT1", True)], "json", "binary"),
    (True, [("OUTPUT0", None)], "json", None),
    (None, [("OUTPUT1", True)], None, "binary"),
]


@pytest.mark.parametrize(("default", "listed", "first", "second"), FORMS)
def test_form_of_outputs(
    http_port: int, default: bool | None, listed: Any, first: str | None, second: str | None
) -> None:
    text = {"name": "INPUT1", "datatype": "BYTES", "shape": [1], "data": ["x"]}
    head: dict[str, Any] = {"inputs": [FP32 | {"data": [1, 2]}, text]}
    if default is not None:
        head["parameters"] = {"binary_data_output": default}
    if listed is not None:
        head["outputs"] = [
            {"name": name} | ({} if b is None else {"parameters": {"binary_data": b}})
            for name, b in listed
        ]
    value, _ = split(post(http_port, head, model="identity_two"))
    forms = {o["name"]: "json" if "data" in o else "binary" for o in value["outputs"]}
    expected = {"OUTPUT0": first, "OUTPUT1": second}
    assert forms == {name: form for name, form in expected.items() if form is not None}


def test_empty_binary_outputs_are_labelled_json(http_port: int) -> None:
    head = {
        "inputs": [FP32 | {"shape": [0], "parameters": {"binary_data_size": 0}}],
        "parameters": {"binary_data_output": True},
    }
    answer = post(http_port, head)
    assert answer.header("content-type") == "application/json"
    assert answer.header(LENGTH) is None
    (output,) = answer.json()["outputs"]
    assert output["parameters"] == {"binary_data_size": 0}
    assert output["shape"] == [0]


HEADER = "Inference-Header-Content-Length"
FRAMING = [
    ("x", f"Unable to parse {HEADER}, got: x"),
    ("", f"Unable to parse {HEADER}, got: "),
    (
        "99999999999",
        f"Unable to parse {HEADER}, value is out of range [ -2147483648, 2147483647 ], "
        "got: 99999999999",
    ),
    ("-1", "inference header size should be in range (0, {size}), got: -1"),
    ("100000", "inference header size should be in range (0, {size}), got: 100000"),
]


@pytest.mark.parametrize(("length", "text"), FRAMING)
def test_header_length(http_port: int, length: str, text: str) -> None:
    head = {"inputs": [BINARY]}
    answer = post(http_port, head, BLOB, length=length)
    size = len(json.dumps(head)) + len(BLOB)
    assert (answer.status, answer.error()) == (400, text.format(size=size))


def test_header_length_may_be_the_whole_body(http_port: int) -> None:
    assert post(http_port, {"inputs": [FP32 | {"data": [1, 2]}]}).status == 200


@pytest.mark.parametrize(
    ("size", "blob", "text"),
    [
        (
            8,
            BLOB[:5],
            "unexpected size for input 'INPUT0', expecting 3 additional bytes for model "
            "'identity_fp32'",
        ),
        (
            8,
            b"",
            "unexpected size for input 'INPUT0', expecting 8 additional bytes for model "
            "'identity_fp32'",
        ),
        (8, BLOB + b"x", "unexpected additional input data for model 'identity_fp32'"),
        (
            2**40,
            BLOB,
            f"unexpected size for input 'INPUT0', expecting {2**40 - 8} additional bytes for model "
            "'identity_fp32'",
        ),
        (
            4,
            BLOB[:4],
            "[request id: <id_unknown>] input byte size mismatch for input 'INPUT0' for model "
            "'identity_fp32'. Expected 8, got 4",
        ),
    ],
)
def test_blob_sizes(http_port: int, size: int, blob: bytes, text: str) -> None:
    answer = post(http_port, {"inputs": [FP32 | {"parameters": {"binary_data_size": size}}]}, blob)
    assert (answer.status, answer.error()) == (400, text)


def test_a_huge_size_does_not_wrap(http_port: int) -> None:
    answer = post(
        http_port, {"inputs": [FP32 | {"parameters": {"binary_data_size": 2**64 - 1}}]}, BLOB
    )
    assert answer.status == 400
    assert "INPUT0" in answer.error()


def test_json_longer_than_its_announced_length(http_port: int) -> None:
    answer = post(http_port, {"inputs": [BINARY]}, BLOB, length="10")
    assert answer.status == 500
    assert answer.error().startswith("failed to parse the request JSON buffer: ")


# -- Raw requests: header length 0, the body is the model's only input. --


def raw(port: int, model: str, body: bytes) -> Response:
    return call(port, "POST", f"/v2/models/{model}/infer", body, (LENGTH, "0"))


def test_raw_request(http_port: int) -> None:
    value, blob = split(raw(http_port, "identity_fp32", BLOB))
    assert blob == BLOB
    assert value["outputs"][0]["shape"] == [2]
    assert "id" not in value


def test_raw_request_without_bytes(http_port: int) -> None:
    value, blob = split(raw(http_port, "identity_fp32", b""))
    assert (value["outputs"][0]["shape"], blob) == ([0], b"")


def test_raw_request_to_a_batching_model(http_port: int) -> None:
    value, blob = split(raw(http_port, "identity_batch", BLOB))
    assert (value["outputs"][0]["shape"], blob) == ([1, 2], BLOB)


@pytest.mark.parametrize("element", [b"", b"hello", b"with\0zero"])
def test_raw_text(http_port: int, element: bytes) -> None:
    _, blob = split(raw(http_port, "one_text", element))
    assert blob == len(element).to_bytes(4, "little") + element


PREFIX = "[request id: <id_unknown>] "
RAW_ERRORS = [
    (
        "identity_two",
        BLOB,
        "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs in "
        "'identity_two' model configuration",
    ),
    (
        "two_free",
        BLOB,
        "The shape of the raw input 'INPUT0' can not be deduced because there are more than one "
        "variable-sized dimension",
    ),
    (
        "identity_bytes",
        b"x",
        "For BYTE datatype raw input 'INPUT0', the model must have input shape [1]",
    ),
    (
        "fixed",
        BLOB + b"x",
        "input byte size mismatch for input 'raw_input' for model 'fixed'. Expected 16, got 9",
    ),
]


@pytest.mark.parametrize(("model", "body", "text"), RAW_ERRORS)
def test_raw_requests_that_cannot_be(http_port: int, model: str, body: bytes, text: str) -> None:
    answer = raw(http_port, model, body)
    assert (answer.status, answer.error()) == (400, PREFIX + text)


def test_raw_request_in_chunks(http_port: int) -> None:
    head = request(
        "POST", "/v2/models/fixed/infer", None, [(LENGTH, "0"), ("Transfer-Encoding", "chunked")]
    )
    with RawHttp(http_port) as connection:
        connection.send(head + chunked([BLOB[:3], BLOB[3:], BLOB[:1], BLOB[1:]]))
        assert split(connection.read())[1] == BLOB * 2
