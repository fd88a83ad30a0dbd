"""How long a slot may stay in each state, and what to say when it stayed too long. Pure.

The clock is injected; the driver (`slot.py`) waits `left()` seconds for an event and takes
Event.TIMEOUT if none came. States that are not listed wait for ever.
"""

from __future__ import annotations

from collections.abc import Callable

from ..options.spec import Timeouts
from .state import State

#: Uninterruptible sleep (a sick driver) survives SIGKILL; after this it is reported.
UNKILLABLE_AFTER = 30.0
#: The worker's own drain limit comes first; this is for one that does not keep it.
_DRAIN_MARGIN = 1.0


class StateClock:
    """The deadline of one slot's current state."""

    def __init__(self, limits: Timeouts, exit_timeout: float, clock: Callable[[], float]) -> None:
        """`exit_timeout` is the core's own limit when it stops, in seconds."""
        self._limits = limits
        self._exit_timeout = exit_timeout
        self._clock = clock
        self._state = State.DISABLED
        self._load_ends = 0.0
        self.deadline: float | None = None

    def use(self, limits: Timeouts, exit_timeout: float) -> None:
        """Other limits, from the next state on."""
        self._limits, self._exit_timeout = limits, exit_timeout

    def enter(self, state: State, delay: float = 0.0) -> None:
        """A new state begins. `delay` is the policy's word for BACKOFF and FAILED (0: for ever)."""
        now, limits = self._clock(), self._limits
        self._state = state
        self._load_ends = now + limits.start
        seconds = {
            State.SPAWNING: limits.hello,
            State.LOADING: min(limits.start, limits.start_stall),
            State.DRAINING: limits.drain + _DRAIN_MARGIN,
            State.STOPPING: self._exit_timeout + limits.stop_margin,
            State.KILLING: UNKILLABLE_AFTER,
            State.BACKOFF: delay,
            State.FAILED: delay or None,
        }.get(state)
        self.deadline = None if seconds is None else now + seconds

    @property
    def load_ends(self) -> float:
        """When the whole load must have ended."""
        return self._load_ends

    def resume(self, state: State, deadline: float | None, load_ends: float) -> None:
        """A state that began in a supervisor before this one."""
        self._state, self.deadline, self._load_ends = state, deadline, load_ends

    def progress(self) -> None:
        """A sign of life while loading: the stall limit starts anew, the whole limit does not."""
        if self._state is State.LOADING:
            self.deadline = min(self._load_ends, self._clock() + self._limits.start_stall)

    def left(self) -> float | None:
        """Seconds to the deadline, at least 0; None = wait for ever."""
        return None if self.deadline is None else max(0.0, self.deadline - self._clock())

    def stop(self) -> None:
        """The deadline passed and nothing follows from it: wait for events alone."""
        self.deadline = None

    def reason(self) -> str:
        """Why the state's time is over, for people; "" where the state's own reason says it."""
        limits = self._limits
        match self._state:
            case State.SPAWNING:
                return f"no sign of life within {limits.hello:g} s"
            case State.LOADING if self._clock() >= self._load_ends:
                return f"models not ready within {limits.start:g} s"
            case State.LOADING:
                return f"no progress for {limits.start_stall:g} s while loading"
            case State.DRAINING:
                return f"requests unfinished after {limits.drain:g} s"
            case State.STOPPING:
                return "did not stop in time"
            case _:
                return ""
