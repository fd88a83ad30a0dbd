"""tools/generate_descriptors.py: descriptors are those of the client libraries."""

from __future__ import annotations

from typing import Any

import generate_descriptors
import pytest
import schema_tables
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from tritonclient.grpc import model_config_pb2, service_pb2

OURS = generate_descriptors.descriptors(schema_tables.load())
THEIRS = {
    "grpc_service.proto": service_pb2,
    "model_config.proto": model_config_pb2,
    "grpc/health/v1/health.proto": health_pb2,
    "grpc/reflection/v1alpha/reflection.proto": reflection_pb2,
}


def by_number(item: Any) -> int:
    return int(item.number)


def by_name(item: Any) -> str:
    return str(item.name)


def put_in_order(message: DescriptorProto) -> None:
    """The order of declarations is no content; the numbers of oneofs follow from it."""
    oneofs = [oneof.name for oneof in message.oneof_decl]
    message.oneof_decl.sort(key=by_name)
    renamed = {oneofs.index(oneof.name): at for at, oneof in enumerate(message.oneof_decl)}
    for field in message.field:
        if field.HasField("oneof_index"):
            field.oneof_index = renamed[field.oneof_index]
    message.field.sort(key=by_number)
    message.nested_type.sort(key=by_name)
    message.enum_type.sort(key=by_name)
    for nested in message.nested_type:
        put_in_order(nested)


def content(file: FileDescriptorProto) -> FileDescriptorProto:
    """What counts of a file: without its name, and options for generators of other languages."""
    for field in ("name", "options"):
        file.ClearField(field)
    file.message_type.sort(key=by_name)
    file.enum_type.sort(key=by_name)
    for message in file.message_type:
        put_in_order(message)
    for service in file.service:
        for method in service.method:
            if not method.options.ListFields():
                method.ClearField("options")
    return file


@pytest.mark.parametrize("name", THEIRS)
def test_descriptors_equal_those_of_the_client(name: str) -> None:
    theirs = FileDescriptorProto()
    THEIRS[name].DESCRIPTOR.CopyToProto(theirs)
    ours = FileDescriptorProto.FromString(OURS[name])
    assert ours.name == name
    assert content(ours) == content(theirs)


def test_both_versions_of_reflection_are_the_same() -> None:
    older = OURS["grpc/reflection/v1alpha/reflection.proto"]
    newer = FileDescriptorProto.FromString(OURS["grpc/reflection/v1/reflection.proto"])
    text = str(FileDescriptorProto.FromString(older)).replace("v1alpha", "v1")
    assert text == str(newer)


def test_descriptors_are_in_their_shortest_form() -> None:
    for encoded in OURS.values():
        assert FileDescriptorProto.FromString(encoded).SerializeToString() == encoded
