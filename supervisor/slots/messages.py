"""What a slot makes of the messages of its worker. Loop thread only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.channel import Message
from .state import Event, State

if TYPE_CHECKING:
    from .slot import Slot


def _prepare(slot: Slot) -> None:
    """A worker has loaded: it gets what clients have changed, then it serves."""
    generation = slot.generation
    if generation is None:
        return

    def serve() -> None:
        # HELLO may still be among the slot's events.
        if slot.generation is generation and slot.state in (State.SPAWNING, State.LOADING):
            slot.owner.loaded(slot)
            slot.tell("SERVE")

    slot.owner.replay(generation, serve)


def take(slot: Slot, message: Message) -> None:
    """One message of the worker that counts. What it has wrong raises ValueError and the like."""
    args = message.args
    match message.op:
        case "HELLO":
            slot.post(Event.HELLO)
        case "PROGRESS":
            slot.report.take_progress(args)
            slot.progressed()
        case "MODELS":
            if slot.report.take_models(args):
                slot.models_changed()
        case "LOADED":
            slot.report.sample = args.get("sample")
            _prepare(slot)
        case "READY":
            lost = bool(slot.report.failed_models)
            slot.post(Event.MODEL_LOST if lost else Event.READY, slot.report.lost_reason)
        case "STATS":
            slot.report.take_statistics(args)
        case "DRAINING":
            slot.post(Event.DRAIN, "drains by itself (signal from outside)")
        case "DRAINED":
            if not args.get("clean"):
                slot.owner.note(slot, "requests were still unfinished at the drain limit")
            slot.post(Event.DRAINED, slot.report.reason)
        case "RESTART" if slot.wanted:
            slot.owner.note(slot, f"restarting: {args.get('reason')}")
            slot.report.count_exit("own wish")
            if args.get("device_failed"):
                slot.owner.device_failed(slot.device, str(args.get("reason")))
                slot.leave_device(slot.device, str(args.get("reason")))
            else:
                slot.restart(str(args.get("reason")))
        case "FATAL":
            if slot.generation:
                slot.generation.fatal = str(args.get("text", ""))
        case _:
            slot.owner.note(slot, f"unknown message {message.op!r} {dict(args)}")
