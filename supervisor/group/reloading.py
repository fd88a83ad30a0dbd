"""`reload`: read the settings again, compare, and bring the workers over one by one.

The settings come from where they came from at the start: command line, environment as it was then,
and the file of `--config`, which is what may have changed. Everything is validated before anything
is touched. Loop thread only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..options.spec import ServeOptions, SpecError
from .reload_plan import Effect, Plan, plan
from .rolling import Roller


class ReloadError(Exception):
    """The reload is refused; nothing has changed."""


@dataclass
class Outcome:
    """The last reload. `why` is "" when it succeeded."""

    plan: Plan
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

    def look(self) -> Plan:
        """What a reload would do. Raises ReloadError for settings that are wrong."""
        try:
            return plan(self._current(), self._reread())
        except SpecError as error:
            raise ReloadError(
                f"the new configuration is wrong, nothing was changed: {error}"
            ) from None

    def begin(self, *, force: bool = False) -> Outcome:
        """Start the reload that `look` describes. Raises ReloadError.

        `force` starts new workers even if no setting has changed (updated libraries).
        """
        if self._roller.busy:
            raise ReloadError("workers are being replaced already; try again later")
        found = self.look()
        if found.effect is Effect.FULL:
            names = ", ".join(c.name for c in found.changes if c.effect is Effect.FULL)
            raise ReloadError(f"a full restart is needed for {names}; nothing was changed")
        new = self._reread()
        self.last = Outcome(found)
        if found.effect is Effect.ROLLING or force:
            self._log(f"reload: {len(found.changes)} changes, workers are replaced one by one")
            self._task = asyncio.get_running_loop().create_task(self._run(new, self.last))
        else:
            self._adopt(new)
            self.last.running = False
            self._log(f"reload: {len(found.changes)} changes, no worker is replaced")
        return self.last

    async def _run(self, new: ServeOptions, outcome: Outcome) -> None:
        why = "ended by a bug in the supervisor"
        try:
            why = await self._roller.change(self._current(), new, "reload")
        finally:
            outcome.why, outcome.running = why, False
            self._log(f"reload failed, the old configuration stays: {why}" if why else "reloaded")
        if not why:
            self._adopt(new)

    def resume(self, status: dict[str, Any] | None) -> None:
        """The `status` of another supervisor of this instance."""
        self._before = status

    def status(self) -> dict[str, Any] | None:
        """JSON form of the last reload."""
        if self.last is None:
            return self._before
        return {"running": self.last.running, "failed": self.last.why, **describe(self.last.plan)}


def describe(found: Plan) -> dict[str, Any]:
    """JSON form of a plan."""
    return {"effect": str(found.effect), "changes": [str(change) for change in found.changes]}
