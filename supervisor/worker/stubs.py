"""The Python backend's stub processes of one worker: which model each serves, and which have died.

The core does not restart a dead stub and goes on saying that the server and the model are ready,
so we look ourselves. A pidfd tells of a death at once. A stub that leaves because its model was
unloaded is reaped by the backend in that moment; one that died stays a zombie, since the backend
never waits for it. That, not the exit status, is what tells them apart: `os._exit(0)` in a model
is a death too. We do not reap it either: the backend may still send signals to its pid.

Main loop of the worker only.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..system import children, procfs

_PROGRAM = "triton_python_backend_stub"
#: Seconds a zombie must last to count as dead: the backend, which waits for a stub that it has told
#: to leave, needs a moment to be scheduled. A signal or an error code leaves less doubt.
CERTAIN = 0.02
DOUBTFUL = 0.3


@dataclass(frozen=True)
class Stub:
    """One stub process. `directory` is the model's version directory."""

    pid: int
    start: int
    instance: str
    directory: str

    def model(self, known: Iterable[str]) -> str:
        """The model's name: that of its directory, unless only the instance's name fits."""
        name = Path(self.directory).parent.name
        names = set(known)
        if name in names:
            return name
        fitting = [each for each in names if self.instance.startswith(each)]
        return max(fitting, key=len, default=name)


@dataclass(frozen=True)
class Death:
    """A stub that died; `text` says how."""

    stub: Stub
    text: str


def parse(pid: int, start: int, command: bytes) -> Stub | None:
    """A stub from its command line (program, model file, shared memory, ..., instance, ...)."""
    words = command.decode(errors="replace").split("\0")
    if len(words) < 9 or not words[0].endswith(_PROGRAM):
        return None
    return Stub(pid, start, words[8], os.path.dirname(words[1]))


def parse_child(child: procfs.ProcStat) -> Stub | None:
    """A running child, if it is a stub."""
    try:
        command = Path(f"/proc/{child.pid}/cmdline").read_bytes()
    except OSError:
        return None
    return parse(child.pid, child.start, command)


class StubWatch:
    """The stubs among the children of this process. `scan` finds new ones, `deaths` dead ones."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._stubs: dict[int, Stub] = {}  # by pidfd
        self._ended: dict[Stub, tuple[float, str]] = {}  # until it is clear why they ended
        self.stopped: frozenset[Stub] = frozenset()

    @property
    def fds(self) -> list[int]:
        """Pidfds: readable when the process has ended."""
        return list(self._stubs)

    @property
    def alive(self) -> list[Stub]:
        return list(self._stubs.values())

    def scan(self) -> None:
        """Look for new stubs, and for ones that are stopped (SIGSTOP; not by a debugger)."""
        known = {(stub.pid, stub.start) for stub in [*self._stubs.values(), *self._ended]}
        stopped = set()
        for child in procfs.children_of(os.getpid()):
            if (child.pid, child.start) not in known and child.state not in "ZX":
                self._add(child)
            elif child.state == "T":
                stopped.add((child.pid, child.start))
        self.stopped = frozenset(s for s in self._stubs.values() if (s.pid, s.start) in stopped)

    def ended(self, fd: int) -> None:
        """`fd` of `fds` became readable."""
        stub = self._stubs.pop(fd)
        os.close(fd)
        sure, text = _how(stub)
        if text:
            self._ended[stub] = (self._clock() + (CERTAIN if sure else DOUBTFUL), text)

    @property
    def next_look(self) -> float | None:
        """When `deaths` may have something to say (by the clock), None if nothing is pending."""
        return min((due for due, _ in self._ended.values()), default=None)

    def deaths(self) -> list[Death]:
        """Stubs that died, each once."""
        now = self._clock()
        due = [(stub, text) for stub, (when, text) in self._ended.items() if when <= now]
        for stub, _ in due:
            del self._ended[stub]
        return [Death(stub, text) for stub, text in due if _is_zombie(stub)]

    def close(self) -> None:
        for fd in self._stubs:
            os.close(fd)
        self._stubs.clear()

    def _add(self, child: procfs.ProcStat) -> None:
        stub = parse_child(child)
        if stub is not None:
            with contextlib.suppress(OSError):  # it ended just now
                self._stubs[children.watch(child.pid)] = stub


def _is_zombie(stub: Stub) -> bool:
    info = procfs.stat(stub.pid)
    return info is not None and info.start == stub.start and info.state == "Z"


def _how(stub: Stub) -> tuple[bool, str]:
    """Whether its status leaves no doubt that it died, and in words; no words if it is gone."""
    code = children.return_code(stub.pid)
    if code is None:
        return False, ""
    return code != 0, children.words(code)
