"""The limit of a start: enough workers must serve, all at once, before it is over. Pure.

Once they did, it is over for ever: what breaks later is no matter of the start, neither after an
upgrade in place nor when a reload asks for more workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class StartLimit:
    """Of one instance. `clock`: monotonic seconds, from which it runs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self.reached = False

    def resume(self, began: float, *, reached: bool) -> None:
        """A start that began in a supervisor before this one."""
        self._began, self.reached = began, reached

    def look(self, serving: int, wanted: int) -> None:
        """So many workers serve at this moment; `wanted` is `--min-ready`."""
        self.reached = self.reached or serving >= wanted

    def exceeded(self, seconds: float) -> bool:
        """There were never enough, for `seconds` or longer."""
        return not self.reached and self._clock() - self._began >= seconds


def shortfall(serving: int, wanted: int, seconds: float, absent: Iterable[str]) -> str:
    """In words, for a limit of `seconds`. `absent`: what the workers do that do not serve."""
    verb = "was" if serving == 1 else "were"
    return (
        f"{serving} of {wanted} workers (--min-ready) {verb} ready within {seconds:g} s: "
        f"{', '.join(absent)}"
    )


def doing(slot: int, state: str, reason: str, loading: str) -> str:
    """What one worker does that does not serve. `loading`: names of models, or ""."""
    detail = reason or loading
    return f"w{slot} is {state} ({detail})" if detail else f"w{slot} is {state}"
