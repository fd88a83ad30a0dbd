"""Idle devices (`--spare-devices`): for a successor to load on, and for a worker whose GPU failed.

A device is either a slot's, or idle, or lent to a successor; nobody else sees one that was taken
until it is given back. Loop thread only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ..devices.gpu_watch import Admission
from ..options.spec import Device

#: May the first device get the worker of the second?
Admit = Callable[[Device, Device], Awaitable[Admission]]


class Spares:
    """Of one group."""

    def __init__(self, devices: Sequence[Device], admit: Admit) -> None:
        self.idle = list(devices)
        self._admit = admit

    async def take(self, instead_of: Device) -> tuple[Device | None, str]:
        """An idle device that can have the worker of another one, or why there is none."""
        reasons = []
        for device in list(self.idle):
            admission = await self._admit(device, instead_of)
            if device not in self.idle:  # somebody else has taken it meanwhile
                continue
            if admission.ready:
                self.idle.remove(device)
                return device, ""
            reasons.append(f"{device.label}: {admission.reason}")
        return None, "; ".join(reasons) or "none of --spare-devices is idle"

    def give_back(self, device: Device) -> None:
        """Nothing runs on it any more; whether it is sound is looked at when it is wanted."""
        self.idle.append(device)
