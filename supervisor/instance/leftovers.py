"""Cleans up after instances that were killed: their workers, shared memory and run directories."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from ..system import process, procfs
from .registry import entries, running

#: An orphan worker drains by itself; a new start waits this long before it kills.
ORPHAN_GRACE = 2.0
#: Helpers of a dead worker leave within 0.3 s.
_HELPER_GRACE = 1.0


def sweep_stale(base: Path | None) -> None:
    """Clean up after instances that were killed: every run directory that nobody holds."""
    for entry in entries(base):
        target = entry.resolve()
        if running(target) is not None:
            continue
        sweep(target)
        if entry.is_symlink():
            entry.unlink(missing_ok=True)
        else:
            remove_stale(entry)


def sweep(path: Path) -> None:
    """Kill workers that a killed supervisor left and remove their shared memory."""
    try:
        raw = json.loads((path / "workers.json").read_text())
        records = raw["workers"] if raw["boot"] == procfs.boot_id() else []
        jobs = [(int(r["pid"]), int(r["start"]), str(r["shm_prefix"])) for r in records]
    except (OSError, ValueError, KeyError, TypeError):
        return
    deadline = time.monotonic() + ORPHAN_GRACE
    for pid, start, _ in jobs:  # one grace for all of them
        process.is_gone_within(pid, start, max(0.0, deadline - time.monotonic()))
        process.kill_one(pid, start)
    for pid, start, prefix in jobs:
        with contextlib.suppress(ValueError):
            process.kill_leftovers(pid, start, prefix, _HELPER_GRACE)
    (path / "workers.json").unlink(missing_ok=True)


def remove_stale(path: Path) -> None:
    with contextlib.suppress(OSError):
        for name in ("lock", "control.sock", "workers.json", "workers.tmp"):
            (path / name).unlink(missing_ok=True)
        path.rmdir()  # fails, rightly, if there is anything else
