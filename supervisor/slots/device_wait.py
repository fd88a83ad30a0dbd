"""A slot waits for its device: there, sound, with enough free memory."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from .state import Event

if TYPE_CHECKING:
    from .slot import Slot

_LOOK_EVERY = 1.0


async def wait_for_device(slot: Slot, limit: float) -> None:
    """Post DEVICE_READY, or DEVICE_MISSING after `limit` seconds. What is worth any wait, such as
    memory that others still use, has no limit. A device that is not sound is left for a spare one.
    """
    deadline = time.monotonic() + limit
    said = ""
    while not (admission := await slot.owner.admit(slot.device)).ready:
        slot.report.reason = admission.reason
        if not admission.sound and await slot.owner.move(slot, admission.reason):
            continue
        if not admission.patient and time.monotonic() >= deadline:
            slot.post(Event.DEVICE_MISSING, admission.reason)
            return
        if admission.patient and (kind := admission.reason.partition(";")[0]) != said:
            said = kind
            slot.owner.note(slot, f"waiting: {admission.reason}")
        await asyncio.sleep(_LOOK_EVERY)
    slot.post(Event.DEVICE_READY)
