"""An upgrade in place, asked for as an operator does."""

from __future__ import annotations

import subprocess
from typing import Any

from instance import Instance, alive, command, pids, run_id_of, shm_names, until


def upgrade(instance: Instance, *flags: str) -> subprocess.CompletedProcess[str]:
    return command(instance.root, "upgrade", *flags)


def upgraded(instance: Instance) -> dict[str, Any]:
    """Status after an upgrade that succeeded."""
    done = upgrade(instance)
    assert done.returncode == 0, done.stdout + done.stderr + instance.text()
    return instance.wait_ready()


def assert_gone(instance: Instance, status: dict[str, Any]) -> None:
    until(lambda: not any(alive(pid) for pid in pids(status)), "workers gone")
    until(lambda: shm_names(run_id_of(status)) == [], "shared memory gone")
    until(lambda: not instance.socket.parent.exists(), "run directory gone")
