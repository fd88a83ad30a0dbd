"""What a process shows of itself in /proc and on its page of beats, while it runs and changes.

A descriptor, a thread or a process that ends while it is looked at is left out.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

#: Cells of a frontend's page, see cpp/server/beat_page.h: connections that it has open, and those
#: given to it that it has not taken.
OPEN, ANNOUNCED = 16, 40

#: Reading of a process or a thread that has ended meanwhile.
_ENDED = (FileNotFoundError, ProcessLookupError)


def descriptors(pid: int) -> dict[int, str]:
    """What each open descriptor of a process leads to."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(*_ENDED):
            found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
    return found


def command_line(pid: int) -> str:
    """Arguments, each with a NUL at its end; of a process that has ended, nothing."""
    with contextlib.suppress(*_ENDED):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def thread_named(pid: int, name: str) -> int:
    """The thread of a process that has this name."""
    for task, text in _of_threads(pid, "comm"):
        if text.strip() == name:
            return task
    raise AssertionError(f"{pid} has no thread {name}")


def stopped(pid: int) -> bool:
    """Every thread of it: one that runs may accept a connection yet."""
    states = {text.rpartition(")")[2].split()[0] for _, text in _of_threads(pid, "stat")}
    return states == {"T"}


def cell(pid: int, page: int, offset: int) -> int:
    """A number on one of the pages that the worker `pid` shares with the others."""
    for fd, link in descriptors(pid).items():
        if "tritonfrontend-beats" in link:
            with open(f"/proc/{pid}/fd/{fd}", "rb") as file:
                file.seek(page * mmap.PAGESIZE + offset)
                found: int = struct.unpack("=Q", file.read(8))[0]
                return found
    raise AssertionError("no page")


def _of_threads(pid: int, file: str) -> Iterator[tuple[int, str]]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(*_ENDED):
            yield int(task.name), (task / file).read_text()
