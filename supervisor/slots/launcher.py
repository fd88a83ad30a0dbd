"""Starts the worker processes of one slot, each with what its generation inherits.

Loop thread only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..options.spec import Device, ServeOptions
from ..protocol.shared_table import BANKS
from ..protocol.worker_spec import worker_spec
from ..system import process
from .generation import Generation
from .saved import GenerationState

if TYPE_CHECKING:
    from .slot import Slot


class Launcher:
    """`number` is that of the last generation, also of one that could not be started."""

    def __init__(
        self,
        slot: Slot,
        inherited: Callable[[int], Mapping[str, Mapping[str, Any]]],
        flights: Callable[[int], Mapping[str, int]] | None,
    ) -> None:
        """`inherited` gives the descriptors of each frontend for the generation of that number,
        `flights` those of its table of requests.
        """
        self.number = 0
        self._slot = slot
        self._inherited = inherited
        self._flights = flights

    def next_number(self, beside: int | None = None) -> int:
        """Of the next generation; `beside` is one that runs on meanwhile."""
        self.number += 1
        while beside is not None and self.number % BANKS == beside % BANKS:  # they have a page each
            self.number += 1
        return self.number

    def launch(self, options: ServeOptions, number: int, device: Device) -> Generation:
        """A new process, which nobody drives yet. Raises OSError."""
        slot = self._slot
        run_id, inherited = slot.owner.run_id, self._inherited(number)
        flights = self._flights(number) if self._flights else None
        command = options.worker_command or process.default_command()
        made = Generation.spawn(
            lambda fd: worker_spec(
                options, run_id, slot.index, number, device, inherited, fd, flights
            ),
            [*command, "--label", f"{options.instance_name}/w{slot.index}"],
            process.worker_environment(device.visible, os.environ),
            device,
            self._emit,
        )
        if options.replicate_control:
            slot.owner.started(slot, made, number)
        return made

    def resume(self, state: GenerationState) -> Generation:
        """A process that runs already, which nobody drives yet."""
        return Generation.resume(state, self._slot.device, self._emit)

    def _emit(self, line: str, stream: str) -> None:
        self._slot.owner.emit(self._slot, line, stream)
