"""`tritonfrontend reload`: ask, show the plan, wait for the end. The command's side only."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from ..system.exits import Exit
from .target import FAILED, goes_on

_POLL = 0.2
#: Effects for which no worker is replaced unless somebody wants it.
_LEAVES_WORKERS = ("nothing", "no restart")


def add(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dry-run", action="store_true", help="show what would change")
    command.add_argument(
        "--force", action="store_true", help="replace all workers even if no setting has changed"
    )


def run(arguments: argparse.Namespace, ask: Callable[..., dict[str, Any]]) -> int:
    """`ask` puts an operation to the instance. Returns the exit code."""
    if arguments.dry_run:
        _show(ask("reload", dry_run=True), arguments.force)
        return Exit.CLEAN
    answer = ask("reload", force=arguments.force)
    with goes_on("the reload goes on; `tritonfrontend events --follow` shows its end"):
        _show(answer, arguments.force)
        while answer["running"]:
            time.sleep(_POLL)
            answer = ask("reload-status")
    if answer["failed"]:
        print(f"failed, the old configuration goes on: {answer['failed']}")
        return FAILED
    print("reloaded")
    return Exit.CLEAN


def _show(answer: dict[str, Any], force: bool) -> None:
    for change in answer["changes"]:
        print(f"  {change}")
    forced = force and answer["effect"] in _LEAVES_WORKERS
    why = "; all workers are replaced because of --force" if forced else ""
    print(f"needed: {answer['effect']}{why}", flush=True)
