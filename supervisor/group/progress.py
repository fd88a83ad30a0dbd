"""What people see of a start: one live line on a terminal, else a line now and then."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..slots.slot import Slot
from ..slots.state import SERVING
from ..system.log import Output
from ..system.words import names

_EVERY = 5.0


class Progress:
    """Of one group. Loop thread only."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._said_at = -_EVERY

    def changed(self, slot: Slot, slots: Sequence[Slot], *, starting: bool) -> None:
        """`slot` changed. `starting`: none of all `slots` has served yet."""
        if slot.state in SERVING and not slot.report.announced:
            slot.report.announced = True
            self._announce(slot)
        if not starting:
            return
        line = progress_line(slots)
        self._output.footer(line)
        now = time.monotonic()
        loading = any(each.report.elapsed for each in slots)
        if loading and not self._output.live and now - self._said_at >= _EVERY:
            self._said_at = now
            self._output.line(line)

    def _announce(self, slot: Slot) -> None:
        generation, models = slot.generation, slot.report
        seconds = time.monotonic() - generation.spawned_at if generation else 0.0
        text = f"{models.models_ready}/{len(models.models)} models in {seconds:.1f} s"
        state = str(slot.state).lower()
        self._output.line(f"{state} with {text}, generation {models.generation}", slot.index)


def progress_line(slots: Sequence[Slot]) -> str:
    """One line over all workers while nobody serves yet."""
    parts = []
    for slot in slots:
        report = slot.report
        part = f"w{slot.index} {str(slot.state).lower()}"
        if report.elapsed and slot.state == "LOADING":
            part += f" {report.elapsed:.0f} s"
        if report.loading_total and slot.state == "LOADING":
            part += f" ({names(report.loading, report.loading_total)})"
        parts.append(part)
    return " | ".join(parts)
