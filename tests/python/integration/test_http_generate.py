"""HTTP: generate, one response to one flat JSON object."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from rawhttp import RawHttp, Response, call, request
from waiting import begun, failures, settled_failures, until

NOT_ONE = (
    "generate expects model to produce exactly 1 response, use generate stream for model that "
    "generates various number of responses"
)


def generate(port: int, model: str, body: Any, *headers: tuple[str, str]) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return call(port, "POST", f"/v2/models/{model}/generate", data, *headers)


def test_values_and_arrays(http_port: int) -> None:
    answer = generate(http_port, "identity_fp32", {"INPUT0": [1, 2.5], "id": "r"})
    assert answer.status == 200
    assert answer.header("content-type") == "application/json"
    assert answer.body == (
        b'{"OUTPUT0":[1.0,2.5],"id":"r","model_name":"identity_fp32","model_version":"1"}'
    )
    assert generate(http_port, "identity_fp32", {"INPUT0": 3}).json()["OUTPUT0"] == 3.0
    assert generate(http_port, "identity_bytes", {"INPUT0": "ä"}).json()["OUTPUT0"] == "ä"
    assert generate(http_port, "identity_bytes", {"INPUT0": ["a", "b"]}).json()["OUTPUT0"] == [
        "a",
        "b",
    ]
    assert generate(http_port, "identity_bool", {"INPUT0": True}).json()["OUTPUT0"] is True


@pytest.mark.parametrize("datatype", ["fp16", "bf16", "int8", "uint64", "fp64"])
def test_types(http_port: int, datatype: str) -> None:
    answer = generate(http_port, f"identity_{datatype}", {"INPUT0": [1, 2, 100]})
    assert answer.json()["OUTPUT0"] == [1, 2, 100]


def test_an_empty_array_is_a_tensor_without_elements(http_port: int) -> None:
    answer = generate(http_port, "identity_fp32", {"INPUT0": []})
    assert (answer.status, answer.json()["OUTPUT0"]) == (200, [])


def test_shapes_follow_the_count(http_port: int) -> None:
    answer = generate(http_port, "identity_batch", {"INPUT0": [1, 2, 3]})
    assert (answer.status, answer.json()["OUTPUT0"]) == (200, [1.0, 2.0, 3.0])
    assert generate(http_port, "fixed", {"INPUT0": [1, 2, 3, 4]}).status == 200
    wrong = generate(http_port, "fixed", {"INPUT0": [1, 2, 3]})
    assert (wrong.status, wrong.error()) == (
        400,
        "The schema can not convert input 'INPUT0' to tensor with proper shape",
    )
    assert generate(http_port, "two_free", {"INPUT0": list(range(8))}).status == 200


def test_parameters_reach_the_model(http_port: int) -> None:
    answer = generate(
        http_port,
        "identity_echo",
        {"INPUT0": 1, "s": "x", "i": -3, "b": False, "d": 0.5, "parameters": {"nested": 7}},
    )
    assert answer.status == 200, answer.body
    got = answer.json()
    assert (got["s"], got["i"], got["b"], got["d"], got["nested"]) == ("x", -3, False, 0.5, 7)
    assert got["OUTPUT0"] == 1.0


def test_protocol_parameters_of_the_nested_object(http_port: int) -> None:
    nested = {"sequence_id": 5, "sequence_start": True, "sequence_end": True, "timeout": 1_000_000}
    answer = generate(http_port, "sequence", {"INPUT0": 1, "parameters": nested})
    assert answer.status == 200, answer.body
    # At the top they are the model's alone, so the sequence model misses its id.
    assert generate(http_port, "sequence", {"INPUT0": 1, **nested}).status == 400


@pytest.mark.parametrize("count", [0, 2, 2_000_000_000])
def test_any_other_count_of_responses(http_port: int, count: int) -> None:
    answer = generate(http_port, "repeat", {"INPUT0": 1, "responses": count})
    assert (answer.status, answer.error()) == (500, NOT_ONE)


def test_decoupled_models_with_one_response(http_port: int) -> None:
    for final in ("last", "separate"):
        answer = generate(http_port, "repeat", {"INPUT0": 1, "responses": 1, "final": final})
        assert (answer.status, answer.json()["OUTPUT0"]) == (200, 1.0)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 500, "failed to parse the request JSON buffer: The document is empty. at 0"),
        (b"[]", 500, "attempt to get members for non-object"),
        (
            b'{"parameters":1}',
            500,
            "Expected JSON object for keyword: 'parameters': attempt to access JSON non-object as "
            "object",
        ),
        (
            b'{"parameters":{"x":null}}',
            400,
            "Converting keyword: 'parameters': parameter 'x' has invalid type. It should be "
            "either 'int', 'bool', or 'string'.",
        ),
        (
            b'{"INPUT0":[[1,2]]}',
            500,
            "Unable to parse 'data': Shape does not match true shape of 'data' field",
        ),
        (
            b'{"INPUT0":"x"}',
            500,
            "Unable to parse 'data': attempt to access JSON non-number as double",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["generate", "generate_stream"])
def test_errors(http_port: int, verb: str, body: bytes, status: int, error: str) -> None:
    answer = call(http_port, "POST", f"/v2/models/identity_fp32/{verb}", body)
    assert (answer.status, answer.error()) == (status, error)
    assert answer.header("content-type") == "application/json"


def test_an_input_given_twice(http_port: int) -> None:
    answer = generate(http_port, "identity_fp32", {"INPUT0": 1, "parameters": {"INPUT0": 2}})
    assert answer.status == 400
    assert "input 'INPUT0' already exists in request" in answer.error()


def test_unknown_models_and_methods(http_port: int) -> None:
    assert generate(http_port, "nothing", b"{").status == 404
    answer = call(http_port, "GET", "/v2/models/identity_fp32/generate")
    assert (answer.status, answer.header("allow")) == (405, "POST")
    assert call(http_port, "POST", "/v2/models/repeat/versions/9/generate", b"{}").status == 404


def test_errors_of_the_model(http_port: int) -> None:
    answer = generate(http_port, "fail", {"INPUT0": 1})
    assert answer.status != 200
    assert answer.error()
    first = generate(http_port, "repeat", {"INPUT0": 1, "responses": 3, "fail_at": 0})
    assert (first.status, first.error()) == (500, "the stream fails at response 0")


def test_compressed_requests(http_port: int) -> None:
    body = gzip.compress(json.dumps({"INPUT0": [4]}).encode())
    answer = generate(http_port, "identity_fp32", body, ("Content-Encoding", "gzip"))
    assert answer.json()["OUTPUT0"] == 4.0


def test_a_client_that_leaves_cancels(http_port: int) -> None:
    before = settled_failures(http_port, "delay")
    connection = RawHttp(http_port)
    body = json.dumps({"INPUT0": 1, "delay_ms": 600_000}).encode()
    begun(connection, request("POST", "/v2/models/delay/generate", body))
    connection.reset()
    until(lambda: failures(http_port, "delay") == before + 1, "the inference is cancelled")
