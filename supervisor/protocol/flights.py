"""Memory in which workers note the requests they compute, and which outlives them.

One table per slot in one memory file, written by the worker that lives in the slot, without locks.
The layout is that of cpp/kserve/flight_table.h. Read at a worker's death, then wiped.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..system.shared_memory import SharedMemory
from .shared_table import BANKS

TABLE_BYTES = 64 * 1024
_MAGIC = 0x464C4947
_HEAD = struct.Struct("=IIQ")  # magic, cells, requests without a cell
_CELL = struct.Struct("=IIQ64s48s")  # state, -, start (monotonic ns), model, id
_USED = 2
_FREE = bytes(4)


@dataclass(frozen=True)
class Flight:
    """One request in flight. `age` in seconds; `model` and `id` may be cut short."""

    model: str
    id: str
    age: float


class FlightTables:
    """The memory file. Owned by the supervisor; workers inherit the descriptor. A slot has BANKS
    tables, used by generation: while a successor loads, two live in it.
    """

    def __init__(self, slots: int, fd: int = -1) -> None:
        """`fd`: a file that exists. ValueError if it has another layout."""
        size = max(1, BANKS * slots) * TABLE_BYTES
        self._file = SharedMemory("tritonfrontend-flights", size, fd)
        self._memory = self._file.view

    @property
    def fd(self) -> int:
        return self._file.fd

    def inherited(self, slot: int, generation: int) -> dict[str, int]:
        """What the worker is told: the descriptor, and where its table is, wiped for it."""
        self.clear(slot, generation)
        return {"fd": self.fd, "offset": _offset(slot, generation)}

    def read(self, slot: int, generation: int, now_ns: int) -> list[Flight]:
        """The oldest first; nothing if nobody writes there."""
        start = _offset(slot, generation)
        magic, cells, _ = _HEAD.unpack_from(self._memory, start)
        if magic != _MAGIC or not 0 < cells < TABLE_BYTES // _CELL.size:
            return []
        found = []
        for at in range(start + _CELL.size, start + (1 + cells) * _CELL.size, _CELL.size):
            if self._memory[at : at + 4] == _FREE:
                continue
            state, _, began, model, name = _CELL.unpack_from(self._memory, at)
            if state == _USED:
                age = max(0, now_ns - began) / 1e9
                found.append(Flight(_text(model), _text(name), age))
        return sorted(found, key=lambda flight: -flight.age)

    def clear(self, slot: int, generation: int) -> None:
        """Its worker is dead."""
        start = _offset(slot, generation)
        self._memory[start : start + TABLE_BYTES] = bytes(TABLE_BYTES)

    def close(self) -> None:
        """Idempotent."""
        self._file.close()


def _offset(slot: int, generation: int) -> int:
    return (BANKS * slot + generation % BANKS) * TABLE_BYTES


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")
