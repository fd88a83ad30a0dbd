"""Restart policy: what follows the end of a worker. Pure; clock and random are injected.

Back-off is exponential with jitter, so that workers that died together do not load together. A
worker that had been ready for a while restarts at once: its crash is an accident, not a loop. A
breaker ends a crash loop before it fills the disk with logs, and tries again from time to time
(half-open). Codes that a restart cannot cure skip the back-off and open the breaker at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..options.spec import RestartPolicy
from .state import Event


@dataclass(frozen=True)
class Verdict:
    """What to do next: RETRY after `delay` seconds, RESTART, GIVE_UP or DISABLE, and why."""

    event: Event
    delay: float
    reason: str


@dataclass
class RestartHistory:
    """Failures of one slot. One per slot, used only by its task."""

    policy: RestartPolicy
    clock: Callable[[], float]
    random: Callable[[], float]
    consecutive: int = 0
    half_open: bool = False
    failures: deque[float] = field(default_factory=deque)

    def after_failure(self, reason: str, *, ready_for: float, permanent: bool = False) -> Verdict:
        """Judge a failed generation that had been ready for `ready_for` seconds (0 = never)."""
        now = self.clock()
        healthy = ready_for >= self.policy.healthy_after
        if healthy:
            self.consecutive, self.half_open = 0, False
        self.failures.append(now)
        self._forget(now)
        if permanent:
            return Verdict(Event.GIVE_UP, self.policy.half_open_every, reason)
        if self.half_open:
            return Verdict(Event.GIVE_UP, self.policy.half_open_every, f"{reason}; still failing")
        if 0 < self.policy.breaker_failures <= len(self.failures):
            why = f"{reason}; {len(self.failures)} failures in {self.policy.breaker_window:g} s"
            return Verdict(Event.GIVE_UP, self.policy.half_open_every, why)
        delay = 0.0 if healthy else self._delay(self.consecutive)
        self.consecutive += 1
        return Verdict(Event.RETRY, delay, reason)

    def failures_in_window(self) -> int:
        self._forget(self.clock())
        return len(self.failures)

    def try_half_open(self) -> None:
        """The slot left FAILED on its timer: one more failure sends it back at once."""
        self.half_open = True

    def reset(self) -> None:
        """An operator started the slot: forget the past."""
        self.consecutive, self.half_open = 0, False
        self.failures.clear()

    def _delay(self, n: int) -> float:
        # 2.0**1024 overflows a float; the cap is reached long before.
        raw = min(self.policy.max_delay, self.policy.base_delay * 2.0 ** min(n, 30))
        return raw * (1 - self.policy.jitter + 2 * self.policy.jitter * self.random())

    def _forget(self, now: float) -> None:
        while self.failures and now - self.failures[0] > self.policy.breaker_window:
            self.failures.popleft()
