"""When to load a model again whose Python stub died, and when to give up. Pure.

A heal loads the model anew beside the other models of the worker, which go on serving. It is tried
twice and within a time; after that the worker is worth a restart. A model that dies again soon
after a heal (one request may kill it each time) is healed with growing pauses instead: a restart
would take the healthy models with it and cure nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

#: Tries, and seconds that they may take together, before the worker is restarted.
MAX_TRIES = 2
MAX_SECONDS = 120.0
#: Seconds between heals of a model that keeps dying: the first at once, then 1, 2, 4, ...
_LONGEST_PAUSE = 60.0
#: Seconds until a load that somebody else's was in the way of is tried again.
_IN_THE_WAY = 1.0
#: A model that has lived this long is no longer one that keeps dying.
_HEALTHY_AFTER = 60.0


class Outcome(str, Enum):
    """What follows a try."""

    HEALED = "HEALED"
    AGAIN = "AGAIN"
    GIVE_UP = "GIVE_UP"


@dataclass
class _Patient:
    fault: str
    due: float
    tries: int = 0
    first_try: float | None = None
    running: bool = False
    died_again: bool = False


@dataclass
class _Past:
    heals: int
    healed_at: float


@dataclass
class Healer:
    """All models of one worker that lost stubs. `clock`: monotonic seconds."""

    clock: Callable[[], float]
    _patients: dict[str, _Patient] = field(default_factory=dict)
    _past: dict[str, _Past] = field(default_factory=dict)

    def died(self, model: str, fault: str) -> None:
        """A stub of `model` died."""
        patient = self._patients.get(model)
        if patient is not None:
            # Perhaps one of the copy that a running try has just loaded.
            patient.died_again = patient.running
            return
        now = self.clock()
        self._patients[model] = _Patient(fault, now + self._pause(model, now))

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong, by model."""
        return {model: patient.fault for model, patient in self._patients.items()}

    @property
    def next_due(self) -> float | None:
        """When `take` will have something, by the clock."""
        return min((p.due for p in self._patients.values() if not p.running), default=None)

    def take(self) -> str | None:
        """A model to load now; `tried`, `later` or `gone` must follow. One at a time: each needs
        memory twice.
        """
        if any(patient.running for patient in self._patients.values()):
            return None
        now = self.clock()
        for model, patient in self._patients.items():
            if patient.due <= now:
                patient.running, patient.died_again = True, False
                patient.tries += 1
                patient.first_try = now if patient.first_try is None else patient.first_try
                return model
        return None

    def later(self, model: str) -> None:
        """The load cannot be begun now: somebody else loads the model, perhaps for long."""
        patient = self._patients[model]
        patient.running = False
        patient.tries -= 1
        if patient.tries == 0:
            patient.first_try = None
        patient.due = self.clock() + _IN_THE_WAY

    def trying(self, model: str) -> bool:
        """Is it being loaded just now?"""
        patient = self._patients.get(model)
        return patient is not None and patient.running

    def overdue(self) -> str | None:
        """A model whose try takes too long (the load itself hangs)."""
        now = self.clock()
        for model, patient in self._patients.items():
            if patient.running and _seconds(patient, now) > MAX_SECONDS:
                return model
        return None

    def tried(self, model: str, ok: bool) -> Outcome:
        """The load that `take` asked for has ended; `ok`: the model is whole."""
        patient, now = self._patients[model], self.clock()
        patient.running = False
        if ok and not patient.died_again:
            self._heal(model, now)
            return Outcome.HEALED
        if patient.tries >= MAX_TRIES or _seconds(patient, now) > MAX_SECONDS:
            return Outcome.GIVE_UP
        patient.due = now
        return Outcome.AGAIN

    def gone(self, model: str) -> None:
        """The model was unloaded, or loaded anew by somebody else: nothing is left to heal."""
        self._patients.pop(model, None)

    def _heal(self, model: str, now: float) -> None:
        del self._patients[model]
        past = self._past.get(model)
        self._past[model] = _Past((past.heals if past else 0) + 1, now)

    def _pause(self, model: str, now: float) -> float:
        past = self._past.get(model)
        if past is None or now - past.healed_at >= _HEALTHY_AFTER:
            self._past.pop(model, None)
            return 0.0
        return min(_LONGEST_PAUSE, 2.0 ** min(past.heals - 1, 30))


def _seconds(patient: _Patient, now: float) -> float:
    return now - patient.first_try if patient.first_try is not None else 0.0
