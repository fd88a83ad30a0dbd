"""gRPC calls with the generated messages of the protocol, and their outcome as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

SERVICE = "/inference.GRPCInferenceService/"
HEALTH = "/grpc.health.v1.Health/Check"
Outcome = tuple[str, str]  # name of the status code, text

# The client libraries of Triton lift gRPC's limit of 4 MiB in the same way.
OPTIONS: dict[str, Any] = {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    # A subchannel of its own: tests that hurt their connection must not share it.
    "grpc.use_local_subchannel_pool": 1,
}


@contextmanager
def channel(port: int, *options: tuple[str, Any]) -> Iterator[grpc.Channel]:
    chosen = list((OPTIONS | dict(options)).items())
    with grpc.insecure_channel(f"127.0.0.1:{port}", chosen) as opened:
        yield opened


@contextmanager
def stub(
    port: int, *options: tuple[str, Any]
) -> Iterator[service_pb2_grpc.GRPCInferenceServiceStub]:
    with channel(port, *options) as opened:
        yield service_pb2_grpc.GRPCInferenceServiceStub(opened)


def raw_call(opened: grpc.Channel, path: str, request: bytes = b"", **options: Any) -> bytes:
    """A unary call that sends and gives back message bytes."""
    method = opened.unary_unary(path, _registered_method=False)
    answer: bytes = method(request, **{"timeout": 30.0} | options)
    return answer


def outcome(call: Callable[[], Any]) -> Outcome:
    """``("OK", "")`` or the failure of ``call``."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code().name, error.details() or ""
    return "OK", ""


def parameter(value: Any) -> pb.InferParameter:
    """Of a Python value, in the way of the Python client; messages are taken as they are."""
    if isinstance(value, pb.InferParameter):
        return value
    if isinstance(value, bool):
        return pb.InferParameter(bool_param=value)
    if isinstance(value, int):
        return pb.InferParameter(int64_param=value)
    if isinstance(value, float):
        return pb.InferParameter(double_param=value)
    return pb.InferParameter(string_param=value)


def set_parameters(target: Any, parameters: dict[str, Any]) -> None:
    for key, value in parameters.items():
        target.parameters[key].CopyFrom(parameter(value))


def tensor(name: str = "INPUT0", datatype: str = "FP32", shape: Any = (1,), **contents: Any) -> Any:
    """An input; ``contents`` are lists of InferTensorContents."""
    made = pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape)
    if contents:
        made.contents.CopyFrom(pb.InferTensorContents(**contents))
    return made


def output(name: str = "OUTPUT0", **parameters: Any) -> Any:
    made = pb.ModelInferRequest.InferRequestedOutputTensor(name=name)
    set_parameters(made, parameters)
    return made


def infer_request(
    model: str = "identity_fp32",
    inputs: Any = None,
    raw: Any = (),
    *,
    outputs: Any = (),
    parameters: dict[str, Any] | None = None,
    **fields: Any,
) -> Any:
    """A ModelInferRequest; by default a valid one with the FP32 value 1 in raw form."""
    if inputs is None:
        inputs, raw = [tensor()], [b"\0\0\x80\x3f"]
    made = pb.ModelInferRequest(
        model_name=model, inputs=inputs, outputs=outputs, raw_input_contents=list(raw), **fields
    )
    set_parameters(made, parameters or {})
    return made


def slow_request(delay_ms: int = 600_000) -> Any:
    """For the model ``delay``; by default only cancellation ends it."""
    return infer_request("delay", parameters={"delay_ms": delay_ms})
