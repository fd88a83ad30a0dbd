"""The worker process: `python -m tritonfrontend.supervisor.worker --spec-fd N`.

First acts, before anything is loaded that could start programs or threads: no inherited descriptor
may leak into a backend's helpers, and the process follows its supervisor, if need be by force
(`last_resort.py`). It ends with os._exit, so no thread of a model and no finalizer can keep a
finished worker alive.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence

from ..options.spec import Device, SpecError
from ..protocol.channel import Channel
from ..protocol.worker_spec import WorkerSpec
from ..system.exits import WorkerExit
from . import last_resort
from .loop import Worker, log

_PR_SET_PDEATHSIG = 1


def protect_descriptors() -> None:
    """No program that a backend starts may inherit a listening socket: it would hold the port and
    swallow connections after our death.
    """
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2:
            with contextlib.suppress(OSError):  # the listing's own descriptor is closed by now
                fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)


def follow_parent(parent: int) -> bool:
    """SIGTERM when the supervisor dies. False if it died before we could ask for that."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == parent


def stay_near(device: Device) -> None:
    """Run on the device's CPUs. Before any thread starts: threads and stubs inherit it."""
    if device.cpus:
        with contextlib.suppress(OSError):  # our cpuset has changed since: anywhere, then
            os.sched_setaffinity(0, device.cpus)


def read_spec(fd: int) -> WorkerSpec:
    try:
        with open(fd, encoding="utf-8") as file:
            return WorkerSpec.from_json(file.read())
    except (OSError, ValueError) as error:
        raise SpecError("--spec-fd", str(error)) from error


def main(argv: Sequence[str] | None = None) -> int:
    protect_descriptors()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec-fd", type=int, required=True)
    parser.add_argument("--label", help="shown in process lists only")
    arguments = parser.parse_args(argv)
    try:
        spec = read_spec(arguments.spec_fd)
        channel = Channel(socket.socket(fileno=spec.control_fd))
    except (SpecError, OSError) as error:
        log(f"worker: {error}")
        return WorkerExit.BAD_FD
    stay_near(spec.device)
    # Before our parent is asked for: if that is the supervisor, so is the process that is watched.
    unarmed = last_resort.arm(spec)
    if not follow_parent(spec.supervisor_pid):
        log("worker: the supervisor is gone")
        return WorkerExit.SUPERVISOR_LOST
    if unarmed:
        log(f"worker: nobody ends it if it hangs without a supervisor: {unarmed}")
    try:
        return Worker(spec, channel).run()
    except Exception:
        log(f"worker: a bug: {traceback.format_exc()}")
        return WorkerExit.OTHER


if __name__ == "__main__":
    status = main()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(status)
