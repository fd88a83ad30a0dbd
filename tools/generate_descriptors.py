"""Writes the C++ source with the protobuf descriptors of ``tools/grpc_schema``.

    generate_descriptors.py <target.cc>

Runs in the build. Descriptors are FileDescriptorProto messages (descriptor.proto of protobuf),
which server reflection hands to clients; they are encoded here, so that no build needs protobuf.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from schema_tables import SCALARS, Enum, Field, File, Message, Service, load

_SCALAR_TYPES = {
    "double": 1,
    "float": 2,
    "int64": 3,
    "uint64": 4,
    "int32": 5,
    "fixed64": 6,
    "fixed32": 7,
    "bool": 8,
    "string": 9,
    "bytes": 12,
    "uint32": 13,
    "sfixed32": 15,
    "sfixed64": 16,
    "sint32": 17,
    "sint64": 18,
}
assert _SCALAR_TYPES.keys() == SCALARS
_MESSAGE, _ENUM = 11, 14
_OPTIONAL, _REPEATED = 1, 3
_BYTES_PER_LINE = 24

HEAD = """\
// Made by tools/generate_descriptors.py from tools/grpc_schema. Changes belong there.
#include "kserve_grpc/descriptors.h"

namespace tfe::kserve_grpc {

std::span<const std::string_view> file_descriptors() {
  static constexpr std::string_view kFiles[] = {
"""
TAIL = """\
  };
  return kFiles;
}

}  // namespace tfe::kserve_grpc
"""


_Nested = TypeVar("_Nested", Message, Enum)


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def _entry_name(field: Field) -> str:
    """The message of a map's entries, as protobuf's compiler names it."""
    return "".join(part.capitalize() for part in field.name.split("_")) + "Entry"


class _Encoder:
    """Of one file; ``enums`` are the full names of all enums there are."""

    def __init__(self, file: File, enums: set[str]) -> None:
        self._file = file
        self._enums = enums

    def run(self) -> bytes:
        file = self._file
        out = _bytes(1, file.name) + _bytes(2, file.package)
        out += b"".join(_bytes(3, name) for name in file.imports)
        out += b"".join(_bytes(4, self._message(item)) for item in self._inside(file.messages, ""))
        out += b"".join(_bytes(5, _enum(item)) for item in self._inside(file.enums, ""))
        out += b"".join(_bytes(6, _service(item)) for item in file.services)
        return out + _bytes(12, "proto3")

    @staticmethod
    def _inside(items: Iterable[_Nested], scope: str) -> Iterable[_Nested]:
        return (item for item in items if item.name.rpartition(".")[0] == scope)

    def _message(self, message: Message) -> bytes:
        oneofs = list(dict.fromkeys(field.oneof for field in message.fields if field.oneof))
        out = _bytes(1, message.name.rpartition(".")[2])
        for field in message.fields:
            out += _bytes(2, self._field(field, message, oneofs))
        for field in message.fields:
            if field.map_key is not None:
                out += _bytes(3, self._entry(field))
        for nested in self._inside(self._file.messages, message.name):
            out += _bytes(3, self._message(nested))
        for enum in self._inside(self._file.enums, message.name):
            out += _bytes(4, _enum(enum))
        return out + b"".join(_bytes(8, _bytes(1, name)) for name in oneofs)

    def _field(self, field: Field, message: Message, oneofs: Sequence[str]) -> bytes:
        repeated = field.repeated or field.map_key is not None
        if field.map_key is not None:
            entry = f"{self._file.package}.{message.name}.{_entry_name(field)}"
            kind = _number(5, _MESSAGE) + _bytes(6, "." + entry)
        else:
            kind = self._kind(field.type)
        out = _bytes(1, field.name) + _number(3, field.number)
        out += _number(4, _REPEATED if repeated else _OPTIONAL) + kind
        return out + (_number(9, oneofs.index(field.oneof)) if field.oneof else b"")

    def _entry(self, field: Field) -> bytes:
        assert field.map_key is not None
        out = _bytes(1, _entry_name(field))
        for number, name, kind in ((1, "key", field.map_key), (2, "value", field.type)):
            member = _bytes(1, name) + _number(3, number) + _number(4, _OPTIONAL)
            out += _bytes(2, member + self._kind(kind))
        return out + _bytes(7, _number(7, 1))  # options: map_entry

    def _kind(self, name: str) -> bytes:
        if name in SCALARS:
            return _number(5, _SCALAR_TYPES[name])
        return _number(5, _ENUM if name in self._enums else _MESSAGE) + _bytes(6, "." + name)


def _enum(enum: Enum) -> bytes:
    out = _bytes(1, enum.name.rpartition(".")[2])
    for number, name in enum.values:
        out += _bytes(2, _bytes(1, name) + _number(2, number))
    return out


def _service(service: Service) -> bytes:
    out = _bytes(1, service.name)
    for method in service.methods:
        made = _bytes(1, method.name) + _bytes(2, "." + method.request)
        made += _bytes(3, "." + method.response)
        made += _number(5, 1) if method.client_streaming else b""
        made += _number(6, 1) if method.server_streaming else b""
        out += _bytes(2, made)
    return out


def descriptors(files: list[File]) -> dict[str, bytes]:
    """The serialized FileDescriptorProto of each file, by its name."""
    enums = {f"{file.package}.{enum.name}" for file in files for enum in file.enums}
    return {file.name: _Encoder(file, enums).run() for file in files}


def source(files: list[File]) -> str:
    text = HEAD
    for encoded in descriptors(files).values():
        text += "      std::string_view(\n"
        for at in range(0, len(encoded), _BYTES_PER_LINE):
            line = "".join(f"\\{byte:03o}" for byte in encoded[at : at + _BYTES_PER_LINE])
            text += f'          "{line}"\n'
        text += f"          , {len(encoded)}),\n"
    return text + TAIL


def main() -> int:
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source(load()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
