"""Carries out control calls on the server of this worker, and finds out what is needed to take them
back, or to repeat them. Blocks; each lane (protocol/control_calls.py) has a thread that calls it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..protocol.channel import cut
from ..protocol.control_calls import Call, Outcome, unpack
from .client_loads import ClientLoads

INTERNAL = 1  # base::Code of cpp/base/status.h


class Native(Protocol):
    """`_native.Replication`."""

    @property
    def fd(self) -> int: ...
    def take(self) -> Sequence[tuple[int, Mapping[str, Any]]]: ...
    def finish(self, id: int, outcome: Outcome | None) -> None: ...
    def apply(self, call: Mapping[str, Any], origin: str) -> Outcome | None: ...
    def loaded(self, model: str) -> bool: ...
    def log_settings(self) -> Mapping[str, Any]: ...
    def end(self) -> None: ...


class Changes:
    """`loads` is told what clients load."""

    def __init__(self, native: Native, loads: ClientLoads) -> None:
        self._native = native
        self._loads = loads

    def make(self, call: Call, origin: str) -> dict[str, Any]:
        """What APPLIED says: "outcome" and what was found out. `origin`: as for `Native.apply`."""
        said: dict[str, Any] = {}
        with contextlib.suppress(Exception):  # only for taking it back
            if call.op == "load":
                said["loaded"] = self._native.loaded(call.head["name"])
            elif call.op == "log":
                said["previous"] = dict(self._native.log_settings())
            elif call.op == "unload" and origin == "replay" and not self._loaded(call):
                return {"outcome": None}
        try:
            outcome = self._apply(call, origin)
        except Exception as error:
            outcome = (INTERNAL, f"{type(error).__name__}: {error}")
        if outcome is not None:
            outcome = (outcome[0], cut(outcome[1]))
        return {"outcome": outcome, **said}

    def _loaded(self, call: Call) -> bool:
        return self._native.loaded(call.head["name"])

    def _apply(self, call: Call, origin: str) -> Outcome | None:
        if call.op not in ("load", "unload"):
            return self._native.apply(unpack(call), origin)
        with self._loads.holding(call.head["name"]):
            outcome = self._native.apply(unpack(call), origin)
            if outcome is None:
                self._loads.made(call)
            return outcome
