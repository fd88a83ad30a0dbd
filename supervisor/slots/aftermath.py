"""What follows the end of a worker: the operator's wish if there was one, else the verdict of the
policy; and what is kept of its last moments.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..system.exits import ExitInfo, WorkerExit, label
from .policy import Verdict
from .report import LastExit
from .state import Event

if TYPE_CHECKING:
    from .generation import Generation
    from .slot import Slot

#: An exit with code 0 soon after READY is no drain by an outsider but a loop.
_EARLY = 5.0


@dataclass(frozen=True)
class Intent:
    """What the operator wants. A worker that leaves on purpose has not failed."""

    stop: bool = False
    restart: bool = False


def conclude(
    slot: Slot, generation: Generation | None, info: ExitInfo | None, intent: Intent, reason: str
) -> Verdict:
    """What to do next; what there is to tell of the end is told.

    `generation` is None if it could not even be started.
    """
    flights = slot.owner.take_flights(slot)
    if info is not None and info.code == WorkerExit.WRONG_GPU and intent == Intent():
        slot.owner.device_failed(slot.device, generation.fatal if generation else str(info))
    verdict = _judge(slot, generation, info, intent, reason)
    if generation is not None and info is not None:
        uptime = time.monotonic() - generation.spawned_at
        slot.report.last_exit = LastExit(
            info, verdict.reason, time.time(), uptime, tuple(generation.tail), tuple(flights)
        )
        if verdict.event in (Event.RETRY, Event.GIVE_UP):
            slot.report.count_exit(label(info, was_ready=generation.ready_at is not None))
            slot.owner.note(slot, _told(info, verdict))
    return verdict


def _judge(
    slot: Slot, generation: Generation | None, info: ExitInfo | None, intent: Intent, reason: str
) -> Verdict:
    if intent.stop:
        return Verdict(Event.DISABLE, 0.0, reason or "stopped")
    if intent.restart:
        return Verdict(Event.RESTART, 0.0, reason)
    if generation is None or info is None:
        return slot.history.after_failure(reason, ready_for=0.0)
    ready_for = generation.ready_for
    if info.code == WorkerExit.DRAINED and ready_for > _EARLY:
        return Verdict(Event.RESTART, 0.0, "drained by a signal from outside")
    why = generation.fatal or generation.killed_because or str(info)
    return slot.history.after_failure(why, ready_for=ready_for, permanent=info.permanent)


def _told(info: ExitInfo, verdict: Verdict) -> str:
    """A line for people about a worker that failed."""
    what = str(info)
    if verdict.reason.startswith(what):
        what = verdict.reason
    elif verdict.reason not in what:
        what = f"{what}: {verdict.reason}"
    given_up = verdict.event is Event.GIVE_UP and not verdict.delay
    then = "no further try" if given_up else f"next try in {verdict.delay:.1f} s"
    return f"worker ended: {what}; {then}"
