"""Writes cpp/kserve_grpc/schema.cc: the messages that are made from JSON of the core.

Run it after a change to ``tools/grpc_schema``; a test fails while the file is not what it writes.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from schema_tables import Enum, Field, File, Message, SchemaError, load

TARGET = Path(__file__).resolve().parent.parent / "cpp" / "kserve_grpc" / "schema.cc"
# What schema.h declares.
ROOTS = (
    "inference.ServerMetadataResponse",
    "inference.ModelMetadataResponse",
    "inference.ModelStatisticsResponse",
    "inference.RepositoryIndexResponse",
    "inference.ModelConfig",
)
HEAD = """\
// Made by tools/generate_proto_tables.py from tools/grpc_schema. Changes belong there.
// clang-format off
#include "kserve_grpc/schema.h"

#include <array>

namespace tfe::kserve_grpc {
namespace {

using codec::ProtoEnumValue;
using codec::ProtoField;
using codec::ProtoMessage;
using Kind = codec::ProtoKind;
using Shape = codec::ProtoShape;

"""
MIDDLE = "}  // namespace\n\n"
TAIL = "\n}  // namespace tfe::kserve_grpc\n"
_KINDS = {"bool", "int32", "int64", "uint32", "uint64", "float", "double", "string"}


class _Writer:
    def __init__(self, files: list[File]) -> None:
        self._messages: dict[str, Message] = {}
        self._enums: dict[str, Enum] = {}
        for file in files:
            self._messages |= {f"{file.package}.{item.name}": item for item in file.messages}
            self._enums |= {f"{file.package}.{item.name}": item for item in file.enums}
        self._written: set[str] = set()
        self._open: list[str] = []
        self.text = ""

    def message(self, full: str, *, root: bool) -> None:
        """Writes the fields, after all that they refer to; of others than roots also the name."""
        if full in self._written:
            return
        if full in self._open:
            raise SchemaError(f"{full} contains itself")
        self._open.append(full)
        message = self._messages[full]
        for field in message.fields:
            self._needed(field.type)
        self._open.pop()
        symbol = _symbol(full)
        fields = f"{symbol}Fields" if message.fields else ""
        if fields:
            self._list("ProtoField", fields, [self._field(field) for field in message.fields])
        if not root:
            self.text += f"constexpr ProtoMessage {symbol}{{{fields}}};\n"
        self.text += "\n"
        self._written.add(full)

    def _needed(self, kind: str) -> None:
        if kind in self._messages:
            self.message(kind, root=False)
        elif kind in self._enums and kind not in self._written:
            rows = [f'{{"{name}", {number}}}' for number, name in self._enums[kind].values]
            self._list("ProtoEnumValue", _symbol(kind) + "Values", rows)
            self.text += "\n"
            self._written.add(kind)

    def _list(self, kind: str, name: str, rows: list[str]) -> None:
        self.text += f"constexpr std::array<{kind}, {len(rows)}> {name}{{{{\n"
        self.text += "".join(f"    {row},\n" for row in rows) + "}};\n"

    def _field(self, field: Field) -> str:
        parts = [str(field.number), f'"{field.name}"', self._kind(field.type)]
        rest = [f"Shape::{_shape(field)}", "nullptr", "{}", "Kind::kString"]
        used = 1 if rest[0] != "Shape::kSingular" else 0
        if field.type in self._messages:
            rest[1], used = "&" + _symbol(field.type), 2
        elif field.type in self._enums:
            rest[2], used = _symbol(field.type) + "Values", 3
        if field.map_key not in (None, "string"):
            rest[3], used = self._kind(str(field.map_key)), 4
        return "{" + ", ".join(parts + rest[:used]) + "}"

    def _kind(self, kind: str) -> str:
        if kind in self._messages:
            return "Kind::kMessage"
        if kind in self._enums:
            return "Kind::kEnum"
        if kind not in _KINDS:
            raise SchemaError(f"JSON of the core has no {kind}")
        return "Kind::k" + kind.capitalize()


def _shape(field: Field) -> str:
    if field.map_key:
        return "kMap"
    if field.repeated:
        return "kRepeated"
    return "kOneof" if field.oneof else "kSingular"


def _symbol(full: str) -> str:
    return "k" + re.sub(r"^inference|\.", "", full)


def generate(files: list[File]) -> str:
    """The text of the source file."""
    writer = _Writer(files)
    for root in ROOTS:
        writer.message(root, root=True)
    text = HEAD + writer.text + MIDDLE
    for root in ROOTS:
        text += f"constinit const ProtoMessage {_symbol(root)}{{{_symbol(root)}Fields}};\n"
    return text + TAIL


def main() -> int:
    TARGET.write_text(generate(load()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
