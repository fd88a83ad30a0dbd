"""Numbers that hammer.py counts and cycles.py reads, in a file both have open."""

from __future__ import annotations

import mmap
import struct
import sys
import threading
from pathlib import Path

NAMES = ("http_answers", "grpc_answers", "unavailable", "wrong")
SIZE = 8 * len(NAMES)


def read(path: Path) -> dict[str, int]:
    """The counts by name."""
    return dict(zip(NAMES, struct.unpack(f"<{len(NAMES)}Q", path.read_bytes()), strict=True))


class Counters:
    """The writing side; one process, any thread."""

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), SIZE)
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        with self._lock:
            offset = 8 * NAMES.index(name)
            (value,) = struct.unpack_from("<Q", self._memory, offset)
            struct.pack_into("<Q", self._memory, offset, value + 1)

    def wrong(self, text: str) -> None:
        """Counts a wrong answer and says what it was."""
        self.add("wrong")
        print(f"hammer: {text}", file=sys.stderr, flush=True)
