"""Which workers clients are sent to. Loop thread only.

All that serve, but not one without any model while another has some: it would refuse whatever it is
asked. Those who are connected to it already are sent away, once.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ports.traffic import Traffic
from ..slots.slot import Slot
from ..slots.state import SERVING, State


class Direction:
    """Of one group."""

    def __init__(self, slots: Sequence[Slot], traffic: Traffic) -> None:
        self._slots = slots
        self._traffic = traffic
        self._useful: set[int] = set()

    def update(self) -> None:
        """Call when a state or the models of a worker have changed."""
        serving = [slot for slot in self._slots if slot.state in SERVING]
        useful = [slot for slot in serving if not slot.report.bare] or serving
        unsound = [slot.index for slot in serving if slot.state is State.DEGRADED]
        self._traffic.update([slot.index for slot in useful], unsound)
        for slot in serving:
            if slot.index in self._useful and slot not in useful:
                slot.disperse()
        self._useful = {slot.index for slot in useful}
