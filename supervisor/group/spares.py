"""Idle devices (`--spare-devices`): for a successor to load on, and for a worker whose GPU failed.

A device is either a slot's, or idle, or lent to a successor; nobody else sees one that was taken
until it is given back. Loop thread only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ..devices.gpu_watch import Admission
from ..options.spec import Device

#: May the first device get the worker of the second?
Admit = Callable[[Device, Device], Awaitable[Admission]]

#: Seconds for memory to be free that was in use: a driver frees it a moment after the end of a
#: process, and samples are older than that.
PATIENCE = 10.0
_LOOK_EVERY = 1.0


class Spares:
    """Of one group."""

    def __init__(self, devices: Sequence[Device], admit: Admit) -> None:
        self.idle = list(devices)
        self._admit = admit

    async def take(self, instead_of: Device, patience: float = 0.0) -> tuple[Device | None, str]:
        """An idle device that can have the worker of another one, or why there is none. For memory
        alone it waits `patience` seconds.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience
        while True:
            reasons, hope = [], False
            for device in list(self.idle):
                admission = await self._admit(device, instead_of)
                if device not in self.idle:  # somebody else has taken it meanwhile
                    continue
                if admission.ready:
                    self.idle.remove(device)
                    return device, ""
                reasons.append(f"{device.label}: {admission.reason}")
                hope = hope or (admission.patient and admission.sound)
            if not hope or clock() >= deadline:
                return None, "; ".join(reasons) or "none of --spare-devices is idle"
            await asyncio.sleep(_LOOK_EVERY)

    def give_back(self, device: Device) -> None:
        """Nothing runs on it any more; whether it is sound is looked at when it is wanted."""
        assert device not in self.idle, f"{device.label} is given back twice"
        self.idle.append(device)
