"""`reload`: read the settings again, compare, and bring the workers over one by one.

The settings come from where they came from at the start: command line, environment as it was then,
and the file of `--config`, which is what may have changed. Everything is validated before anything
is touched. Loop thread only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..options.spec import RELOAD_STRATEGIES, ServeOptions, SpecError
from .reload_plan import Effect, Plan, plan
from .rolling import Roller
from .strategy import IN_PLACE


class ReloadError(Exception):
    """The reload is refused; nothing has changed."""


@dataclass
class Outcome:
    """The last reload. `why` is "" when it succeeded."""

    plan: Plan
    in_place: bool = False
    running: bool = True
    why: str = ""


class Reloader:
    """One per instance. `reread` returns the validated options of this moment, or raises."""

    def __init__(
        self,
        reread: Callable[[], ServeOptions],
        current: Callable[[], ServeOptions],
        adopt: Callable[[ServeOptions], None],
        roller: Roller,
        log: Callable[[str], None],
    ) -> None:
        self._reread = reread
        self._current = current
        self._adopt = adopt
        self._roller = roller
        self._log = log
        self._task: asyncio.Task[None] | None = None
        self.last: Outcome | None = None
        self._before: dict[str, Any] | None = None

    def look(self, strategy: str = "") -> Outcome:
        """What a reload would do, by another strategy than that of the settings if there is one.
        Raises ReloadError for settings that are wrong, and for what that strategy cannot do.
        """
        return self._look(strategy)[0]

    def _look(self, strategy: str) -> tuple[Outcome, ServeOptions]:
        try:
            new = self._reread()
        except SpecError as error:
            raise ReloadError(
                f"the new configuration is wrong, nothing was changed: {error}"
            ) from None
        if strategy and strategy not in RELOAD_STRATEGIES:
            allowed = ", ".join(RELOAD_STRATEGIES)
            raise ReloadError(f"--strategy: {strategy!r} is not one of {allowed}")
        found = plan(self._current(), new)
        in_place = (strategy or new.reload_strategy) == IN_PLACE
        if in_place and (names := _names(found, Effect.ROLLING)):
            raise ReloadError(
                f"in-place keeps the workers, and {names} needs new ones: use another --strategy; "
                "nothing was changed"
            )
        return Outcome(found, in_place), new

    def begin(self, *, force: bool = False, strategy: str = "") -> Outcome:
        """Start the reload that `look` describes. Raises ReloadError.

        `force` starts new workers even if no setting has changed (updated libraries), or loads all
        models again even if none has.
        """
        begun = self._task is not None and not self._task.done()
        if begun or self._roller.busy:
            raise ReloadError("workers are being replaced already; try again later")
        outcome, new = self._look(strategy)
        if names := _names(outcome.plan, Effect.FULL):
            raise ReloadError(f"a full restart is needed for {names}; nothing was changed")
        self.last = outcome
        count = len(outcome.plan.changes)
        if outcome.in_place:
            self._log(f"reload: {count} changes, workers load their models again one by one")
            self._start(new, outcome, self._roller.refresh(everything=force))
        elif outcome.plan.effect is Effect.ROLLING or force:
            self._log(f"reload: {count} changes, workers are replaced one by one")
            current = self._current()
            self._start(new, outcome, self._roller.change(current, new, "reload", strategy))
        else:
            self._adopt(new)
            outcome.running = False
            self._log(f"reload: {count} changes, no worker is replaced")
        return outcome

    def _start(self, new: ServeOptions, outcome: Outcome, work: Awaitable[str]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(new, outcome, work))

    async def _run(self, new: ServeOptions, outcome: Outcome, work: Awaitable[str]) -> None:
        why = "ended by a bug in the supervisor"
        try:
            why = await work
        finally:
            outcome.why, outcome.running = why, False
            stays = "models stay" if outcome.in_place else "configuration stays"
            self._log(f"reload failed, the old {stays}: {why}" if why else "reloaded")
        if not why:
            self._adopt(new)

    def resume(self, status: dict[str, Any] | None) -> None:
        """The `status` of another supervisor of this instance."""
        self._before = status

    def status(self) -> dict[str, Any] | None:
        """JSON form of the last reload."""
        if self.last is None:
            return self._before
        return {"running": self.last.running, "failed": self.last.why, **describe(self.last)}


def describe(outcome: Outcome) -> dict[str, Any]:
    """JSON form of a plan, and whether the workers stay."""
    return {
        "effect": str(outcome.plan.effect),
        "in_place": outcome.in_place,
        "changes": [str(change) for change in outcome.plan.changes],
    }


def _names(found: Plan, effect: Effect) -> str:
    return ", ".join(change.name for change in found.changes if change.effect is effect)
