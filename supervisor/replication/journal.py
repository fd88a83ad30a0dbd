"""What clients have changed since the start: the calls that bring a new worker to the same state.

Compacted: one entry per region of shared memory, per model, per set of settings. In each lane the
entries are in the order of the last change, which is the order to repeat them in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..protocol.control_calls import LANES, Call

Lane = dict[str, Call]


class Journal:
    """Pure bookkeeping. Calls are recorded after a worker carried them out."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {lane: {} for lane in LANES.values()}

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def entries(self) -> list[Call]:
        return [call for lane in self._lanes.values() for call in lane.values()]

    def saved(self, lane: str) -> Lane:
        """For `restore`, if the next change of the lane has to be taken back."""
        return dict(self._lanes[lane])

    def restore(self, lane: str, saved: Lane) -> None:
        self._lanes[lane] = saved

    def loaded_by_client(self, call: Call) -> bool:
        """Is `call` the unload of a model that a client has loaded?"""
        lane, name = self._lanes[call.lane], call.head["name"]
        if call.op == "unhost":
            return _hosted(name) in lane
        return call.op == "unload" and name in lane and lane[name].op == "load"

    def record(self, call: Call) -> None:
        lane, head = self._lanes[call.lane], call.head
        if call.op == "register":
            lane[head["name"]] = call
        elif call.op == "unregister":
            _forget(lane, head["kind"], head["name"])
        elif call.op in ("host", "unhost"):
            lane.pop(_hosted(head["name"]), None)
            if call.op == "host":
                lane[_hosted(head["name"])] = call
        elif call.lane == "models":
            lane.pop(head["name"], None)
            lane[head["name"]] = call
        else:
            _merge(lane, call)

    def drop(self, call: Call) -> None:
        """It cannot be repeated. Nothing, if it was replaced meanwhile."""
        lane = self._lanes[call.lane]
        for key in [key for key, entry in lane.items() if entry is call]:
            del lane[key]

    def inverse(self, call: Call, loaded: bool, previous: Mapping[str, Any]) -> Call | None:
        """What takes back a call that is about to be recorded, or None if nothing does.

        `loaded`: the model could be used before; `previous`: the log settings before.
        """
        head, lane = call.head, self._lanes[call.lane]
        match call.op:
            case "register":
                return Call({"op": "unregister", "kind": head["kind"], "name": head["name"]})
            case "host":
                return Call({"op": "unhost", "name": head["name"]})
            case "unhost":
                return lane.get(_hosted(head["name"]))
            case "load" if not loaded:
                return Call({"op": "unload", "name": head["name"], "dependents": False})
            case "load" | "unload":
                before = lane.get(head["name"])
                return before if before is not None and before.op == "load" else None
            case "trace":
                known = lane.get(head["model"])
                old = known.head["settings"] if known else {}
                settings = {name: old.get(name) for name in head["settings"]}
                return Call({"op": "trace", "model": head["model"], "settings": settings})
            case "log":
                settings = {name: previous[name] for name in head["settings"] if name in previous}
                return Call({"op": "log", "settings": settings})
        return None


def _hosted(name: str) -> str:
    """The key of a model that a platform names; those of the core have no NUL."""
    return f"\0{name}"


def _forget(lane: Lane, kind: str, name: str) -> None:
    """A name of the other kind is no error and no change, as for the worker."""
    for key in [name] if name else list(lane):
        if key in lane and lane[key].head["kind"] == kind:
            del lane[key]


def _merge(lane: Lane, call: Call) -> None:
    """Settings: the last value of each. None is what the server was started with."""
    key = str(call.head.get("model", ""))
    known = lane.pop(key, None)
    merged = {**(known.head["settings"] if known else {}), **call.head["settings"]}
    settings = {name: value for name, value in merged.items() if value is not None}
    if settings:
        lane[key] = Call({**call.head, "settings": settings})
