"""What can be asked of a running group: HTTP paths of its own port, operations of its socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Any

from ..group.group import Group
from ..group.reloading import Reloader, ReloadError, describe
from ..slots.slot import Slot
from ..slots.state import LEAVING, WITH_PROCESS, Event, next_state
from ..status.collector import Collector
from ..status.status import status
from .http import Answer
from .http import Handler as HttpHandler
from .server import Answered, ControlError, Handler

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def routes(group: Group, collector: Collector) -> dict[str, HttpHandler]:
    """Paths of the supervisor's own port: metrics, and health of the whole group."""

    async def metrics() -> Answer:
        return Answer(200, await collector.page(), _METRICS_TYPE)

    async def live() -> Answer:
        return Answer(200, "live\n")

    async def ready() -> Answer:
        serving = len(group.ready) >= group.options.min_ready and not group.ending.begun
        text = f"{group.state}: {len(group.ready)} of {len(group.slots)} workers ready\n"
        return Answer(200 if serving else 503, text)

    return {"/metrics": metrics, "/v2/health/live": live, "/v2/health/ready": ready}


def handlers(group: Group, reloader: Reloader) -> dict[str, Handler]:
    """Operations of the control socket."""

    def one(request: Mapping[str, Any]) -> Slot:
        number = request.get("slot")
        if not isinstance(number, int) or not 0 <= number < len(group.slots):
            raise ControlError(f"slot {number!r} is not one of 0..{len(group.slots) - 1}")
        return group.slots[number]

    def changeable(request: Mapping[str, Any]) -> Slot:
        slot = one(request)
        if group.ending.begun:
            raise ControlError("the instance is stopping")
        return slot

    def stop(request: Mapping[str, Any]) -> dict[str, Any]:
        group.ending.stop("stop command")
        return {}

    def drain(request: Mapping[str, Any]) -> dict[str, Any]:
        slot = changeable(request)
        before = _place(slot)
        slot.stop("drained by the operator")
        return {**before, "begun": not before["empty"]}

    def start(request: Mapping[str, Any]) -> dict[str, Any]:
        slot = changeable(request)
        before = _place(slot)
        slot.start("started by the operator")
        return {**before, "begun": before["startable"]}

    def restart(request: Mapping[str, Any]) -> dict[str, Any]:
        slot = changeable(request)
        before = _place(slot)
        slot.restart("restarted by the operator")
        return {**before, "begun": before["startable"] or before["process"]}

    async def follow(since: int) -> AsyncIterator[dict[str, Any]]:
        async for batch in group.events.follow(since):
            yield asdict(batch)

    def events(request: Mapping[str, Any]) -> Answered:
        since = int(request.get("since", 0))
        return follow(since) if request.get("follow") else asdict(group.events.after(since))

    def reload(request: Mapping[str, Any]) -> dict[str, Any]:
        if group.ending.begun:
            raise ControlError("the instance is stopping")
        try:
            strategy = str(request.get("strategy", ""))
            if request.get("dry_run"):
                return describe(reloader.look(strategy))
            reloader.begin(force=bool(request.get("force")), strategy=strategy)
        except ReloadError as error:
            raise ControlError(str(error)) from None
        return reloader.status() or {}

    def reload_status(request: Mapping[str, Any]) -> dict[str, Any]:
        return reloader.status() or {}

    return {
        "events": events,
        "undrain": start,
        "reload": reload,
        "reload-status": reload_status,
        "slot": lambda request: _place(one(request)),
        "status": lambda request: {"status": status(group)},
        "stop": stop,
        "drain": drain,
        "start": start,
        "restart": restart,
    }


def _place(slot: Slot) -> dict[str, Any]:
    """JSON form of a slot for whoever waits for it. `startable`: a start would change something."""
    leaving = slot.state in LEAVING
    return {
        "state": str(slot.state),
        "empty": slot.empty,
        "wanted": slot.wanted,
        "leaving": leaving,
        "process": slot.state in WITH_PROCESS,
        "startable": leaving or next_state(slot.state, Event.START) is not None,
    }
