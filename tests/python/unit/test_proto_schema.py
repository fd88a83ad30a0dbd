"""tools/grpc_schema: agrees with the client library's descriptors, and schema.cc with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import generate_proto_tables
import pytest
import schema_tables
from google.protobuf.descriptor import FieldDescriptor
from tritonclient.grpc import model_config_pb2, service_pb2

FILES = {file.name: file for file in schema_tables.load()}
DESCRIPTORS = {pb2.DESCRIPTOR.name: pb2.DESCRIPTOR for pb2 in (model_config_pb2, service_pb2)}


def nested(types: Any) -> dict[str, Any]:
    """Message descriptors by dotted name, those of maps left out."""
    found = {}
    for kind in types:
        if not kind.GetOptions().map_entry:
            found[kind.full_name.removeprefix("inference.")] = kind
            found |= nested(kind.nested_types)
    return found


def type_name(field: Any) -> str:
    if field.message_type:
        return str(field.message_type.full_name)
    if field.enum_type:
        return str(field.enum_type.full_name)
    for scalar in schema_tables.SCALARS:
        if field.type == getattr(FieldDescriptor, f"TYPE_{scalar.upper()}"):
            return scalar
    raise AssertionError(field.full_name)


def is_repeated(field: Any) -> bool:
    # Newer versions of protobuf warn of `label`.
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED)


def described(field: Any) -> schema_tables.Field:
    made = schema_tables.Field(field.number, field.name, type_name(field))
    if field.message_type and field.message_type.GetOptions().map_entry:
        entry = field.message_type.fields_by_name
        made.type, made.map_key = type_name(entry["value"]), type_name(entry["key"])
    else:
        made.repeated = is_repeated(field)
    if field.containing_oneof:
        made.oneof = field.containing_oneof.name
    return made


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_messages_are_those_of_the_client(name: str) -> None:
    theirs = nested(DESCRIPTORS[name].message_types_by_name.values())
    ours = {message.name: message.fields for message in FILES[name].messages}
    assert ours.keys() == theirs.keys()
    for message, fields in ours.items():
        expected = [described(field) for field in theirs[message].fields]
        assert sorted(fields, key=lambda field: field.number) == sorted(
            expected, key=lambda field: field.number
        ), message


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_enums_are_those_of_the_client(name: str) -> None:
    descriptor = DESCRIPTORS[name]
    kinds = list(descriptor.enum_types_by_name.values())
    for message in nested(descriptor.message_types_by_name.values()).values():
        kinds += message.enum_types
    theirs = {
        kind.full_name.removeprefix("inference."): [(v.number, v.name) for v in kind.values]
        for kind in kinds
    }
    assert {enum.name: enum.values for enum in FILES[name].enums} == theirs


def test_services_are_those_of_the_client() -> None:
    (ours,) = FILES["grpc_service.proto"].services
    theirs = service_pb2.DESCRIPTOR.services_by_name[ours.name]
    assert {(m.name, m.request, m.response) for m in ours.methods} == {
        (m.name, m.input_type.full_name, m.output_type.full_name) for m in theirs.methods
    }
    streams = [m.name for m in ours.methods if m.client_streaming or m.server_streaming]
    assert streams == ["ModelStreamInfer"]


def test_schema_is_up_to_date() -> None:
    committed = Path(__file__).resolve().parents[3] / "cpp" / "kserve_grpc" / "schema.cc"
    assert committed.read_text() == generate_proto_tables.generate(list(FILES.values())), (
        "run tools/generate_proto_tables.py"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("message A\n  1 a string", "schema:2: not understood: 1 a string"),
        ("1 a: string", "schema:1: not understood"),
        ("enum", "schema:1: not understood: enum"),
        ("service S\n  M: A", "schema:2: not understood"),
    ],
)
def test_lines_that_are_not_understood(text: str, message: str) -> None:
    with pytest.raises(schema_tables.SchemaError, match=message):
        schema_tables.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("package p\nmessage A\n  1 a: B", "p.A: no type B"),
        ("package p\nmessage A\n  1 a: bool\n  1 b: bool", "A: a field number is used twice"),
        ("package p\nmessage A\n  1 a: bool\n  2 a: bool", "A: a field name is used twice"),
    ],
)
def test_tables_that_make_no_sense(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(schema_tables.SchemaError, match=message):
        schema_tables.load(tmp_path)


def test_types_are_looked_up_from_the_inside(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(
        "file a.proto\npackage p\n"
        "message Kind\nmessage A\n  1 a: Kind\n  2 b: map<string,Kind>\n  3 c: Kind[] \n"
        "enum A.Kind\n  0 ZERO\nmessage B\n  1 a: Kind oneof x\n"
    )
    (file,) = schema_tables.load(tmp_path)
    field = schema_tables.Field
    assert {message.name: message.fields for message in file.messages} == {
        "Kind": [],
        "A": [
            field(1, "a", "p.A.Kind"),
            field(2, "b", "p.A.Kind", map_key="string"),
            field(3, "c", "p.A.Kind", repeated=True),
        ],
        "B": [field(1, "a", "p.Kind", oneof="x")],
    }
