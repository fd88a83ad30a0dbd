"""How long inferences took lately: quantiles from a growing histogram that is read once a second.

Pure: the caller brings the time. Of each quantile the upper bound of its bucket is told, which is
at most an eighth too much (see cpp/triton/outcomes.h).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

#: Seconds that are looked back, and between the readings that are kept for that.
WINDOW = 60.0
STEP = 5.0


class LatencyWindow:
    """Of one worker. `bounds`: what the durations of each bucket are below, in seconds."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._readings: deque[tuple[float, Sequence[int]]] = deque()
        self._counts: Sequence[int] = [0] * len(bounds)

    def sample(self, at: float, counts: Sequence[int]) -> None:
        """All inferences so far, by bucket."""
        if not self._readings:
            self._readings.append((at - STEP, [0] * len(self._bounds)))
        if at - self._readings[-1][0] >= STEP:
            self._readings.append((at, counts))
        while len(self._readings) > 1 and self._readings[1][0] <= at - WINDOW:
            self._readings.popleft()
        self._counts = counts

    def quantile(self, share: float) -> float | None:
        """Seconds in which `share` (0..1) of the inferences of the window had their answer; None if
        there was none.
        """
        if not self._readings:
            return None
        recent = [now - then for now, then in zip(self._counts, self._readings[0][1], strict=True)]
        wanted = share * sum(recent)
        seen = 0
        for count, bound in zip(recent, self._bounds, strict=True):
            seen += count
            if count and seen >= wanted:
                return bound
        return None
