"""The worker process: `python -m tritonfrontend.supervisor.worker --spec-fd N`.

First acts, before anything is loaded that could start programs or threads: no inherited descriptor
may leak into a backend's helpers, and the process follows its supervisor, if need be by force
(`last_resort.py`). It ends with `leave`, so no thread of a model and no finalizer can keep a
finished worker alive.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import traceback
from collections.abc import Sequence

from ..options.spec import SpecError
from ..protocol.channel import Channel
from ..protocol.worker_spec import WorkerSpec
from ..system.descriptors import keep_from_programs
from ..system.exits import WorkerExit
from ..system.this_process import follow_parent, leave, run_on
from . import last_resort
from .loop import Worker, log


def read_spec(fd: int) -> WorkerSpec:
    try:
        with open(fd, encoding="utf-8") as file:
            return WorkerSpec.from_json(file.read())
    except (OSError, ValueError) as error:
        raise SpecError("--spec-fd", str(error)) from error


def main(argv: Sequence[str] | None = None) -> int:
    keep_from_programs()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec-fd", type=int, required=True)
    parser.add_argument("--label", help="shown in process lists only")
    arguments = parser.parse_args(argv)
    try:
        spec = read_spec(arguments.spec_fd)
        channel = Channel.of(spec.control_fd)
    except (SpecError, OSError) as error:
        log(f"worker: {error}")
        return WorkerExit.BAD_FD
    run_on(spec.device.cpus)  # before any thread
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
    leave(status)
