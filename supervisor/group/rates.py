"""Rates from counters that are read about once a second. Pure: the caller brings the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

#: "Per minute" looks this far back.
WINDOW = 60.0
#: CPU use of the last moments: a person watches it change.
CPU_WINDOW = 5.0


@dataclass(frozen=True)
class _Sample:
    at: float
    cpu_s: float
    completed: int


class Rates:
    """Of one slot. A new generation starts anew: its counters do."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()
        self._generation = -1

    def sample(self, at: float, generation: int, cpu_s: float | None, completed: int) -> None:
        """`cpu_s` is None for a process that is gone."""
        if generation != self._generation or cpu_s is None:
            self._samples.clear()
            self._generation = generation
        if cpu_s is None:
            return
        self._samples.append(_Sample(at, cpu_s, completed))
        while len(self._samples) > 2 and self._samples[1].at <= at - WINDOW:
            self._samples.popleft()

    def saved(self) -> list[tuple[float, float, int]]:
        """For `resume`: time, CPU seconds and completed requests of each sample."""
        return [(each.at, each.cpu_s, each.completed) for each in self._samples]

    def resume(self, generation: int, samples: Iterable[tuple[float, float, int]]) -> None:
        """Samples of a generation that runs on."""
        self._generation = generation
        self._samples.extend(_Sample(*each) for each in samples)

    @property
    def requests_per_second(self) -> float | None:
        """Over the last minute; None until there are two samples."""
        if len(self._samples) < 2:
            return None
        first, last = self._samples[0], self._samples[-1]
        return _rate(last.completed - first.completed, last.at - first.at)

    @property
    def cpu_percent(self) -> float | None:
        """100 is one core, over the last seconds; None until there are two samples."""
        if len(self._samples) < 2:
            return None
        last = self._samples[-1]
        first = next(s for s in self._samples if s.at >= last.at - CPU_WINDOW or s is last)
        if first is last:
            first = self._samples[-2]
        return _rate(100 * (last.cpu_s - first.cpu_s), last.at - first.at)


def _rate(amount: float, seconds: float) -> float | None:
    return round(max(0.0, amount) / seconds, 1) if seconds > 0 else None
