"""The last resort of an upgrade: code that has replaced a supervisor but cannot go on as one ends
the workers in order and leaves nothing behind. Blocking; works on the raw state, since it may be
the state that cannot be read.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..instance.rundir import RunDir
from ..options import platform
from ..ports.farewell import turn_away
from ..protocol import listeners
from ..system import children, process, procfs

#: For a state that does not tell.
_DRAIN_SECONDS = 30.0
_EXIT_SECONDS = 30.0
#: Until new clients are refused; those in a queue are served before.
_REFUSE_AFTER = 0.5
_HELPER_GRACE = 1.0
_POLL = 0.05


def drain(raw: Any) -> None:
    """Drain and end all workers that `raw` names, refuse new clients, release the directory."""
    workers = [found for slot in _list(raw, "group", "slots") if (found := _worker(slot))]
    sockets = listeners.opened(_listener_fds(raw))
    for sock in sockets:
        with contextlib.suppress(OSError):
            turn_away(sock)
    for pid, start, _ in workers:
        if procfs.is_same(pid, start):
            with contextlib.suppress(OSError):
                children.terminate(pid)
    time.sleep(_REFUSE_AFTER)
    for sock in sockets:
        listeners.refuse(sock)
    _wait(workers, time.monotonic() + _limit(raw))
    for pid, start, prefix in workers:
        process.kill_leftovers(pid, start, prefix, _HELPER_GRACE)
    process.reap(())
    _release(raw)


def _limit(raw: Any) -> float:
    options = _get(raw, "options")
    drain_s = _get(options, "timeouts", "drain")
    exit_s = _get(options, "exit_timeout")
    known = isinstance(drain_s, (int, float)) and isinstance(exit_s, (int, float))
    seconds = drain_s + exit_s if known else _DRAIN_SECONDS + _EXIT_SECONDS
    return float(seconds) + 10.0


def _worker(slot: Any) -> tuple[int, int, str] | None:
    found = _get(slot, "generation")
    try:
        return int(found["pid"]), int(found["start"]), str(found["shm_prefix"])
    except (TypeError, KeyError, ValueError):
        return None


def _listener_fds(raw: Any) -> list[int]:
    ports = _get(raw, "ports")
    found = ports.values() if isinstance(ports, Mapping) else ()
    return [fd for port in found for fd in _list(port, "fds") if isinstance(fd, int)]


def _wait(workers: list[tuple[int, int, str]], deadline: float) -> None:
    while time.monotonic() < deadline:
        process.reap(())
        if not any(procfs.is_same(pid, start) for pid, start, _ in workers):
            return
        time.sleep(_POLL)


def _release(raw: Any) -> None:
    found = _get(raw, "run_dir")
    with contextlib.suppress(TypeError, KeyError, OSError):
        link = Path(found["link"]) if found["link"] else None
        base = Path(found["base"]) if found["base"] else None
        made = bool(found["made"])
        RunDir(base, Path(found["path"]), found["lock_fd"], link, made).close()
    if isinstance(folder := _get(raw, "empty_folder"), str):
        platform.keep_empty_folder(folder)


def _get(raw: Any, *names: str) -> Any:
    for name in names:
        raw = raw.get(name) if isinstance(raw, Mapping) else None
    return raw


def _list(raw: Any, *names: str) -> list[Any]:
    found = _get(raw, *names)
    return found if isinstance(found, list) else []
