"""What is known about one slot, for `status`: plain data, filled by the slot, read by anyone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..protocol.flights import Flight
from ..system.exits import ExitInfo
from .state import State


@dataclass(frozen=True)
class LastExit:
    """The end of the previous worker. `at` is Unix time, `uptime` seconds from its spawn."""

    info: ExitInfo
    reason: str
    at: float
    uptime: float
    tail: tuple[str, ...]
    flights: tuple[Flight, ...] = ()


@dataclass
class SlotReport:
    """Mutable record of a slot. `since` is Unix time of the last state change."""

    generation: int = 0
    restarts: int = 0
    since: float = 0.0
    reason: str = ""
    last_exit: LastExit | None = None
    models: list[Mapping[str, Any]] = field(default_factory=list)
    frontends: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    failed: int | None = None  # inferences
    p50: float | None = None  # seconds, over the last minute
    p99: float | None = None
    stubs: list[Mapping[str, Any]] = field(default_factory=list)
    sample: Mapping[str, Any] | None = None
    loading: list[str] = field(default_factory=list)
    loading_total: int = 0
    elapsed: float = 0.0
    trouble: str = ""  # what seems to keep the models from loading
    exits: dict[str, int] = field(default_factory=dict)
    announced: bool = False  # a person was told that this generation is ready
    _partial: list[Mapping[str, Any]] = field(default_factory=list)

    def entered(self, state: State, reason: str, now: float) -> None:
        self.since = now
        self.reason = reason if reason or state is not State.BACKOFF else self.reason

    def successor(self, number: int) -> SlotReport:
        """The record of a generation that loads beside this one."""
        made = replace(self, exits=dict(self.exits), _partial=[])
        made.new_generation(number)
        return made

    def take_over(self, old: SlotReport, *, seamless: bool) -> None:
        """This successor counts from now on, instead of `old`, and has what became known
        meanwhile. `seamless`: the old worker served until this moment.
        """
        if seamless:
            self.since, self.reason = old.since, old.reason
        self.last_exit, self.exits = old.last_exit, old.exits
        self.announced = seamless

    def new_generation(self, number: int) -> None:
        """A new process is about to start: forget what was true of the old one."""
        if self.generation:
            self.restarts += 1
        self.generation = number
        self.models, self.frontends = [], {}
        self.failed = self.p50 = self.p99 = None
        self.stubs = []
        self.loading, self.loading_total, self.elapsed, self.trouble = [], 0, 0.0, ""
        self._partial = []
        self.announced = False

    def take_models(self, args: Mapping[str, Any]) -> bool:
        """One MODELS message. True when the list is complete."""
        if args.get("first"):
            self._partial = []
        self._partial.extend(args.get("models", ()))
        if not args.get("last"):
            return False
        self.models, self._partial = self._partial, []
        return True

    def take_statistics(self, args: Mapping[str, Any]) -> None:
        """One STATS message."""
        self.frontends = args.get("frontends", {})
        self.failed, self.p50, self.p99 = (args.get(name) for name in ("failed", "p50", "p99"))
        self.stubs = list(args.get("stubs", ()))

    def take_progress(self, args: Mapping[str, Any]) -> None:
        self.loading = [str(name) for name in args.get("models", ())]
        self.loading_total = int(args.get("total", len(self.loading)))
        self.elapsed = float(args.get("elapsed", 0.0))
        trouble = str(args.get("trouble", ""))
        if trouble != self.trouble:  # nobody should have to wait for the limit to hear of it
            self.trouble = self.reason = trouble

    def stuck(self, *, exit_on_error: bool) -> bool:
        """It still says that it loads, and yet nothing goes on. With models that may fail, a
        helper's end does not mean that.
        """
        return bool(self.trouble) and exit_on_error

    def why_late(self, reason: str) -> str:
        """`reason` why a start took too long, with what seems to be behind it."""
        return f"{reason}: {self.trouble}" if self.trouble else reason

    @property
    def failed_models(self) -> list[Mapping[str, Any]]:
        return [model for model in self.models if model.get("failed")]

    @property
    def bare(self) -> bool:
        """None of its models is available, though some should be."""
        return bool(self.models) and len(self.failed_models) == len(self.models)

    @property
    def lost_reason(self) -> str:
        """The failed models and their faults, in words; "" if there is none."""
        faults = {str(m["name"]): str(m.get("fault") or "") for m in self.failed_models}
        names = [f"{name} ({text})" if text else name for name, text in sorted(faults.items())]
        return f"unavailable: {', '.join(names)}" if names else ""

    @property
    def models_ready(self) -> int:
        """Those that answer: the core calls a model ready whose processes have died."""
        ready = [model for model in self.models if model.get("state") == "READY"]
        return sum(not model.get("failed") for model in ready)

    def total(self, key: str) -> int:
        """A counter of the frontends, summed."""
        return sum(values.get(key, 0) for values in self.frontends.values())

    def count_exit(self, label: str) -> None:
        self.exits[label] = self.exits.get(label, 0) + 1
