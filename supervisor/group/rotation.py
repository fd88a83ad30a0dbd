"""When a healthy worker is replaced by a fresh one: it grew, or it is old. Pure.

Against leaks that nobody has found yet. Workers that started together would all be due together,
so each draws a lot that shifts its age by up to a tenth; and only one is replaced at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..system.words import size

_AGE_JITTER = 0.1
#: After a replacement that failed. Its reason is in the log; at once would be a loop.
RETRY_AFTER = 60.0


@dataclass(frozen=True)
class Candidate:
    """One serving worker. `age` in seconds, `rss` in bytes, `lot` its random number in 0..1."""

    slot: int
    age: float
    rss: int
    lot: float


def due(candidate: Candidate, max_rss: int, max_age: float) -> str:
    """Why this worker should be replaced; "" if it may stay. A limit of 0 is none."""
    if max_rss and candidate.rss > max_rss:
        held, limit = size(candidate.rss), size(max_rss)
        return f"resident memory {held} (with its stubs) exceeds --worker-max-rss ({limit})"
    most = max_age * (1 - _AGE_JITTER + 2 * _AGE_JITTER * candidate.lot)
    if max_age and candidate.age >= most:
        return f"{candidate.age:.0f} s old, --worker-max-age is {max_age:g} s"
    return ""


class Rotation:
    """Picks who is next."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._not_before = 0.0

    def pick(
        self, candidates: Sequence[Candidate], max_rss: int, max_age: float
    ) -> tuple[int, str] | None:
        """Slot and reason, or None. The oldest of those that are due goes first."""
        if self._clock() < self._not_before:
            return None
        for candidate in sorted(candidates, key=lambda each: -each.age):
            if reason := due(candidate, max_rss, max_age):
                return candidate.slot, reason
        return None

    def failed(self) -> None:
        """The last one picked could not be replaced."""
        self._not_before = self._clock() + RETRY_AFTER
