"""Reads the tables of ``tools/grpc_schema``: the protobuf messages that clients of Triton speak.

One file per .proto file, line by line; ``#`` begins a comment and indentation does not count::

    file grpc_service.proto
    package inference
    import model_config.proto

    enum ModelInput.Format
      0 FORMAT_NONE

    message ModelInput
      1 name: string
      4 dims: int64[]
      8 labels: map<string,Label>
      9 zero: bool oneof data

    service GRPCInferenceService
      ServerLive: ServerLiveRequest -> ServerLiveResponse
      Stream: stream Request -> stream Response

Names of nested types are written with those of the types around them. Types of fields are looked
up as protobuf does: in the innermost scope first.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

SCHEMA_DIR = Path(__file__).resolve().parent / "grpc_schema"
SCALARS = frozenset(
    {
        *("bool", "bytes", "double", "fixed32", "fixed64", "float", "int32", "int64"),
        *("sfixed32", "sfixed64", "sint32", "sint64", "string", "uint32", "uint64"),
    }
)
_FIELD = re.compile(r"(\d+) (\w+): (\S+?)(\[\])?(?: oneof (\w+))?")
_MAP = re.compile(r"map<(\w+),([\w.]+)>")
_VALUE = re.compile(r"(-?\d+) (\w+)")
_METHOD = re.compile(r"(\w+): (stream )?([\w.]+) -> (stream )?([\w.]+)")


class SchemaError(ValueError):
    """A table that cannot be read, with its place."""


@dataclasses.dataclass
class Field:
    number: int
    name: str
    type: str  # a scalar, or the full name of a message or enum; of a map: its values
    repeated: bool = False
    map_key: str | None = None
    oneof: str | None = None


@dataclasses.dataclass
class Message:
    name: str
    fields: list[Field] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Enum:
    name: str
    values: list[tuple[int, str]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Method:
    name: str
    request: str
    response: str
    client_streaming: bool
    server_streaming: bool


@dataclasses.dataclass
class Service:
    name: str
    methods: list[Method] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class File:
    """Lists are flat and in the order of the table; names of nested types have dots."""

    name: str = ""
    package: str = ""
    imports: list[str] = dataclasses.field(default_factory=list)
    messages: list[Message] = dataclasses.field(default_factory=list)
    enums: list[Enum] = dataclasses.field(default_factory=list)
    services: list[Service] = dataclasses.field(default_factory=list)

    def full_names(self) -> Iterator[str]:
        for message in self.messages:
            yield f"{self.package}.{message.name}"
        for enum in self.enums:
            yield f"{self.package}.{enum.name}"


class _Parser:
    def __init__(self) -> None:
        self.file = File()
        self._block: Message | Enum | Service | None = None

    def take(self, line: str) -> bool:
        word, _, rest = line.partition(" ")
        if word == "file":
            self.file.name = rest
        elif word == "package":
            self.file.package = rest
        elif word == "import":
            self.file.imports.append(rest)
        elif word == "message":
            self.file.messages.append(Message(rest))
            self._block = self.file.messages[-1]
        elif word == "enum":
            self.file.enums.append(Enum(rest))
            self._block = self.file.enums[-1]
        elif word == "service":
            self.file.services.append(Service(rest))
            self._block = self.file.services[-1]
        else:
            return self._take_member(line)
        return bool(rest)

    def _take_member(self, line: str) -> bool:
        if isinstance(self._block, Message) and (found := _FIELD.fullmatch(line)):
            number, name, kind, repeated, oneof = found.groups()
            field = Field(int(number), name, kind, bool(repeated), None, oneof)
            if entry := _MAP.fullmatch(kind):
                field.map_key, field.type = entry.groups()
            self._block.fields.append(field)
            return True
        if isinstance(self._block, Enum) and (found := _VALUE.fullmatch(line)):
            self._block.values.append((int(found[1]), found[2]))
            return True
        if isinstance(self._block, Service) and (found := _METHOD.fullmatch(line)):
            name, client, request, server, response = found.groups()
            self._block.methods.append(Method(name, request, response, bool(client), bool(server)))
            return True
        return False


def parse(text: str, place: str = "schema") -> File:
    """The table in ``text``, types not yet resolved. Raises SchemaError."""
    parser = _Parser()
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].strip()
        if content and not parser.take(content):
            raise SchemaError(f"{place}:{number}: not understood: {content}")
    return parser.file


def _resolve(name: str, scope: str, known: set[str]) -> str:
    """The full name of what ``name`` means inside ``scope``, a full name itself."""
    if name in SCALARS:
        return name
    parts = scope.split(".")
    for end in range(len(parts), -1, -1):
        candidate = ".".join([*parts[:end], name])
        if candidate in known:
            return candidate
    raise SchemaError(f"{scope}: no type {name}")


def _check_message(message: Message) -> None:
    for what in ("number", "name"):
        seen = [getattr(field, what) for field in message.fields]
        if len(seen) != len(set(seen)):
            raise SchemaError(f"{message.name}: a field {what} is used twice")


def load(directory: Path = SCHEMA_DIR) -> list[File]:
    """All tables of the directory, in the order of their names. Raises SchemaError."""
    files = [parse(path.read_text(), path.name) for path in sorted(directory.glob("*.txt"))]
    known = {name for file in files for name in file.full_names()}
    for file in files:
        for message in file.messages:
            _check_message(message)
            for field in message.fields:
                scope = f"{file.package}.{message.name}"
                field.type = _resolve(field.type, scope, known)
        for service in file.services:
            for method in service.methods:
                method.request = _resolve(method.request, file.package, known)
                method.response = _resolve(method.response, file.package, known)
    return files
