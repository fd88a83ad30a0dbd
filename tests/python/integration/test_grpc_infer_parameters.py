"""gRPC ModelInfer: parameters and requested outputs that are wrong, with the answers' texts."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from calls import infer_request, outcome, output, tensor
from tritonclient.grpc import service_pb2 as pb

ID = "[request id: <id_unknown>] "
ONE = b"\0\0\x80\x3f"
UINT64 = pb.InferParameter(uint64_param=1)
UNSET = pb.InferParameter()


def check(stub: Any, request: Any, code: str, text: str) -> None:
    assert outcome(lambda: stub.ModelInfer(request)) == (code, text)


def wrong_type(key: str, expected: str) -> str:
    return f"invalid value type for '{key}' parameter, expected {expected}."


RESERVED = (
    "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following "
    "keys starting "
    "with 'triton_' are allowed: triton_enable_empty_final_response"
)
CUSTOM = "int64_param, bool_param, or string_param"
PARAMETERS = [
    ("sequence_id", UINT64, wrong_type("sequence_id", "int64_param or string_param")),
    ("sequence_id", True, wrong_type("sequence_id", "int64_param or string_param")),
    ("sequence_id", 1.5, wrong_type("sequence_id", "int64_param or string_param")),
    ("sequence_id", UNSET, wrong_type("sequence_id", "int64_param or string_param")),
    ("sequence_start", 1, wrong_type("sequence_start", "bool_param")),
    ("sequence_end", "true", wrong_type("sequence_end", "bool_param")),
    ("priority", -1, "invalid value for 'priority', expected value >= 0."),
    ("priority", "1", wrong_type("priority", "int64_param or uint64_param")),
    ("priority", 1.0, wrong_type("priority", "int64_param or uint64_param")),
    ("timeout", UINT64, wrong_type("timeout", "int64_param")),
    ("timeout", "1", wrong_type("timeout", "int64_param")),
    (
        "triton_enable_empty_final_response",
        1,
        wrong_type("triton_enable_empty_final_response", "bool_param"),
    ),
    ("triton_final_response", True, RESERVED),
    ("triton_x", 1, RESERVED),
    ("custom", UINT64, wrong_type("custom", CUSTOM)),
    ("custom", UNSET, wrong_type("custom", CUSTOM)),
]


@pytest.mark.parametrize(("key", "value", "text"), PARAMETERS)
def test_parameters(triton_stub: Any, key: str, value: Any, text: str) -> None:
    check(triton_stub, infer_request(parameters={key: value}), "INVALID_ARGUMENT", text)


def test_a_long_sequence_id(triton_stub: Any) -> None:
    check(
        triton_stub,
        infer_request(parameters={"sequence_id": "x" * 129}),
        "UNIMPLEMENTED",
        "string correlation ID cannot be longer than 128 characters",
    )


def test_sequences(triton_stub: Any) -> None:
    batch = ("sequence", [tensor(shape=[1, 1])], [ONE])
    for parameters, text in (
        (
            {},
            "inference request to model 'sequence' must specify a non-zero or non-empty "
            "correlation ID",
        ),
        (
            {"sequence_id": 765432},
            "inference request for sequence 765432 to model 'sequence' must specify the START "
            "flag on the first request of the sequence",
        ),
    ):
        request = infer_request(*batch, parameters=parameters)
        code, got = outcome(partial(triton_stub.ModelInfer, request))
        assert code == "INVALID_ARGUMENT"
        assert got.endswith(text)


SHARED = "' parameter for tensor 'OUTPUT0'"
OUTPUTS = [
    (output("OTHER"), "unexpected inference output 'OTHER' for model 'identity_fp32'"),
    (
        output(classification="1"),
        "invalid value type for 'classification' parameter, expected int64_param",
    ),
    (
        output(classification=True),
        "invalid value type for 'classification' parameter, expected int64_param",
    ),
    (output(classification=0), "invalid value for 'classification' parameter, expected >= 0"),
    (output(classification=-1), "invalid value for 'classification' parameter, expected >= 0"),
    (
        output(shared_memory_region=1),
        "invalid value type for 'shared_memory_region' parameter for tensor 'OUTPUT0', expected "
        "string_param.",
    ),
    (
        output(shared_memory_region="r"),
        "'shared_memory_byte_size' must be specified along with 'shared_memory_region" + SHARED,
    ),
    (
        output(shared_memory_byte_size=4),
        "'shared_memory_byte_size' can not be specified without 'shared_memory_region" + SHARED,
    ),
    (
        output(shared_memory_region="r", shared_memory_byte_size="4"),
        "invalid value type for 'shared_memory_byte_size' parameter for tensor 'OUTPUT0', "
        "expected int64_param.",
    ),
]


@pytest.mark.parametrize(("wanted", "text"), OUTPUTS)
def test_outputs(triton_stub: Any, wanted: Any, text: str) -> None:
    check(triton_stub, infer_request(outputs=[wanted]), "INVALID_ARGUMENT", text)


def test_an_output_requested_twice(triton_stub: Any) -> None:
    # Cores before 2.70 take the second one for the first.
    request = infer_request(outputs=[output(), output()])
    got = outcome(lambda: triton_stub.ModelInfer(request))
    assert got in [
        ("OK", ""),
        ("INVALID_ARGUMENT", ID + "output 'OUTPUT0' already exists in request"),
    ]


@pytest.mark.parametrize("datatype", ["BOOL", "FP16", "BF16"])
def test_classification_of_types_without_order(triton_stub: Any, datatype: str) -> None:
    size = 1 if datatype == "BOOL" else 2
    request = infer_request(
        f"identity_{datatype.lower()}",
        [tensor("INPUT0", datatype)],
        [bytes(size)],
        outputs=[output(classification=1)],
    )
    check(
        triton_stub,
        request,
        "INVALID_ARGUMENT",
        f"class result not available for output due to unsupported type '{datatype}'",
    )


def test_classification_of_text(triton_stub: Any) -> None:
    request = infer_request(
        "identity_bytes",
        [tensor("INPUT0", "BYTES")],
        [b"\0\0\0\0"],
        outputs=[output(classification=1)],
    )
    check(
        triton_stub,
        request,
        "INVALID_ARGUMENT",
        "class result not available for output due to unsupported type 'BYTES'",
    )
