"""gRPC ModelInfer: every way a request can be wrong, with the code and the text of the answer."""

from __future__ import annotations

from typing import Any

import pytest
from calls import infer_request, outcome, output, tensor

ID = "[request id: <id_unknown>] "
ONE = b"\0\0\x80\x3f"


def check(stub: Any, request: Any, code: str, text: str) -> None:
    assert outcome(lambda: stub.ModelInfer(request)) == (code, text)


INPUTS = [
    (
        [tensor()],
        [],
        "unable to find data for input tensor 'INPUT0' for model 'identity_fp32' in request.",
    ),
    (
        [tensor(fp32_contents=[1])],
        [ONE],
        "contents field must not be specified when using raw_input_contents for 'INPUT0' for "
        "model 'identity_fp32'",
    ),
    (
        [tensor(int_contents=[1])],
        [],
        "unexpected explicit tensor data for input tensor 'INPUT0' for model 'identity_fp32' of "
        "type 'INT32', "
        "expected datatype 'FP32'",
    ),
    (
        [tensor(uint_contents=[1])],
        [],
        "unexpected explicit tensor data for input tensor 'INPUT0' for model 'identity_fp32' of "
        "type 'UINT32', "
        "expected datatype 'FP32'",
    ),
    (
        [tensor(bool_contents=[True])],
        [],
        "unexpected explicit tensor data for input tensor 'INPUT0' for model 'identity_fp32' of "
        "type 'BOOL', "
        "expected datatype 'FP32'",
    ),
    (
        [tensor(bytes_contents=[b"x"])],
        [],
        "unexpected explicit tensor data for input tensor 'INPUT0' for model 'identity_fp32' of "
        "type 'BYTES', "
        "expected datatype 'FP32'",
    ),
    (
        [tensor(fp64_contents=[1])],
        [],
        "unexpected explicit tensor data for input tensor 'INPUT0' for model 'identity_fp32' of "
        "type 'FP64', "
        "expected datatype 'FP32'",
    ),
    (
        [tensor(datatype="INT64", int64_contents=[1], fp32_contents=[1])],
        [],
        "unexpected explicit tensor data for input tensor 'INPUT0' for model 'identity_fp32', "
        "binary data was "
        "already supplied.",
    ),
    ([tensor(), tensor()], [ONE, ONE], ID + "input 'INPUT0' already exists in request"),
    ([tensor("OTHER")], [ONE], "unexpected inference input 'OTHER' for model 'identity_fp32'"),
    (
        [],
        [],
        ID + "expected 1 inputs but got 0 inputs for model 'identity_fp32'. Got input(s) [], but "
        "missing "
        "required input(s) ['INPUT0']. Please provide all required input(s).",
    ),
    (
        [tensor(datatype="INT32")],
        [ONE],
        ID
        + "inference input 'INPUT0' data-type is 'INT32', but model 'identity_fp32' expects 'FP32'",
    ),
    (
        [tensor(datatype="fp32")],
        [ONE],
        ID + "inference input 'INPUT0' data-type is '<invalid>', but model 'identity_fp32' expects "
        "'FP32'",
    ),
    (
        [tensor(datatype="")],
        [ONE],
        ID + "inference input 'INPUT0' data-type is '<invalid>', but model 'identity_fp32' expects "
        "'FP32'",
    ),
    (
        [tensor(shape=[1, 1])],
        [ONE],
        ID + "unexpected shape for input 'INPUT0' for model 'identity_fp32'. Expected [-1], got "
        "[1,1]. ",
    ),
    (
        [tensor(shape=[-1])],
        [ONE],
        ID
        + "All input dimensions should be specified for input 'INPUT0' for model 'identity_fp32', "
        "got [-1]",
    ),
    (
        [tensor(shape=[2])],
        [ONE],
        ID
        + "input byte size mismatch for input 'INPUT0' for model 'identity_fp32'. Expected 8, got "
        "4",
    ),
    (
        [tensor()],
        [b""],
        ID
        + "input byte size mismatch for input 'INPUT0' for model 'identity_fp32'. Expected 4, got "
        "0",
    ),
]


@pytest.mark.parametrize(("inputs", "raw", "text"), INPUTS)
def test_inputs(triton_stub: Any, inputs: Any, raw: Any, text: str) -> None:
    check(triton_stub, infer_request("identity_fp32", inputs, raw), "INVALID_ARGUMENT", text)


BYTES = [
    (
        [2],
        b"\1\0\0\0a",
        "expected 2 string elements for inference input 'INPUT0' for model 'identity_bytes', got 1",
    ),
    (
        [1],
        b"\1\0\0\0a" * 2,
        "unexpected number of string elements 2 for inference input 'INPUT0' for model "
        "'identity_bytes', expecting 1",
    ),
    (
        [2],
        b"\1\0\0\0a\0\0",
        "incomplete string length indicator for inference input 'INPUT0' for model "
        "'identity_bytes', expecting 4 "
        "bytes but only 2 bytes available. Please make sure the string length indicator is in one "
        "buffer.",
    ),
]


@pytest.mark.parametrize(("shape", "raw", "text"), BYTES)
def test_bytes_elements(triton_stub: Any, shape: list[int], raw: bytes, text: str) -> None:
    request = infer_request("identity_bytes", [tensor("INPUT0", "BYTES", shape)], [raw])
    check(triton_stub, request, "INVALID_ARGUMENT", ID + text)


def test_batches(triton_stub: Any) -> None:
    request = infer_request("identity_batch", [tensor(shape=[9, 1])], [ONE * 9])
    check(
        triton_stub,
        request,
        "INVALID_ARGUMENT",
        ID + "inference request batch-size must be <= 8 for 'identity_batch'",
    )
    request = infer_request("identity_batch", [tensor(shape=[])], [ONE])
    check(
        triton_stub,
        request,
        "INVALID_ARGUMENT",
        ID + "input 'INPUT0' has no shape but model requires batch dimension for 'identity_batch'",
    )


@pytest.mark.parametrize("shape", [[2**62, 4], [2**63 - 1], [2**62, 0, 4], [-(2**63)], [-2]])
def test_absurd_shapes(triton_stub: Any, shape: list[int]) -> None:
    request = infer_request("two_free", [tensor(shape=[*shape, 4, 1][:3])], [ONE])
    code, text = outcome(lambda: triton_stub.ModelInfer(request))
    assert code == "INVALID_ARGUMENT"
    assert "INPUT0" in text


@pytest.mark.parametrize(
    ("model", "version", "code", "text"),
    [
        ("nope", "", "NOT_FOUND", "Request for unknown model: 'nope' is not found"),
        (
            "identity_fp32",
            "9",
            "NOT_FOUND",
            "Request for unknown model: 'identity_fp32' version 9 is not found",
        ),
        (
            "repeat",
            "",
            "UNIMPLEMENTED",
            "ModelInfer RPC doesn't support models with decoupled transaction policy",
        ),
    ],
)
def test_models(triton_stub: Any, model: str, version: str, code: str, text: str) -> None:
    # Looked at before everything else that is wrong.
    request = infer_request(model, [], model_version=version, parameters={"priority": "x"})
    check(triton_stub, request, code, text)


def test_the_id_is_part_of_the_text(triton_stub: Any) -> None:
    code, text = outcome(lambda: triton_stub.ModelInfer(infer_request(inputs=[], id="seven")))
    assert code == "INVALID_ARGUMENT"
    assert text.startswith("[request id: seven] expected 1 inputs")


@pytest.mark.parametrize("field", ["id", "model_name", "parameter", "key", "input", "output"])
def test_a_zero_character_is_never_cut_silently(triton_stub: Any, field: str) -> None:
    # The core takes C strings: what is behind the zero must not vanish without a word.
    request = infer_request("identity_echo", id="a\0b" if field == "id" else "")
    if field == "model_name":
        request.model_name = "identity_echo\0x"
    elif field == "parameter":
        request.parameters["p"].string_param = "a\0b"
    elif field == "key":
        request.parameters["a\0b"].int64_param = 1
    elif field == "input":
        request.inputs[0].name = "INPUT0\0x"
    elif field == "output":
        request.outputs.append(output("OUTPUT0\0x"))
    code, _ = outcome(lambda: triton_stub.ModelInfer(request))
    assert code in ("INVALID_ARGUMENT", "NOT_FOUND")
