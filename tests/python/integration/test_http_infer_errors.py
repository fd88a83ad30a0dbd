"""HTTP inference: every way a request can be wrong, with the status and the text of the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rawhttp import Response, call

FP32 = {"name": "INPUT0", "datatype": "FP32", "shape": [2], "data": [1, 2]}
NO_FIELD = (
    "Input must set only one of the following fields: 'data', 'binary_data_size' in "
    "'parameters', 'shared_memory_region' in 'parameters'. But "
)
NON = "attempt to access JSON non-"
MEMBER = "attempt to access non-existing object member "


def without(key: str) -> dict[str, Any]:
    return {k: v for k, v in FP32.items() if k != key}


def post(port: int, body: Any, model: str = "identity_fp32") -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return call(port, "POST", f"/v2/models/{model}/infer", data)


TOP_LEVEL = [
    ({"inputs": [FP32], "id": 1}, f"Unable to parse 'id': {NON}string as string"),
    ({"inputs": [FP32], "id": None}, f"Unable to parse 'id': {NON}string as string"),
    ({"inputs": [FP32], "id": {}}, f"Unable to parse 'id': {NON}string as string"),
    (
        {"inputs": [FP32], "parameters": None},
        "failed to get request params.: attempt to get members for non-object",
    ),
    (
        {"inputs": [FP32], "parameters": []},
        "failed to get request params.: attempt to get members for non-object",
    ),
    ({}, f"Unable to parse 'inputs': {MEMBER}'inputs'"),
    ([], f"Unable to parse 'inputs': {MEMBER}'inputs'"),
    ("text", f"Unable to parse 'inputs': {MEMBER}'inputs'"),
    ({"inputs": {}}, f"Unable to parse 'inputs': {NON}array as array"),
    ({"inputs": None}, f"Unable to parse 'inputs': {NON}array as array"),
    ({"inputs": [FP32], "outputs": None}, f"Unable to parse 'outputs': {NON}array as array"),
    ({"inputs": [FP32], "outputs": {}}, f"Unable to parse 'outputs': {NON}array as array"),
]


@pytest.mark.parametrize(("body", "text"), TOP_LEVEL)
def test_top_level_members(http_port: int, body: Any, text: str) -> None:
    answer = post(http_port, body)
    assert (answer.status, answer.error()) == (500, text)


INPUTS = [
    (500, without("name"), f"Unable to parse 'name': {MEMBER}'name'"),
    (500, FP32 | {"name": 5}, f"Unable to parse 'name': {NON}string as string"),
    (500, without("datatype"), f"Unable to parse 'datatype': {MEMBER}'datatype'"),
    (500, FP32 | {"datatype": 5}, f"Unable to parse 'datatype': {NON}string as string"),
    (500, without("shape"), f"Unable to parse 'shape': {MEMBER}'shape'"),
    (500, FP32 | {"shape": 2}, f"Unable to parse 'shape': {NON}array as array"),
    (
        500,
        FP32 | {"shape": [-1]},
        f"Unable to parse 'shape': {NON}unsigned-integer as unsigned-integer",
    ),
    (
        500,
        FP32 | {"shape": [2.0]},
        f"Unable to parse 'shape': {NON}unsigned-integer as unsigned-integer",
    ),
    (
        500,
        FP32 | {"shape": ["2"]},
        f"Unable to parse 'shape': {NON}unsigned-integer as unsigned-integer",
    ),
    (400, FP32 | {"datatype": "fp32"}, "invalid datatype for input INPUT0"),
    (400, FP32 | {"datatype": "STRING"}, "invalid datatype for input INPUT0"),
    (400, FP32 | {"datatype": ""}, "invalid datatype for input INPUT0"),
    (400, without("data"), NO_FIELD + "no field is set"),
    (400, [], NO_FIELD + "no field is set"),
    (400, 7, NO_FIELD + "no field is set"),
    (400, {"parameters": {}}, NO_FIELD + "no field is set"),
    (
        400,
        FP32 | {"parameters": {"binary_data_size": 8}},
        NO_FIELD + "set 'data' 'binary_data_size'",
    ),
    (
        400,
        {"data": None, "parameters": {"binary_data_size": None, "shared_memory_region": 1}},
        NO_FIELD + "set 'data' 'binary_data_size' 'shared_memory_region'",
    ),
    (
        500,
        without("data") | {"parameters": {"binary_data_size": -1}},
        f"Unable to parse 'binary_data_size': {NON}unsigned-integer as unsigned-integer",
    ),
    (
        400,
        FP32 | {"shape": [2**62, 4]},
        "invalid shape for input 'INPUT0': shape [4611686018427387904,4] causes total element "
        "count to "
        "exceed maximum size of 9223372036854775807",
    ),
    (
        400,
        FP32 | {"shape": [2**62]},
        "byte size overflow for input 'INPUT0': element count (4611686018427387904) * data type "
        "size (4) "
        "exceeds maximum allowed size (9223372036854775807)",
    ),
    (
        400,
        FP32 | {"shape": [2**26]},
        "JSON input 'INPUT0' has a byte_size (268435456 bytes) that exceeds the maximum allowed "
        "value of "
        "67108864 bytes. Use --http-max-input-size to increase the limit.",
    ),
]


@pytest.mark.parametrize(("status", "tensor", "text"), INPUTS)
def test_inputs(http_port: int, status: int, tensor: Any, text: str) -> None:
    answer = post(http_port, {"inputs": [tensor]})
    assert (answer.status, answer.error()) == (status, text)


@pytest.mark.parametrize("dim", [2**63, 2**64 - 2, 2**64 - 1])
def test_dimensions_beyond_the_range(http_port: int, dim: int) -> None:
    answer = post(http_port, {"inputs": [FP32 | {"shape": [dim]}]})
    assert answer.status == 400
    assert "INPUT0" in answer.error()


PREFIX = "[request id: <id_unknown>] "
CORE = [
    (
        "identity_fp32",
        [],
        PREFIX + "expected 1 inputs but got 0 inputs for model 'identity_fp32'. Got input(s) "
        "[], but missing required input(s) ['INPUT0']. Please provide all required input(s).",
    ),
    (
        "identity_two",
        [FP32],
        PREFIX + "expected 2 inputs but got 1 inputs for model 'identity_two'. Got input(s) "
        "['INPUT0'], but missing required input(s) ['INPUT1']. Please provide all required "
        "input(s).",
    ),
    ("identity_fp32", [FP32, FP32], PREFIX + "input 'INPUT0' already exists in request"),
    (
        "identity_fp32",
        [FP32 | {"name": "OTHER"}],
        "unexpected inference input 'OTHER' for model 'identity_fp32'",
    ),
    (
        "identity_fp32",
        [FP32 | {"shape": [1, 2]}],
        PREFIX
        + "unexpected shape for input 'INPUT0' for model 'identity_fp32'. Expected [-1], got "
        "[1,2]. ",
    ),
    (
        "identity_fp32",
        [FP32 | {"datatype": "INT32"}],
        PREFIX
        + "inference input 'INPUT0' data-type is 'INT32', but model 'identity_fp32' expects 'FP32'",
    ),
    (
        "identity_batch",
        [FP32 | {"shape": [9, 1], "data": [0] * 9}],
        PREFIX + "inference request batch-size must be <= 8 for 'identity_batch'",
    ),
    (
        "identity_bytes",
        [FP32 | {"datatype": "BYTES", "data": ["a"]}],
        PREFIX
        + "expected 2 string elements for inference input 'INPUT0' for model 'identity_bytes', "
        "got 1",
    ),
    (
        "identity_bytes",
        [FP32 | {"datatype": "BYTES", "data": ["a", "b", "c"]}],
        PREFIX + "unexpected number of string elements 3 for inference input 'INPUT0' for model "
        "'identity_bytes', "
        "expecting 2",
    ),
]


@pytest.mark.parametrize(("model", "inputs", "text"), CORE)
def test_what_the_core_refuses(http_port: int, model: str, inputs: Any, text: str) -> None:
    answer = post(http_port, {"inputs": inputs}, model)
    assert (answer.status, answer.error()) == (400, text)


def test_the_id_is_part_of_the_text(http_port: int) -> None:
    answer = post(http_port, {"id": "seven", "inputs": []})
    assert answer.error().startswith("[request id: seven] expected 1 inputs")


@pytest.mark.parametrize("body", [b"", b"{", b"{}"])
@pytest.mark.parametrize(
    ("model", "status", "text"),
    [
        ("nope", 404, "Request for unknown model: 'nope' is not found"),
        (
            "identity_fp32/versions/9",
            404,
            "Request for unknown model: 'identity_fp32' version 9 is not found",
        ),
        ("repeat", 501, "HTTP end point doesn't support models with decoupled transaction policy"),
    ],
)
def test_the_model_is_looked_at_before_the_body(
    http_port: int, model: str, status: int, text: str, body: bytes
) -> None:
    answer = post(http_port, body, model)
    assert (answer.status, answer.error()) == (status, text)
