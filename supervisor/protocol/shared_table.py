"""Memory that the workers' frontends write and the supervisor reads: signs of life, and load.

Each slot and port has BANKS pages in one memory file, used by generation: a successor that loads
beside the worker that it replaces has another one. A page has a single writer, the frontend of the
worker that lives in the slot, and no lock, so a crash can leave none held and a worker that is
stopped or stuck is still seen. Between two workers the supervisor wipes it. The layout is that of
cpp/server/beat_page.h. A last page is the supervisor's: there workers see which of them serve.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from typing import NamedTuple

from ..system.shared_memory import PAGE_BYTES, SharedMemory

#: One that serves and one that loads. The workers' hand-off counts on two.
BANKS = 2
#: Of a slot that takes connections: no requests are passed on to it, see cpp/server/peer_table.h.
UNSOUND = 0x80
_MAGIC = 0x42454154
#: magic, threads, arrivals, connections, in flight, completed, (announced), lacking
_HEAD = struct.Struct("=IIQQQQ8xQ")
_BEATS = 64
_MAX_THREADS = 256


class Page(NamedTuple):
    """One reading. `beats` are monotonic nanoseconds, one per loop thread, 0 if it does not run.

    `lacking` is not 0 while the frontend leaves connections alone for lack of descriptors.
    """

    beats: tuple[int, ...] = ()
    arrivals: int = 0
    connections: int = 0
    in_flight: int = 0
    completed: int = 0
    lacking: int = 0


_BLANK = Page()


class SharedTable:
    """The memory file. Owned by the supervisor; workers inherit the descriptor."""

    def __init__(self, slots: int, ports: Sequence[str], fd: int = -1) -> None:
        """`fd`: a file that exists. ValueError if it has another layout."""
        self._ports = {name: index for index, name in enumerate(ports)}
        self._layouts: dict[int, struct.Struct] = {}  # of beats, by the number of threads
        self._current = [0] * slots
        self._serving_at = slots * len(ports) * BANKS * PAGE_BYTES
        size = self._serving_at + -(-max(1, slots) // PAGE_BYTES) * PAGE_BYTES
        self._file = SharedMemory("tritonfrontend-beats", size, fd)
        self._memory = self._file.view

    @property
    def fd(self) -> int:
        return self._file.fd

    def offset(self, slot: int, port: str, generation: int) -> int:
        """Where in the file the page of this frontend is."""
        return (
            (slot * len(self._ports) + self._ports[port]) * BANKS + generation % BANKS
        ) * PAGE_BYTES

    @property
    def current(self) -> list[int]:
        """The generation of each slot whose pages count."""
        return list(self._current)

    def select(self, slot: int, generation: int) -> None:
        """The worker whose pages count from now on."""
        self._current[slot] = generation

    def serving_offset(self, slot: int) -> int:
        """Where in the file the byte is that says whether `slot` takes connections.

        0: no. 1: yes, and the load is in the page of even generations; 2: of odd ones. UNSOUND is
        added while some of its models are not available.
        """
        return self._serving_at + slot

    def set_serving(self, serving: Collection[int], unsound: Collection[int] = ()) -> None:
        """Tell the workers which slots take connections, and which of them lack models."""
        for slot, generation in enumerate(self._current):
            state = 1 + generation % BANKS + (UNSOUND if slot in unsound else 0)
            self._memory[self.serving_offset(slot)] = state if slot in serving else 0

    def read(self, slot: int, port: str) -> Page:
        """What the frontend said last; a blank page if there is none or it says nothing."""
        start = self.offset(slot, port, self._current[slot])
        magic, threads, arrivals, connections, in_flight, completed, lacking = _HEAD.unpack_from(
            self._memory, start
        )
        if magic != _MAGIC or not 0 < threads <= _MAX_THREADS:
            return _BLANK
        layout = self._layouts.get(threads)
        if layout is None:
            layout = self._layouts[threads] = struct.Struct(f"={threads}Q")
        beats = layout.unpack_from(self._memory, start + _BEATS)
        return Page(beats, arrivals, connections, in_flight, completed, lacking)

    def clear(self, slot: int) -> None:
        """The worker of this slot is dead."""
        for port in self._ports:
            start = self.offset(slot, port, self._current[slot])
            self._memory[start : start + PAGE_BYTES] = bytes(PAGE_BYTES)

    def close(self) -> None:
        """Idempotent."""
        self._file.close()
