"""Control calls on their way between workers: what clients change about a server, as dictionaries.

What a call looks like is written in `cpp/bindings/control_calls.h`. A small one travels inside a
control message; one with files, or too long for a message, in a memory file: the length of its
JSON text in 8 bytes, the text, and the contents of its byte strings one after the other. Whoever
forwards a call passes the file on and copies nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..system.memory_file import MemoryFile, content, written

#: Half a message: there is more in one than the call.
_INLINE = 32 * 1024
_LENGTH = 8

#: Code and text of an error, as the worker's native part has them.
Outcome = tuple[int, str]

#: Changes of one lane are made one after the other, those of different lanes touch nothing of each
#: other. Models are one lane: loading or unloading one may load or unload those it is composed of.
LANES: Mapping[str, str] = {
    "register": "memory",
    "unregister": "memory",
    "load": "models",
    "unload": "models",
    "host": "models",
    "unhost": "models",
    "trace": "trace",
    "log": "log",
}


@dataclass(frozen=True, eq=False)
class Call:
    """One call. `head` is the call itself but for its byte strings, which are in `file`."""

    head: Mapping[str, Any]
    file: MemoryFile | None = None

    @property
    def op(self) -> str:
        return str(self.head["op"])

    @property
    def lane(self) -> str:
        return LANES[self.op]

    @property
    def fields(self) -> dict[str, Any]:
        """What of it goes into a message, beside `fds`."""
        return {} if self.file else {"call": self.head}

    @property
    def fds(self) -> list[int]:
        return [self.file.fd] if self.file else []

    def __str__(self) -> str:
        kind = {"system": "shared memory", "cuda": "CUDA shared memory"}.get(
            self.head.get("kind", ""), ""
        )
        if self.op in ("host", "unhost"):
            return f"{'un' * (self.op == 'unhost')}load of hosted model {self.head['name']!r}"
        if self.lane == "models":
            return f"{self.op} of model {self.head['name']!r}"
        if self.lane == "memory":
            return f"{self.op} of {kind} {self.head['name'] or '(all)'!r}"
        model = self.head.get("model")
        return f"{self.op} settings" + (f" of model {model!r}" if model else "")


def pack(call: Mapping[str, Any]) -> Call:
    """Make a call ready to be sent. OSError if there is no memory for its file."""
    contents: list[bytes] = []

    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            contents.append(value)
            return {"bytes": len(value)}
        if isinstance(value, (list, tuple)):
            return [plain(each) for each in value]
        return value

    head = {key: plain(value) for key, value in call.items()}
    text = json.dumps(head, separators=(",", ":")).encode()
    if not contents and len(text) <= _INLINE:
        return Call(head)
    length = len(text).to_bytes(_LENGTH, "little")
    return Call(head, written("control-call", length, text, *contents))


def received(fields: Mapping[str, Any], fds: list[int]) -> Call:
    """The call of a message, of which it takes the descriptor. ValueError if it is none."""
    if not fds:
        head, file = fields.get("call"), None
    else:
        file = MemoryFile(fds.pop(0))
        length = int.from_bytes(os.pread(file.fd, _LENGTH, 0), "little")
        head = json.loads(content(file.fd, _LENGTH, length))
    if not isinstance(head, dict) or head.get("op") not in LANES:
        raise ValueError(f"not a control call: {str(head)[:80]}")
    return Call(head, file)


def unpack(call: Call) -> dict[str, Any]:
    """The inverse of `pack`."""
    if call.file is None:
        return dict(call.head)
    fd = call.file.fd
    position = _LENGTH + int.from_bytes(os.pread(fd, _LENGTH, 0), "little")

    def whole(value: Any) -> Any:
        nonlocal position
        if isinstance(value, dict) and value.keys() == {"bytes"}:
            start, position = position, position + int(value["bytes"])
            return content(fd, start, position - start)
        if isinstance(value, list):
            return [whole(each) for each in value]
        return value

    return {key: whole(value) for key, value in call.head.items()}
