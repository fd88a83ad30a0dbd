"""What ends a worker that has lost its supervisor when its own Python cannot: a model holds the
interpreter's lock for ever, a deadlock, a core that does not stop.

A thread of the native module waits for the end of the supervisor, without a lock and without a
wake-up before it. It exists before the core is loaded: the native module loads none by itself.
"""

from __future__ import annotations

from ..._native import arm_last_resort
from ...errors import UnavailableError
from ..protocol.worker_spec import WorkerSpec
from ..system.exits import WorkerExit
from .leaving import CORE_MARGIN

#: Seconds beyond the limits of drain and core: what the core gets to keep its own limit, and as
#: much again for a busy machine. Who can leave must never be ended by this.
MARGIN = 2 * CORE_MARGIN


def patience(spec: WorkerSpec) -> float:
    """Seconds in which a worker that can leave has left, whatever it was doing."""
    return spec.drain_timeout + spec.exit_timeout + MARGIN


def arm(spec: WorkerSpec) -> str:
    """Once, before anything that may get stuck. Returns why it could not be, or ""."""
    seconds = patience(spec)
    words = (
        f"worker: the supervisor has ended and this worker could not leave within {seconds:g} s; "
        "ending"
    )
    try:
        arm_last_resort(spec.supervisor_pid, seconds, WorkerExit.SELF_WATCHDOG, words)
    except UnavailableError as error:
        return str(error)
    return ""
