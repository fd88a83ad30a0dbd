"""How a load goes on, and what keeps it from ending: helper processes that have ended themselves.

A stub of the Python backend that cannot be executed (wrong rights, wrong platform, a missing
library) leaves a zombie, and the load neither fails nor ends. Such a load is no longer progress.
Main loop of the worker only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ..protocol.channel import TEXT_BYTES, cut
from ..system import procfs
from .stubs import parse_child

#: Seconds after which a zombie is not just one that the backend is about to reap.
_LASTING = 5.0
#: Names in one message; people read the first few.
_SHOWN = 20


class LoadWatch:
    """Made when the load begins, asked now and then. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self._ended: dict[int, float] = {}  # zombies, since when

    def progress(self, models: Sequence[str]) -> dict[str, Any]:
        """What the supervisor is told: seconds so far, names (not all of very many), trouble."""
        return {
            "elapsed": round(self._clock() - self._began, 1),
            "models": [cut(name, TEXT_BYTES // _SHOWN) for name in models[:_SHOWN]],
            "total": len(models),
            "trouble": cut(self.trouble(models)),
        }

    def trouble(self, models: Sequence[str]) -> str:
        """What keeps the load from ending, for people; empty if nothing is known."""
        now = self._clock()
        children = procfs.children_of(os.getpid())
        zombies = {child.pid for child in children if child.state == "Z"}
        self._ended = {pid: self._ended.get(pid, now) for pid in zombies}
        lasting = [pid for pid, since in self._ended.items() if now - since >= _LASTING]
        if not lasting:
            return ""
        stubs = [stub for child in children if (stub := parse_child(child)) is not None]
        served = {stub.model(models) for stub in stubs}
        waiting = ", ".join(name for name in models if name not in served)
        return (
            f"{len(lasting)} helper process(es) of the core ended while it loads {waiting}: "
            "perhaps a Python stub that cannot be executed, see the lines before"
        )
