"""Commands that look at a running instance: `status`, `events`, `wait-ready`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any, NoReturn

from rich.console import Console
from rich.live import Live

from ..control.client import Unreachable, follow
from ..control.server import ControlError
from ..instance.registry import Identity
from ..status import render
from ..system.exits import Exit
from .target import (
    DEGRADED,
    CommandError,
    NotRunning,
    SeveralRun,
    control_path,
    ended,
    find,
    request,
    still_runs,
)

_POLL = 0.1


def run_status(arguments: argparse.Namespace) -> int:
    if arguments.watch is not None:
        return _watch(arguments)
    status = request(find(arguments), "status")["status"]
    if arguments.json:
        print(json.dumps(status, indent=2))
    else:
        color = sys.stdout.isatty()
        print(render.table(status, color=color, width=render.terminal_width()))
    return Exit.CLEAN if status["supervisor"]["group_state"] == "ready" else DEGRADED


def _watch(arguments: argparse.Namespace) -> int:
    """Until the instance ends (then 3) or the user has seen enough. A file gets one table after
    another, a terminal one that is redrawn.
    """
    target = find(arguments)
    if not arguments.json and sys.stdout.isatty():
        _redraw(target, arguments.watch)
    while True:
        status = request(target, "status")["status"]
        if arguments.json:
            print(json.dumps(status), flush=True)
        else:
            text = render.table(status, color=False, width=render.terminal_width())
            print(text, end="\n\n", flush=True)
        time.sleep(arguments.watch)


def _redraw(target: Identity, pause: float) -> NoReturn:
    console = Console()
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            status = request(target, "status")["status"]
            width, height = console.size
            live.update(render.view(status, width, height), refresh=True)
            time.sleep(pause)


def run_events(arguments: argparse.Namespace) -> int:
    target = find(arguments)
    since = arguments.since
    if arguments.follow:
        return _follow_events(target, since, arguments.json)
    while True:
        batch = request(target, "events", since=since)
        _print_events(batch, arguments.json)
        if not batch["events"]:
            return Exit.CLEAN
        since = batch["last"]


def _follow_events(target: Identity, since: int, as_json: bool) -> int:
    """Until the instance ends. An upgrade ends the connection only: the events go on."""
    followed = False
    while True:
        try:
            for batch in follow(control_path(target), "events", follow=True, since=since):
                _print_events(batch, as_json)
                since = batch["last"]
            followed = True
        except Unreachable:
            pass  # it starts, is upgraded, or ends
        except ControlError as error:
            if not followed:
                raise CommandError(str(error)) from error
        if not still_runs(target):
            if not followed:
                raise ended(target)
            return Exit.CLEAN
        time.sleep(_POLL)


def _print_events(batch: dict[str, Any], as_json: bool) -> None:
    if batch["lost"]:
        print(json.dumps({"lost": batch["lost"]}) if as_json else f"({batch['lost']} events lost)")
    for event in batch["events"]:
        print(json.dumps(event) if as_json else render.event_line(event))
    sys.stdout.flush()


def run_wait_ready(arguments: argparse.Namespace) -> int:
    """0 when enough workers serve, 1 when they did not in time, 3 when nothing runs (any more)."""
    deadline = time.monotonic() + arguments.timeout
    seen: dict[str, Any] | None = None
    while True:
        try:
            seen = request(find(arguments), "status")["status"]
        except SeveralRun:
            raise
        except CommandError as error:
            problem: CommandError | None = error
            if seen is not None and isinstance(error, NotRunning):
                raise NotRunning("the instance ended before it was ready") from error
        else:
            problem = None
            if _enough(seen, arguments.min_ready):
                return Exit.CLEAN
        if time.monotonic() >= deadline:
            raise problem or _too_late(seen or {}, arguments.timeout)
        time.sleep(_POLL)


def _enough(status: dict[str, Any], wanted: int | None) -> bool:
    group = status["supervisor"]
    needed = group["min_ready"] if wanted is None else wanted
    if needed > group["total"]:
        raise CommandError(f"{group['name']} has only {group['total']} workers", DEGRADED)
    if group["ready"] < needed or group["group_state"] == "stopping":
        return False
    print(f"{group['name']}: {group['ready']} of {group['total']} workers ready")
    return True


def _too_late(status: dict[str, Any], seconds: float) -> CommandError:
    group = status["supervisor"]
    states = ", ".join(
        f"w{worker['slot']} {worker['state']}" + (f" ({reason})" if reason else "")
        for worker in status["workers"]
        for reason in [worker["reason"]]
    )
    text = f"{group['ready']} of {group['total']} workers ready after {seconds:g} s: {states}"
    return CommandError(f"{group['name']}: {text}", DEGRADED)
