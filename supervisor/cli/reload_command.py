"""`tritonfrontend reload`: ask, show the plan, wait for the end. The command's side only."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from ..options.spec import RELOAD_STRATEGIES
from ..system.exits import Exit
from .target import FAILED, goes_on

_POLL = 0.2
#: Effects for which no worker is replaced unless somebody wants it.
_LEAVES_WORKERS = ("nothing", "no restart")


def add(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dry-run", action="store_true", help="show what would change")
    command.add_argument(
        "--force",
        action="store_true",
        help="replace all workers even if no setting has changed; in-place: load all models again",
    )
    command.add_argument(
        "--strategy",
        choices=RELOAD_STRATEGIES,
        default="",
        metavar="NAME",
        help=f"{', '.join(RELOAD_STRATEGIES)}: this time another than --reload-strategy of `serve`",
    )


def run(arguments: argparse.Namespace, ask: Callable[..., dict[str, Any]]) -> int:
    """`ask` puts an operation to the instance. Returns the exit code."""
    if arguments.dry_run:
        _show(ask("reload", dry_run=True, strategy=arguments.strategy), arguments.force)
        return Exit.CLEAN
    answer = ask("reload", force=arguments.force, strategy=arguments.strategy)
    with goes_on("the reload goes on; `tritonfrontend events --follow` shows its end"):
        _show(answer, arguments.force)
        while answer["running"]:
            time.sleep(_POLL)
            answer = ask("reload-status")
    if answer["failed"]:
        stays = "models stay" if answer.get("in_place") else "configuration goes on"
        print(f"failed, the old {stays}: {answer['failed']}")
        return FAILED
    print("reloaded")
    return Exit.CLEAN


def _show(answer: dict[str, Any], force: bool) -> None:
    for change in answer["changes"]:
        print(f"  {change}")
    forced = force and answer["effect"] in _LEAVES_WORKERS
    why = "; all workers are replaced because of --force" if forced else ""
    if answer.get("in_place"):
        why = f"; workers load {'all' if force else 'changed'} models again"
    print(f"needed: {answer['effect']}{why}", flush=True)
