"""Health of the models inside one worker: dead Python stubs, healed in place, and hung models.

The core says "ready" in both cases. Faults are given to the worker's loop by model name, so that
the supervisor shows it as degraded; what cannot be cured asks for a restart. Main loop of the
worker only; loads run on a thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .client_loads import ClientLoads
from .core import Core
from .hang_limit import HangLimits
from .healing import MAX_SECONDS, Healer, Outcome
from .latency import STEP
from .model_reload import ReloadError
from .stubs import Death, Stub, StubWatch
from .unserved import Unserved, unserved

#: Seconds between looks at the list of children. A death is noticed at once by its pidfd; this is
#: how long a new stub may be unknown.
_SCAN_EVERY = 0.25


@dataclass(frozen=True)
class Wishes:
    """What the loop does for the watch."""

    run: Callable[[Callable[[], None]], None]  # on a thread
    post: Callable[[Callable[[], None]], None]  # back on the main loop
    changed: Callable[[], None]  # `faults` is another one
    restart: Callable[[str], None]  # this worker, with a reason
    log: Callable[[str], None]


class ModelWatch:
    """`begin` when the models are loaded, `turn` often, `end` when the worker is to leave.

    `hang_timeout`: as HangLimits takes it; `hang_restart`: a hung model is worth the worker.
    """

    def __init__(
        self,
        core: Core,
        wishes: Wishes,
        loads: ClientLoads,
        *,
        hang_timeout: float | str,
        hang_restart: bool,
    ) -> None:
        self._core = core
        self._wishes = wishes
        self._loads = loads
        self._hang_timeout = hang_timeout
        self._hang_restart = hang_restart
        self._stubs = StubWatch(time.monotonic)
        self._healer = Healer(time.monotonic)
        self._limits = HangLimits(0.0, ())
        self._next_lesson = 0.0
        self._hung: dict[str, str] = {}
        self._active = False
        self.had_deaths = False
        self._next_scan = 0.0
        self._told: dict[str, str] = {}
        self._models: Sequence[str] = ()
        self._directories: dict[str, str] = {}  # of the models that lost a stub
        self._dead: dict[str, list[Stub]] = {}
        self._survivors: dict[str, set[Stub]] = {}  # of the copy in service when one died
        self._unserved = Unserved()

    @property
    def fds(self) -> list[int]:
        return self._stubs.fds if self._active else []

    @property
    def timeout(self) -> float:
        """Seconds until `turn` is wanted next."""
        if not self._active:
            return _SCAN_EVERY
        now = time.monotonic()
        due = (self._stubs.next_look, self._healer.next_due, self._next_scan)
        return max(0.0, min(_SCAN_EVERY, *(when - now for when in due if when is not None)))

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong with which model. Empty: nothing."""
        stopped: dict[str, str] = {}
        for stub in self._stubs.stopped:
            stopped[stub.model(self._models)] = "a Python stub is stopped by a signal"
        return {**self._hung, **stopped, **self._healer.faults}

    @property
    def stubs(self) -> list[dict[str, Any]]:
        """Python stubs, those that live first; dead ones until their model is whole again."""
        dead = ((stub, False) for gone in self._dead.values() for stub in gone)
        return [
            {"pid": stub.pid, "model": stub.model(self._models), "alive": alive}
            for stub, alive in [*((stub, True) for stub in self._stubs.alive), *dead]
        ]

    @property
    def healing(self) -> frozenset[str]:
        """Models that are, or are going to be, loaded again."""
        return frozenset(self._healer.faults)

    @property
    def hung(self) -> frozenset[str]:
        return frozenset(self._hung)

    def begin(self) -> None:
        self._active = True
        self._limits = HangLimits(self._hang_timeout, self._core.outcome_bounds())
        self._models = self._names()
        self._stubs.scan()

    def know(self, models: Iterable[str]) -> None:
        """Names by which stubs are told apart: models come and go by clients' wishes."""
        self._models = list(models)

    def end(self) -> None:
        self._active = False
        self._stubs.close()

    def any_alive(self) -> bool:
        """After `end`: does any stub live? (One look; nothing is watched.)"""
        self._stubs.scan()
        found = bool(self._stubs.alive)
        self._stubs.close()
        return found

    def turn(self, ready: Iterable[int]) -> None:
        """`ready`: readable descriptors, ours among them."""
        if not self._active:
            return
        for fd in set(ready) & set(self._stubs.fds):
            self._stubs.ended(fd)
        now = time.monotonic()
        if now >= self._next_scan:
            self._next_scan = now + _SCAN_EVERY
            self._stubs.scan()
            self._look_for_hung(now)
        for death in self._stubs.deaths():
            self._died(death)
        self._heal()
        self._tell()

    # -- dead stubs ------------------------------------------------------------------------

    def _died(self, death: Death) -> None:
        self._models = self._names()
        model = death.stub.model(self._models)
        if model not in self._models:
            return  # it was unloaded meanwhile
        self._wishes.log(f"model {model!r}: Python stub {death.stub.instance} {death.text}")
        self.had_deaths = True
        self._healer.died(model, f"a Python stub {death.text}; loading it again")
        self._directories[model] = death.stub.directory
        self._dead.setdefault(model, []).append(death.stub)
        self._survivors.setdefault(model, self._alive_stubs().get(model, set()))

    def _heal(self) -> None:
        if (late := self._healer.overdue()) is not None:
            self._give_up(late, f"loading it again takes over {MAX_SECONDS:g} s")
            return
        model = self._healer.take()
        if model is None:
            return
        directory, began = self._directories[model], time.monotonic()

        def work() -> None:
            with self._loads.holding(model, wait=False) as held:
                after: Callable[[], None] = partial(self._healer.later, model)
                if held:
                    after = self._reload(model, directory, began)
            self._wishes.post(after)

        self._wishes.run(work)

    def _reload(self, model: str, directory: str, began: float) -> Callable[[], None]:
        """On a thread. What follows on the main loop."""
        error = ""
        try:
            if model not in self._names():
                return partial(self._gone, model)
            self._core.reload(model, directory, self._loads.parameters(model))
        except ReloadError as problem:
            error = str(problem)
        except Exception as problem:  # the core stops
            error = f"{type(problem).__name__}: {problem}"
        return partial(self._loaded, model, error, began)

    def _gone(self, model: str) -> None:
        """A client has unloaded it meanwhile: nothing is left to heal."""
        self._healer.gone(model)
        self._dead.pop(model, None)
        self._survivors.pop(model, None)
        if self._active:
            self._tell()

    def _loaded(self, model: str, error: str, began: float) -> None:
        if not self._active:
            return
        self._stubs.scan()
        whole = not error and self._serves(model)
        seconds = time.monotonic() - began
        match self._healer.tried(model, whole):
            case Outcome.HEALED:
                self._wishes.log(f"model {model!r}: healed in {seconds:.1f} s")
                self._dead.pop(model, None)
                self._survivors.pop(model, None)
            case Outcome.AGAIN:
                self._wishes.log(f"model {model!r}: not healed, trying again: {error}")
            case Outcome.GIVE_UP:
                self._give_up(model, error or "its stubs die again")
        self._tell()

    def loaded_anew(self, models: Iterable[str]) -> None:
        """The core was told to load these, and may have. A copy without any of the stubs of the
        one in which a stub has died is whole.
        """
        if not self._active:
            return
        self._stubs.scan()
        for model in models:
            left = self._survivors.get(model)
            alive = {stub for stub in self._stubs.alive if stub.model(self._models) == model}
            whole = left is not None and alive and left.isdisjoint(alive)
            if whole and not self._healer.trying(model):  # else that will tell
                self._wishes.log(f"model {model!r}: loaded anew, nothing is left to heal")
                self._gone(model)

    def _serves(self, model: str) -> bool:
        """A load that failed leaves the old copy, with its dead stub, in service."""
        return model in self._alive_stubs() and model in self._names()

    def _give_up(self, model: str, why: str) -> None:
        self._active = False
        self._wishes.changed()
        self._wishes.restart(f"model {model!r} cannot be healed: {why}")

    # -- hung models -----------------------------------------------------------------------

    def _look_for_hung(self, now: float) -> None:
        if self._limits.learns and now >= self._next_lesson:
            self._next_lesson = now + STEP
            self._limits.learn(now, self._core.answers())
        found = self._limits.hung(self._core.busy())
        new = found.keys() - self._hung.keys()
        # The seconds in the text would make every look a change.
        self._hung = {model: self._hung.get(model, text) for model, text in found.items()}
        for model in sorted(new):
            self._wishes.log(f"model {model!r} {found[model]}")
        if new and self._hang_restart:
            self._active = False
            self._wishes.changed()
            name = sorted(new)[0]
            self._wishes.restart(f"model {name!r} {found[name]}")

    # -- both ------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        return self._core.ready_models()

    def _alive_stubs(self) -> dict[str, set[Stub]]:
        found: dict[str, set[Stub]] = {}
        for stub in self._stubs.alive:
            found.setdefault(stub.model(self._models), set()).add(stub)
        return found

    def _tell(self) -> None:
        found = unserved(
            alive=self._alive_stubs(),
            stopped=self._stubs.stopped,
            healing=self._healer.faults,
            survivors=self._survivors,
            hung=self._hung,
        )
        if found != self._unserved:
            self._unserved = found
            self._core.set_faults(found.broken, found.stuck)
        faults = self.faults
        if faults != self._told:
            self._told = faults
            self._wishes.changed()
