"""What a slot needs from the group that owns it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..devices.gpu_watch import Admission
from ..options.spec import Device
from ..protocol.flights import Flight

if TYPE_CHECKING:
    from .generation import Generation
    from .slot import Slot


class Owner(Protocol):
    """Called on the loop thread; no method blocks."""

    run_id: str

    def changed(self, slot: Slot) -> None: ...  # state or models; not yet acted upon

    def loaded(self, slot: Slot) -> None: ...  # ports must listen when this returns

    def started(self, slot: Slot, generation: Generation, number: int) -> None: ...  # a process

    def replay(self, generation: Generation, then: Callable[[], None]) -> None: ...  # changes

    def processes_changed(self) -> None: ...  # update the records on disk

    def take_flights(self, slot: Slot) -> list[Flight]: ...  # what its dead worker computed

    def emit(self, slot: Slot, line: str, stream: str) -> None: ...  # of the worker's output

    def note(self, slot: Slot, text: str) -> None: ...  # something a person should read

    async def admit(self, device: Device) -> Admission: ...  # may it get a worker now?

    async def move(self, slot: Slot, reason: str) -> bool: ...  # to a spare device, if there is one

    def device_failed(self, device: Device, reason: str) -> None: ...  # said by its worker
