"""HTTP inference: requested outputs, classification, parameters, ids and model errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from extra_models import LABELS
from rawhttp import Response, call

NON = "attempt to access JSON non-"
FP32: dict[str, Any] = {"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}


def post(port: int, model: str, **members: Any) -> Response:
    body = {"inputs": [FP32]} | members
    return call(port, "POST", f"/v2/models/{model}/infer", json.dumps(body).encode())


OUTPUT_ERRORS = [
    ([{}], 500, "Unable to parse 'name': attempt to access non-existing object member 'name'"),
    ([5], 500, "Unable to parse 'name': attempt to access non-existing object member 'name'"),
    ([{"name": 5}], 500, f"Unable to parse 'name': {NON}string as string"),
    ([{"name": "OTHER"}], 400, "unexpected inference output 'OTHER' for model 'identity_fp32'"),
    (
        [{"name": "OUTPUT0", "parameters": {"binary_data": 1}}],
        500,
        f"Unable to parse 'binary_data': {NON}boolean as boolean",
    ),
    (
        [{"name": "OUTPUT0", "parameters": {"classification": -1}}],
        500,
        f"Unable to set 'classification': {NON}unsigned-integer as unsigned-integer",
    ),
    (
        [{"name": "OUTPUT0", "parameters": {"classification": "2"}}],
        500,
        f"Unable to set 'classification': {NON}unsigned-integer as unsigned-integer",
    ),
    (
        [{"name": "OUTPUT0", "parameters": {"classification": 1, "shared_memory_region": "r"}}],
        400,
        "Output can't set both 'shared_memory_region' and 'classification'",
    ),
    (
        [{"name": "OUTPUT0", "parameters": {"binary_data": True, "shared_memory_region": "r"}}],
        400,
        "Output can't set both 'shared_memory_region' and 'binary_data'",
    ),
]


@pytest.mark.parametrize(("outputs", "status", "text"), OUTPUT_ERRORS)
def test_requested_outputs_that_are_wrong(
    http_port: int, outputs: Any, status: int, text: str
) -> None:
    answer = post(http_port, "identity_fp32", outputs=outputs)
    assert (answer.status, answer.error()) == (status, text)


def test_an_output_requested_twice(http_port: int) -> None:
    # Cores before 2.70 take the second one for the first.
    answer = post(http_port, "identity_fp32", outputs=[{"name": "OUTPUT0"}, {"name": "OUTPUT0"}])
    if answer.status == 200:
        assert len(answer.json()["outputs"]) == 1
    else:
        text = "[request id: <id_unknown>] output 'OUTPUT0' already exists in request"
        assert (answer.status, answer.error()) == (400, text)


@pytest.mark.parametrize("parameters", [5, [], "x", None, {"other": {}}])
def test_unknown_output_parameters_are_ignored(http_port: int, parameters: Any) -> None:
    outputs = [{"name": "OUTPUT0", "parameters": parameters, "other": 1}]
    assert post(http_port, "identity_fp32", outputs=outputs).status == 200


def classes(port: int, model: str, values: Any, shape: list[int], count: int) -> Any:
    tensor = FP32 | {"shape": shape, "data": values}
    outputs = [{"name": "OUTPUT0", "parameters": {"classification": count}}]
    answer = post(port, model, inputs=[tensor], outputs=outputs)
    assert answer.status == 200, answer.body
    return answer.json()["outputs"][0]


def test_classification(http_port: int) -> None:
    assert classes(http_port, "labels", [3, 5.5, -1, 4], [4], 3) == {
        "name": "OUTPUT0",
        "datatype": "BYTES",
        "shape": [3],
        "data": [f"5.500000:1:{LABELS[1]}", "4.000000:3", f"3.000000:0:{LABELS[0]}"],
    }


def test_classification_counts(http_port: int) -> None:
    assert classes(http_port, "identity_fp32", [1, 2], [2], 10)["data"] == [
        "2.000000:1",
        "1.000000:0",
    ]
    # Larger than the tensor means all of it, also beyond 32 bits.
    everything = classes(http_port, "identity_fp32", [1, 2], [2], 2**32 + 1)["data"]
    assert everything == ["2.000000:1", "1.000000:0"]
    assert classes(http_port, "identity_fp32", [1, 2], [2], 0)["data"] == [1.0, 2.0]
    assert classes(http_port, "identity_fp32", [1e-7], [1], 1)["data"] == ["0.000000:0"]


def test_classification_of_a_batch(http_port: int) -> None:
    got = classes(http_port, "labels_batch", [1, 2, 9, 8], [2, 2], 1)
    assert got["shape"] == [2, 1]
    assert got["data"] == [f"2.000000:1:{LABELS[1]}", f"9.000000:0:{LABELS[0]}"]


def test_classification_of_nothing(http_port: int) -> None:
    got = classes(http_port, "identity_fp32", [], [0], 3)
    assert (got["datatype"], got["data"]) == ("BYTES", [])


@pytest.mark.parametrize(
    ("datatype", "values", "expected"),
    [
        ("UINT8", [1, 255], "255:1"),
        ("INT8", [-5, -6], "-5:0"),
        ("UINT64", [1, 2**64 - 1], f"{2**64 - 1}:1"),
        ("INT64", [-(2**63), -1], "-1:1"),
        ("INT32", [7, 3], "7:0"),
        ("FP64", [0.5, 0.25], "0.500000:0"),
    ],
)
def test_classification_of_types(
    http_port: int, datatype: str, values: list[int], expected: str
) -> None:
    tensor = {"name": "INPUT0", "datatype": datatype, "shape": [2], "data": values}
    outputs = [{"name": "OUTPUT0", "parameters": {"classification": 1}}]
    answer = post(http_port, f"identity_{datatype.lower()}", inputs=[tensor], outputs=outputs)
    assert answer.json()["outputs"][0]["data"] == [expected]


@pytest.mark.parametrize(("datatype", "value"), [("BOOL", True), ("BYTES", "x")])
def test_classification_of_other_types(http_port: int, datatype: str, value: Any) -> None:
    tensor = {"name": "INPUT0", "datatype": datatype, "shape": [1], "data": [value]}
    outputs = [{"name": "OUTPUT0", "parameters": {"classification": 1}}]
    answer = post(http_port, f"identity_{datatype.lower()}", inputs=[tensor], outputs=outputs)
    assert (answer.status, answer.error()) == (
        400,
        f"class result not available for output due to unsupported type '{datatype}'",
    )


# -- Parameters: the model answers with what reached it. --


def echoed(port: int, **parameters: Any) -> Any:
    answer = post(port, "identity_echo", parameters=parameters)
    assert answer.status == 200, answer.body
    return answer.json()["parameters"]


@pytest.mark.parametrize(
    "value", ["text", "", '\u00e4"\\', 0, -5, 2**63 - 1, -(2**63), True, False, 1.5, -0.25]
)
def test_custom_parameters_of_each_type(http_port: int, value: Any) -> None:
    got = echoed(http_port, anything=value)["anything"]
    assert (type(got), got) == (type(value), value)


@pytest.mark.parametrize("key", ["", "headers", "Triton_x", "a b", "\u00e4"])
def test_custom_parameters_of_any_name(http_port: int, key: str) -> None:
    assert echoed(http_port, **{key: 7})[key] == 7


def test_an_integer_beyond_int64_becomes_a_double(http_port: int) -> None:
    assert echoed(http_port, big=2**63)["big"] == float(2**63)


def test_known_parameters_reach_the_model(http_port: int) -> None:
    got = echoed(http_port, timeout=123456, priority=0, binary_data_output=False)
    assert got["request.timeout_us"] == 123456
    assert not {"timeout", "priority", "binary_data_output"} & set(got)


def step(port: int, identifier: Any, **flags: bool) -> Any:
    answer = post(
        port,
        "sequence",
        inputs=[FP32 | {"shape": [1, 1]}],
        parameters={"sequence_id": identifier} | flags,
    )
    assert answer.status == 200, answer.body
    return answer.json()["parameters"]


@pytest.mark.parametrize(
    ("identifier", "seen"),
    [
        (7, 7),
        (2**63, -(2**63)),
        ("seven", "seven"),
        ("x" * 128, "x" * 128),
    ],
)
def test_sequences(http_port: int, identifier: Any, seen: Any) -> None:
    steps = [
        step(http_port, identifier, sequence_start=True, sequence_end=False),
        step(http_port, identifier),
        step(http_port, identifier, sequence_end=True),
        step(http_port, identifier, sequence_start=True, sequence_end=True),
    ]
    assert [got["request.flags"] for got in steps] == [1, 0, 2, 3]
    # The echo gives unsigned ids as the parameter type that there is, a signed integer.
    assert {got["request.correlation_id"] for got in steps} == {seen}


def test_a_sequence_must_start(http_port: int) -> None:
    tensor = [FP32 | {"shape": [1, 1]}]
    answer = post(http_port, "sequence", inputs=tensor, parameters={"sequence_id": 987654})
    assert answer.status == 400
    assert answer.error().endswith(
        "inference request for sequence 987654 to model 'sequence' must specify "
        "the START flag on the first request of the sequence"
    )
    answer = post(http_port, "sequence", inputs=tensor)
    assert answer.status == 400
    assert answer.error().endswith(
        "inference request to model 'sequence' must specify a non-zero or non-empty correlation ID"
    )


UNSIGNED = f"{NON}unsigned-integer as unsigned-integer"
PARAMETER_ERRORS = [
    (500, "sequence_id", -1, f"Unable to parse 'sequence_id': {NON}string as string"),
    (500, "sequence_id", 1.5, f"Unable to parse 'sequence_id': {NON}string as string"),
    (500, "sequence_id", True, f"Unable to parse 'sequence_id': {NON}string as string"),
    (501, "sequence_id", "x" * 129, "string correlation ID cannot be longer than 128 characters"),
    (500, "sequence_start", 1, f"Unable to parse 'sequence_start': {NON}boolean as boolean"),
    (500, "sequence_end", "true", f"Unable to parse 'sequence_end': {NON}boolean as boolean"),
    (500, "priority", -1, f"Unable to parse 'priority': {UNSIGNED}"),
    (500, "timeout", 1.0, f"Unable to parse 'timeout': {UNSIGNED}"),
    (500, "timeout", "1", f"Unable to parse 'timeout': {UNSIGNED}"),
    (
        500,
        "binary_data_output",
        1,
        f"Unable to parse 'binary_data_output': {NON}boolean as boolean",
    ),
    (
        400,
        "triton_x",
        1,
        "parameter keys starting with 'triton_' are reserved for Triton usage and should not be "
        "specified.",
    ),
    (
        400,
        "x",
        None,
        "parameter 'x' has invalid type. It should be either 'int', 'bool', or 'string'.",
    ),
    (
        400,
        "x",
        [1],
        "parameter 'x' has invalid type. It should be either 'int', 'bool', or 'string'.",
    ),
    (
        400,
        "x",
        {},
        "parameter 'x' has invalid type. It should be either 'int', 'bool', or 'string'.",
    ),
]


@pytest.mark.parametrize(("status", "key", "value", "text"), PARAMETER_ERRORS)
def test_bad_parameters(http_port: int, status: int, key: str, value: Any, text: str) -> None:
    answer = post(http_port, "identity_echo", parameters={key: value})
    assert (answer.status, answer.error()) == (status, text)


@pytest.mark.parametrize("identifier", ["a", '\u00e4\u4e2d"\\\n', "x" * 10_000])
def test_the_id_comes_back(http_port: int, identifier: str) -> None:
    answer = post(http_port, "identity_fp32", id=identifier)
    assert answer.json()["id"] == identifier


def test_an_empty_id_does_not(http_port: int) -> None:
    assert "id" not in post(http_port, "identity_fp32", id="").json()


# The C API's codes in the order of their numbers.
@pytest.mark.parametrize(
    ("code", "status"), list(enumerate([400, 500, 404, 400, 503, 501, 400, 400]))
)
@pytest.mark.parametrize("source", ["response", "execute"])
def test_errors_of_the_model(http_port: int, code: int, status: int, source: str) -> None:
    parameters = {"error_code": code, "error_message": 'n\u00f6pe "%"\n', "error_from": source}
    answer = post(http_port, "fail", parameters=parameters)
    assert (answer.status, answer.error()) == (status, 'n\u00f6pe "%"\n')


def test_a_response_apart_from_its_final_flag(http_port: int) -> None:
    answer = post(http_port, "split", parameters={"gap_ms": 20})
    assert answer.json()["outputs"][0]["data"] == [1.0]


def test_an_explicit_version(http_port: int) -> None:
    for version in ("1", "3", "03"):
        answer = post(http_port, f"identity_versions/versions/{version}")
        assert answer.json()["model_version"] == str(int(version))
    assert post(http_port, "identity_versions").json()["model_version"] == "3"
