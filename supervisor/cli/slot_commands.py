"""`tritonfrontend drain | undrain | start | restart`: one worker slot. The command's side only."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..options import flag
from ..system.exits import Exit
from .target import CommandError, find, goes_on, request

_POLL = 0.1
_WATCH = "tritonfrontend status shows it"


def add(command: argparse.ArgumentParser, op: str) -> None:
    command.add_argument("slot", type=flag.natural, help="number of the worker, as in status")
    command.set_defaults(op=op)
    if op == "drain":
        command.add_argument(
            "--timeout",
            type=flag.seconds,
            default=120.0,
            metavar="S",
            help="how long to wait (default 120 s)",
        )
        command.add_argument("--no-wait", action="store_true", help="return at once")


def run(arguments: argparse.Namespace) -> int:
    """Returns the exit code. Raises CommandError."""
    ask = partial(request, find(arguments))
    name = f"w{arguments.slot}"
    before = ask(arguments.op, slot=arguments.slot)
    if "begun" not in before:  # a supervisor of an earlier version, before its `upgrade`
        print(f"{name}: {arguments.op} asked for; {_WATCH}")
    elif not before["begun"]:
        state = "empty" if arguments.op == "drain" else before["state"]
        print(f"{name}: nothing to do, it is {state}")
    elif arguments.op != "drain":
        print(f"{name}: {_doing(arguments.op, before)}; {_WATCH}")
    elif arguments.no_wait:
        print(f"{name}: draining; {_WATCH}")
    else:
        with goes_on(f"{name}: the drain goes on; {_WATCH}"):
            print(f"{name}: draining", flush=True)
            _wait_empty(partial(ask, "slot", slot=arguments.slot), name, arguments.timeout)
        print(f"{name}: drained")
    return Exit.CLEAN


def _doing(op: str, before: Mapping[str, Any]) -> str:
    if before["leaving"]:
        return f"it is {before['state']} and starts again after that"
    return "restarting" if op == "restart" and before["process"] else "starting"


def _wait_empty(look: Callable[[], dict[str, Any]], name: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not (now := look())["empty"]:
        if now["wanted"]:
            raise CommandError(
                f"{name}: somebody has filled the slot meanwhile, it is {now['state']}"
            )
        if time.monotonic() >= deadline:
            raise CommandError(
                f"{name}: still {now['state']} after {seconds:g} s; the drain goes on"
            )
        time.sleep(_POLL)
