"""gRPC: what the reference server gets wrong about requests, checked here to be right.

Each test is named after the defect.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
from calls import infer_request, outcome, output, parameter, stub, tensor
from tritonclient.grpc import service_pb2 as pb
from waiting import until

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LOCAL = "127.0.0.1"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("datatype", "field", "value"),
    [
        ("INT8", "int_contents", 300),
        ("INT8", "int_contents", -129),
        ("INT16", "int_contents", 65537),
        ("UINT8", "uint_contents", 256),
        ("UINT16", "uint_contents", 65536),
    ],
)
def test_typed_integers_are_cut(triton_stub: Any, datatype: str, field: str, value: int) -> None:
    name = f"identity_{datatype.lower()}"
    request = infer_request(name, [tensor("INPUT0", datatype, [1], **{field: [value]})])
    assert outcome(lambda: triton_stub.ModelInfer(request)) == (
        "INVALID_ARGUMENT",
        f"unexpected explicit tensor data for input tensor 'INPUT0' for model '{name}': {value} is"
        f" out of range for datatype '{datatype}'",
    )


@pytest.mark.parametrize("count", [2**32, 2**32 + 1, 2**63 - 1])
def test_a_class_count_is_cut_to_32_bits(triton_stub: Any, count: int) -> None:
    data = np.array([1, 3, 2], np.float32).tobytes()
    request = infer_request(
        "identity_fp32",
        [tensor("INPUT0", "FP32", [3])],
        [data],
        outputs=[output("OUTPUT0", classification=count)],
    )
    got = triton_stub.ModelInfer(request)
    assert list(got.outputs[0].shape) == [3]
    assert got.raw_output_contents[0].count(b".000000:") == 3


def test_not_a_number_breaks_the_order_of_classes(triton_stub: Any) -> None:
    data = np.array([np.nan, 1, np.nan, 3, 2, np.nan] * 20, np.float32)
    request = infer_request(
        "identity_fp32",
        [tensor("INPUT0", "FP32", [data.size])],
        [data.tobytes()],
        outputs=[output("OUTPUT0", classification=3)],
    )
    got = triton_stub.ModelInfer(request)
    assert list(got.outputs[0].shape) == [3]
    assert got.raw_output_contents[0].count(b"3.000000:") in (0, 3)


@pytest.mark.parametrize(("version", "code"), [("1abc", "OK"), (" 1", "OK"), ("0", "NOT_FOUND")])
def test_versions_with_text_around_them(triton_stub: Any, version: str, code: str) -> None:
    """Clients depend on it, so it stays."""
    request = infer_request("identity_fp32", model_version=version)
    assert outcome(lambda: triton_stub.ModelInfer(request))[0] == code


@pytest.mark.parametrize("field", ["id", "model_name", "key", "value"])
def test_text_is_cut_at_a_zero(triton_stub: Any, field: str) -> None:
    request = infer_request("identity_echo")
    if field == "key":
        request.parameters["a\0b"].CopyFrom(parameter("x"))
    elif field == "value":
        request.parameters["a"].CopyFrom(parameter("x\0y"))
    else:
        setattr(request, field, "identity_echo\0x")
    code, text = outcome(lambda: triton_stub.ModelInfer(request))
    assert code in ("INVALID_ARGUMENT", "NOT_FOUND")
    assert "zero" in text or "NUL" in text or "not found" in text


def test_forwarded_metadata_is_cut_at_a_zero(open_grpc: Any) -> None:
    with stub(open_grpc(forward_header_pattern="x-")) as made:
        ask = outcome(
            lambda: made.ModelInfer(infer_request("identity_echo"), metadata=[("x-bin", b"a\0b")])
        )
    assert ask == (
        "INVALID_ARGUMENT",
        "metadata 'x-bin' is forwarded and must not contain a NUL byte",
    )


def test_unsigned_parameters_have_no_place(triton_stub: Any) -> None:
    """The core has no such parameter; the text is Triton's."""
    request = infer_request("identity_echo")
    request.parameters["n"].CopyFrom(pb.InferParameter(uint64_param=1))
    assert outcome(lambda: triton_stub.ModelInfer(request)) == (
        "INVALID_ARGUMENT",
        "invalid value type for 'n' parameter, expected int64_param, bool_param, or string_param.",
    )
    request.parameters["n"].CopyFrom(pb.InferParameter(double_param=0.5))
    assert outcome(lambda: triton_stub.ModelInfer(request)) == ("OK", "")


def test_an_invalid_pattern_forwards_nothing() -> None:
    from tritonfrontend import InvalidArgumentError, KServeGrpc

    with pytest.raises(InvalidArgumentError, match="header forward pattern"):
        KServeGrpc.Options(forward_header_pattern="(")


def test_the_priority_of_a_proxy_fails_every_request(open_grpc: Any) -> None:
    with stub(open_grpc(forward_header_pattern=".*")) as made:
        ask = made.ModelInfer(
            infer_request("identity_echo"), metadata=[("priority", "u=1, i"), ("x-a", "b")]
        )
    assert ask.parameters["x-a"].string_param == "b"
    assert "priority" not in ask.parameters


def test_a_restricted_key_with_capitals_locks_everybody_out(open_grpc: Any) -> None:
    port = open_grpc(restricted_protocols=["metadata:Admin-Key=value"])
    with closing(grpcclient.InferenceServerClient(f"{LOCAL}:{port}")) as client:
        headers = {"triton-grpc-protocol-admin-key": "value"}
        assert client.get_server_metadata(headers=headers).name == "triton"


def test_a_secret_is_judged_after_the_upload_and_shown_to_models(open_grpc: Any) -> None:
    """That the upload is not waited for is checked frame by frame in test_grpc_access.py."""
    port = open_grpc(
        restricted_protocols=["inference:key=value"], forward_header_pattern="triton-grpc|x-"
    )
    secret = ("triton-grpc-protocol-key", "value")
    with stub(port) as made:
        assert outcome(lambda: made.ModelInfer(infer_request("nope")))[0] == "UNAVAILABLE"
        got = made.ModelInfer(infer_request("identity_echo"), metadata=[secret, ("x-a", "b")])
    assert got.parameters["x-a"].string_param == "b"
    assert secret[0] not in got.parameters


def test_surplus_raw_contents_shift_tensors_unnoticed(triton_stub: Any) -> None:
    """They are accepted, and the log tells of them."""
    request = infer_request()
    request.raw_input_contents.append(b"more")
    got = triton_stub.ModelInfer(request)
    assert list(got.raw_output_contents) == [b"\0\0\x80\x3f"]


def test_a_request_whose_deadline_has_passed_runs(triton_stub: Any, http_port: int) -> None:
    """It waits behind others, and is not executed once its caller has given up."""

    def executed() -> int:
        request = pb.ModelStatisticsRequest(name="delay")
        (model,) = triton_stub.ModelStatistics(request).model_stats
        return int(model.inference_count)

    busy = [
        triton_stub.ModelInfer.future(infer_request("delay", parameters={"delay_ms": 600_000}))
        for _ in range(4)  # instances of the model
    ]
    before = executed()
    late = infer_request("delay", parameters={"delay_ms": 0})
    code, _ = outcome(lambda: triton_stub.ModelInfer(late, timeout=0.3))
    assert code == "DEADLINE_EXCEEDED"
    for call in busy:
        call.cancel()
    fresh = infer_request("delay", parameters={"delay_ms": 0})
    assert outcome(lambda: triton_stub.ModelInfer(fresh)) == ("OK", "")
    until(lambda: executed() >= before + 1, "the last request is counted")
    assert executed() == before + 1


def test_a_traceparent_is_read_beyond_its_end(
    wide_server: Server, triton_stub: Any, tmp_path: Path
) -> None:
    """What lies behind it in memory is not part of it: it is valid, and the call is traced."""
    from tritonfrontend import configure_tracing

    path = tmp_path / "trace.json"
    settings = {
        "triton,file": str(path),
        "rate": "1000000",
        "level": "TIMESTAMPS",
        "parent-based": "true",
    }
    configure_tracing(wide_server, settings)
    triton_stub.ModelInfer(infer_request())  # the first one is no sample
    for more in ("", "ff", "-x"):
        metadata = [("traceparent", PARENT), ("traceparent-more", more)]
        triton_stub.ModelInfer(infer_request(), metadata=metadata)
    until(lambda: path.exists() and path.read_text().count("GRPC_SEND_END") == 3, "three traces")
    configure_tracing(wide_server, {})
