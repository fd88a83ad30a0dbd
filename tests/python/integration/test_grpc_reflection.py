"""Server reflection through the client of grpcio-reflection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from calls import channel, outcome, parameter
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2 as pb
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tritonclient.grpc import model_config_pb2, service_pb2

VERSIONS = ["v1", "v1alpha"]
SERVICES = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "inference.GRPCInferenceService",
]


@pytest.fixture(scope="module")
def reflecting(wide_server: Any) -> Iterator[grpc.Channel]:
    from tritonfrontend import KServeGrpc

    options = KServeGrpc.Options(address="127.0.0.1", port=0, reflection=True)
    with KServeGrpc(wide_server, options) as frontend, channel(frontend.port) as opened:
        yield opened


def ask(opened: grpc.Channel, version: str, *requests: Any) -> list[Any]:
    path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    method = opened.stream_stream(
        path,
        pb.ServerReflectionRequest.SerializeToString,
        pb.ServerReflectionResponse.FromString,
        _registered_method=False,
    )
    return list(method(iter(requests), timeout=30))


def test_is_off_unless_wanted(grpc_port: int) -> None:
    with channel(grpc_port) as opened:
        request = pb.ServerReflectionRequest(list_services="")
        assert outcome(lambda: ask(opened, "v1", request))[0] == "UNIMPLEMENTED"


@pytest.mark.parametrize("version", VERSIONS)
def test_lists_services(reflecting: grpc.Channel, version: str) -> None:
    (answer,) = ask(reflecting, version, pb.ServerReflectionRequest(list_services="", host="h"))
    assert [service.name for service in answer.list_services_response.service] == SERVICES
    assert answer.valid_host == "h"
    assert answer.original_request.HasField("list_services")


def test_the_client_resolves_every_service_and_message(reflecting: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(reflecting)
    assert sorted(database.get_services()) == SERVICES
    pool = DescriptorPool(database)
    for theirs in (service_pb2.DESCRIPTOR, model_config_pb2.DESCRIPTOR):
        for name, message in theirs.message_types_by_name.items():
            found = pool.FindMessageTypeByName(f"inference.{name}")
            assert set(found.fields_by_name) == set(message.fields_by_name)
    for name in SERVICES:
        assert pool.FindServiceByName(name).methods
    assert pool.FindFileByName("model_config.proto").package == "inference"
    assert database.FindAllExtensionNumbers("inference.ModelConfig") == []


# As grpcurl calls a method that it has no .proto file of.
def test_a_call_with_reflected_messages(reflecting: grpc.Channel) -> None:
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(reflecting))
    service = pool.FindServiceByName("inference.GRPCInferenceService")
    method = service.FindMethodByName("ModelInfer")
    request = GetMessageClass(method.input_type)(
        model_name="identity_fp32", id="r", raw_input_contents=[b"\0\0\x80\x3f"]
    )
    request.inputs.add(name="INPUT0", datatype="FP32", shape=[1])
    request.parameters["custom"].string_param = parameter("x").string_param
    call = reflecting.unary_unary(
        "/inference.GRPCInferenceService/ModelInfer",
        lambda message: message.SerializeToString(),
        GetMessageClass(method.output_type).FromString,
        _registered_method=False,
    )
    answer = call(request, timeout=30)
    assert (answer.id, answer.raw_output_contents[0]) == ("r", b"\0\0\x80\x3f")


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_there(reflecting: grpc.Channel, version: str) -> None:
    extension = pb.ExtensionRequest(containing_type="inference.ModelConfig", extension_number=7)
    answers = ask(
        reflecting,
        version,
        pb.ServerReflectionRequest(file_by_filename="nope.proto"),
        pb.ServerReflectionRequest(file_containing_symbol="inference.Nope"),
        pb.ServerReflectionRequest(file_containing_extension=extension),
        pb.ServerReflectionRequest(all_extension_numbers_of_type="inference.Nope"),
        pb.ServerReflectionRequest(),
        pb.ServerReflectionRequest(all_extension_numbers_of_type="inference.ModelConfig"),
    )
    codes = [answer.error_response.error_code for answer in answers]
    assert codes == [5, 5, 5, 5, 3, 0]
    assert "inference.Nope" in answers[1].error_response.error_message
    numbers = answers[-1].all_extension_numbers_response
    assert (numbers.base_type_name, list(numbers.extension_number)) == ("inference.ModelConfig", [])


def test_symbols_of_every_kind(reflecting: grpc.Channel) -> None:
    symbols = {
        "inference.ModelInferRequest": "grpc_service.proto",
        "inference.ModelInferRequest.InferInputTensor": "grpc_service.proto",
        "inference.ModelInferRequest.model_name": "grpc_service.proto",
        "inference.GRPCInferenceService.ModelInfer": "grpc_service.proto",
        "inference.DataType": "model_config.proto",
        "inference.TYPE_FP32": "model_config.proto",
        "grpc.health.v1.HealthCheckResponse.ServingStatus": "grpc/health/v1/health.proto",
    }
    requests = [pb.ServerReflectionRequest(file_containing_symbol=name) for name in symbols]
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    for answer, file in zip(ask(reflecting, "v1", *requests), symbols.values(), strict=True):
        (first, *_) = answer.file_descriptor_response.file_descriptor_proto
        assert FileDescriptorProto.FromString(first).name == file
