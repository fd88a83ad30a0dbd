"""gRPC ModelInfer: what goes in comes out, in every datatype and form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
from calls import infer_request, outcome, output, stub, tensor
from extra_models import LABELS
from samples import SAMPLES, same

FORMS: dict[str, tuple[str, list[Any]]] = {
    "BOOL": ("bool_contents", [True, False]),
    "INT8": ("int_contents", [-128, 127]),
    "INT16": ("int_contents", [-32768, 32767]),
    "INT32": ("int_contents", [-(2**31), 2**31 - 1]),
    "INT64": ("int64_contents", [-(2**63), 2**63 - 1]),
    "UINT8": ("uint_contents", [0, 255]),
    "UINT16": ("uint_contents", [0, 65535]),
    "UINT32": ("uint_contents", [0, 2**32 - 1]),
    "UINT64": ("uint64_contents", [0, 2**64 - 1]),
    "FP32": ("fp32_contents", [0.5, -2.0]),
    "FP64": ("fp64_contents", [0.1, -1e300]),
}


def encoded(values: list[bytes]) -> bytes:
    return b"".join(len(v).to_bytes(4, "little") + v for v in values)


def dtype(datatype: str) -> np.dtype[Any]:
    names = {"FP32": "float32", "FP64": "float64"}
    return np.dtype(names.get(datatype, datatype.lower())).newbyteorder("<")


@pytest.mark.parametrize("datatype", list(SAMPLES))
@pytest.mark.parametrize("size", [None, 0])
def test_round_trip_of_the_client(
    grpc_client: grpcclient.InferenceServerClient, datatype: str, size: int | None
) -> None:
    data = SAMPLES[datatype][:size]
    tensor_in = grpcclient.InferInput("INPUT0", list(data.shape), datatype)
    tensor_in.set_data_from_numpy(data)
    result = grpc_client.infer(
        f"identity_{datatype.lower()}",
        [tensor_in],
        outputs=[grpcclient.InferRequestedOutput("OUTPUT0")],
    )
    got = result.as_numpy("OUTPUT0")
    assert result.get_output("OUTPUT0").datatype == datatype
    assert same(got, data) if size is None else got.size == 0


@pytest.mark.parametrize("datatype", list(FORMS))
def test_typed_contents(triton_stub: Any, datatype: str) -> None:
    field, values = FORMS[datatype]
    request = infer_request(
        f"identity_{datatype.lower()}", [tensor("INPUT0", datatype, [2], **{field: values})]
    )
    got = triton_stub.ModelInfer(request)
    assert list(got.raw_output_contents) == [np.array(values, dtype(datatype)).tobytes()]
    assert (got.outputs[0].datatype, list(got.outputs[0].shape)) == (datatype, [2])
    assert not got.outputs[0].HasField("contents")


def test_typed_bytes(triton_stub: Any) -> None:
    values = [b"", b"a\0b", b"\xff\xfe", "\u00e4".encode(), b"x" * 100_000]
    request = infer_request(
        "identity_bytes", [tensor("INPUT0", "BYTES", [5], bytes_contents=values)]
    )
    assert list(triton_stub.ModelInfer(request).raw_output_contents) == [encoded(values)]


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_half_floats_raw(triton_stub: Any, datatype: str) -> None:
    blob = bytes.fromhex("0000003c00bcff7b007c00fe")
    request = infer_request(
        f"identity_{datatype.lower()}", [tensor("INPUT0", datatype, [6])], [blob]
    )
    assert list(triton_stub.ModelInfer(request).raw_output_contents) == [blob]


def test_many_bytes_elements(triton_stub: Any) -> None:
    values = [b"%d" % n for n in range(200_000)]
    request = infer_request(
        "identity_bytes", [tensor("INPUT0", "BYTES", [len(values)], bytes_contents=values)]
    )
    assert triton_stub.ModelInfer(request).raw_output_contents[0] == encoded(values)


def test_raw_entries_follow_the_order_of_inputs(triton_stub: Any) -> None:
    text, number = encoded([b"t"]), b"\0\0\x80\x3f"
    both = [tensor("INPUT0"), tensor("INPUT1", "BYTES")]
    for inputs, raw in ((both, [number, text]), (both[::-1], [text, number])):
        got = triton_stub.ModelInfer(infer_request("identity_two", inputs, raw))
        found = {o.name: r for o, r in zip(got.outputs, got.raw_output_contents, strict=True)}
        assert found == {"OUTPUT0": number, "OUTPUT1": text}


def test_surplus_raw_entries_are_ignored(triton_stub: Any) -> None:
    request = infer_request(raw=[b"\0\0\x80\x3f", b"more"], inputs=[tensor()])
    assert len(triton_stub.ModelInfer(request).raw_output_contents) == 1


@pytest.mark.parametrize(
    "inputs",
    [
        ([tensor(shape=[0])], [b""]),
        ([tensor(shape=[0], fp32_contents=[])], []),
    ],
)
def test_zero_size(triton_stub: Any, inputs: Any) -> None:
    got = triton_stub.ModelInfer(infer_request("identity_fp32", *inputs))
    assert list(got.outputs[0].shape) == [0]
    assert list(got.raw_output_contents) == [b""]


def test_response_fields(triton_stub: Any) -> None:
    got = triton_stub.ModelInfer(infer_request("identity_versions", id="abc", model_version="1"))
    assert (got.model_name, got.model_version, got.id) == ("identity_versions", "1", "abc")
    assert not got.parameters
    got = triton_stub.ModelInfer(infer_request("identity_versions"))
    assert (got.model_version, got.id) == ("3", "")


def test_requested_outputs(triton_stub: Any) -> None:
    inputs, raw = [tensor(), tensor("INPUT1", "BYTES")], [b"\0\0\x80\x3f", encoded([b"t"])]
    for names in (["OUTPUT1"], ["OUTPUT0"], ["OUTPUT1", "OUTPUT0"], []):
        outputs = [output(name, other=1) for name in names]
        got = triton_stub.ModelInfer(infer_request("identity_two", inputs, raw, outputs=outputs))
        assert sorted(o.name for o in got.outputs) == (sorted(names) or ["OUTPUT0", "OUTPUT1"])
        assert len(got.raw_output_contents) == len(got.outputs)


def floats(*values: float) -> list[bytes]:
    return [np.array(values, "<f4").tobytes()]


def test_classification(triton_stub: Any) -> None:
    outputs = [output(classification=3)]
    request = infer_request("labels", [tensor(shape=[4])], floats(3, 5.5, -1, 4), outputs=outputs)
    got = triton_stub.ModelInfer(request)
    assert (got.outputs[0].datatype, list(got.outputs[0].shape)) == ("BYTES", [3])
    expected = [f"5.500000:1:{LABELS[1]}", "4.000000:3", f"3.000000:0:{LABELS[0]}"]
    assert got.raw_output_contents[0] == encoded([e.encode() for e in expected])


def test_classification_of_a_batch(triton_stub: Any) -> None:
    outputs = [output(classification=1)]
    request = infer_request(
        "labels_batch", [tensor(shape=[2, 2])], floats(1, 2, 9, 8), outputs=outputs
    )
    got = triton_stub.ModelInfer(request)
    assert list(got.outputs[0].shape) == [2, 1]
    expected = [f"2.000000:1:{LABELS[1]}".encode(), f"9.000000:0:{LABELS[0]}".encode()]
    assert got.raw_output_contents[0] == encoded(expected)


def test_classification_of_nothing(triton_stub: Any) -> None:
    request = infer_request(
        inputs=[tensor(shape=[0])], raw=[b""], outputs=[output(classification=3)]
    )
    got = triton_stub.ModelInfer(request)
    assert (got.outputs[0].datatype, list(got.raw_output_contents)) == ("BYTES", [b""])


@pytest.mark.parametrize(
    "value", ["text", "", '\u00e4"', 0, -5, 2**63 - 1, -(2**63), True, False, 1.5]
)
@pytest.mark.parametrize("key", ["anything", "", "headers", "binary_data_output"])
def test_parameters_of_each_type(triton_stub: Any, key: str, value: Any) -> None:
    got = triton_stub.ModelInfer(infer_request("identity_echo", parameters={key: value}))
    echoed = got.parameters[key]
    found = getattr(echoed, echoed.WhichOneof("parameter_choice"))
    assert (type(found), found) == (type(value), value)


def test_timeout_and_inert_parameters(triton_stub: Any) -> None:
    parameters = {"timeout": 123456, "priority": 0, "triton_enable_empty_final_response": True}
    got = triton_stub.ModelInfer(infer_request("identity_echo", parameters=parameters))
    assert got.parameters["request.timeout_us"].int64_param == 123456
    assert not set(parameters) & set(got.parameters)


@pytest.mark.parametrize("identifier", [7, -1, "seven", "x" * 128])
def test_sequences(triton_stub: Any, identifier: Any) -> None:
    def step(**flags: bool) -> Any:
        request = infer_request(
            "sequence",
            [tensor(shape=[1, 1])],
            floats(1),
            parameters={"sequence_id": identifier} | flags,
        )
        return triton_stub.ModelInfer(request).parameters

    steps = [
        step(sequence_start=True, sequence_end=False),
        step(),
        step(sequence_end=True),
        step(sequence_start=True, sequence_end=True),
    ]
    assert [s["request.flags"].int64_param for s in steps] == [1, 0, 2, 3]
    field = "int64_param" if isinstance(identifier, int) else "string_param"
    assert {getattr(s["request.correlation_id"], field) for s in steps} == {identifier}


CODES = [
    "UNKNOWN",
    "INTERNAL",
    "NOT_FOUND",
    "INVALID_ARGUMENT",
    "UNAVAILABLE",
    "UNIMPLEMENTED",
    "ALREADY_EXISTS",
    "CANCELLED",
]


@pytest.mark.parametrize(("number", "code"), list(enumerate(CODES)))
@pytest.mark.parametrize("source", ["response", "execute"])
def test_errors_of_the_model(triton_stub: Any, number: int, code: str, source: str) -> None:
    text = 'n\u00f6pe "%41"\n\u4e2d\t'
    parameters = {"error_code": number, "error_message": text, "error_from": source}
    request = infer_request("fail", parameters=parameters)
    assert outcome(lambda: triton_stub.ModelInfer(request)) == (code, text)


def test_a_response_apart_from_its_final_flag(triton_stub: Any) -> None:
    got = triton_stub.ModelInfer(infer_request("split", parameters={"gap_ms": 20}))
    assert list(got.raw_output_contents) == floats(1)


@pytest.mark.parametrize("megabytes", [1, 5, 64])
def test_large_messages_both_ways(grpc_port: int, megabytes: int) -> None:
    blob = bytes(range(256)) * (megabytes << 12)
    request = infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [len(blob)])], [blob])
    with stub(grpc_port) as large:
        assert large.ModelInfer(request).raw_output_contents[0] == blob


def test_a_client_with_a_small_receive_limit(grpc_port: int) -> None:
    blob = bytes(5 << 20)
    request = infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [len(blob)])], [blob])
    with stub(grpc_port, ("grpc.max_receive_message_length", 4 << 20)) as small:
        assert outcome(lambda: small.ModelInfer(request))[0] == "RESOURCE_EXHAUSTED"
        assert small.ModelInfer(infer_request()).raw_output_contents
