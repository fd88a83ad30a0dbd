"""Does a worker live? Decided from what its loops stamp and its accept queues hold. Pure.

Soft: a loop thread that has not beaten for `suspect_after`, or an accept queue that is not empty
and from which nobody has accepted for as long, makes the worker suspect, and so does, at once, a
frontend that says that it has no descriptors left. That is harmless if it was
wrong: its connections go elsewhere for a moment. It ends when every loop has beaten twice and
nothing was wrong for `clear_after`. Hard: a loop that is silent for `hang_after` is lost.

Ages are measured from the moment at which we saw a value change, in `OwnTime`: beats are not judged
for time in which the supervisor itself did not run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

_NEEDED_BEATS = 2


@dataclass(frozen=True)
class Limits:
    """Seconds. `suspect_after` and `hang_after` 0: never."""

    suspect_after: float = 0.15
    hang_after: float = 10.0
    clear_after: float = 0.3


class Signs(NamedTuple):
    """Of one frontend: beats of its threads (0 = does not run), arrivals so far, queue length, and
    whether it lacks descriptors.
    """

    beats: tuple[int, ...]
    arrivals: int = 0
    queued: int = 0
    lacking: bool = False


class Verdict(Enum):
    """`WAIT`: nothing is wrong now, but it is too early to clear a suspicion."""

    FINE = "fine"
    WAIT = "wait"
    SUSPECT = "suspect"
    HUNG = "hung"


class OwnTime:
    """Seconds in which this process ran: a gap between two calls counts as `max_step` at most."""

    def __init__(self, clock: Callable[[], float], max_step: float) -> None:
        self._clock = clock
        self._max_step = max_step
        self._last = clock()
        self._now = 0.0

    def advance(self) -> float:
        """The time now."""
        real = self._clock()
        self._now += min(max(0.0, real - self._last), self._max_step)
        self._last = real
        return self._now


@dataclass
class _Cell:
    """One value that ought to change."""

    value: int
    since: float
    changes: int = 0

    def see(self, value: int, now: float) -> None:
        if value != self.value:
            self.value, self.since = value, now
            self.changes += 1


class Watchdog:
    """Judges one worker process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._beats: dict[tuple[str, int], _Cell] = {}
        self._queues: dict[str, _Cell] = {}
        self._bad_at: float | None = None

    def judge(self, now: float, signs: Mapping[str, Signs]) -> tuple[Verdict, str]:
        """The verdict, and what is wrong in words. `now` never goes back."""
        for name, found in signs.items():
            self._see(name, found, now)
        silent, where = self._silence(now)
        limits = self._limits
        if 0 < limits.hang_after <= silent:
            return Verdict.HUNG, f"{where} hangs: silent for {silent:.1f} s"
        problem = self._problem(now, silent, where) or self._lack(signs)
        if problem:
            self._bad_at = now
            for cell in self._beats.values():
                cell.changes = 0
            return Verdict.SUSPECT, problem
        if self._bad_at is not None and not self._recovered(now, self._bad_at):
            return Verdict.WAIT, ""
        self._bad_at = None
        return Verdict.FINE, ""

    def held(self, now: float) -> None:
        """A debugger holds the process. Its loops have not beaten when it lets go: they get the
        whole time again, and are suspect meanwhile.
        """
        for cell in self._beats.values():
            cell.since = max(cell.since, now - self._limits.suspect_after)

    def _see(self, name: str, signs: Signs, now: float) -> None:
        beats = self._beats
        for thread, beat in enumerate(signs.beats):
            key = (name, thread)
            cell = beats.get(key)
            if not beat:  # not yet running, or ended as it should
                beats.pop(key, None)
            elif cell is None:
                beats[key] = _Cell(beat, now)
            elif cell.value != beat:
                cell.see(beat, now)
        # A frontend that does not run accepts nothing, and need not.
        if not signs.queued or not any(signs.beats):
            self._queues.pop(name, None)
        elif name in self._queues:
            self._queues[name].see(signs.arrivals, now)
        else:
            self._queues[name] = _Cell(signs.arrivals, now)

    def _silence(self, now: float) -> tuple[float, str]:
        """The longest silence of a loop, and which."""
        oldest, where = now, ("", 0)
        for key, cell in self._beats.items():
            if cell.since <= oldest:
                oldest, where = cell.since, key
        return now - oldest, f"{where[0]} loop {where[1]}"

    def _problem(self, now: float, silent: float, where: str) -> str:
        limit = self._limits.suspect_after
        if not limit:
            return ""
        if silent >= limit:
            return f"{where} is silent"
        for name, cell in self._queues.items():
            if now - cell.since >= limit:
                return f"nobody accepts {name} connections"
        return ""

    def _lack(self, signs: Mapping[str, Signs]) -> str:
        """An empty queue says nothing then: we empty it ourselves, for as long as it is suspect."""
        if not self._limits.suspect_after:
            return ""
        for name, found in signs.items():
            if found.lacking and any(found.beats):
                return f"{name} has no descriptors left"
        return ""

    def _recovered(self, now: float, bad_at: float) -> bool:
        beaten = all(cell.changes >= _NEEDED_BEATS for cell in self._beats.values())
        return beaten and now - bad_at >= self._limits.clear_after
