"""`tritonfrontend upgrade`: ask, wait for the end. The command's side only."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any

from ..instance.registry import Identity
from ..system.exits import Exit
from .target import CommandError, find, goes_on, request, still_runs

_POLL = 0.1
#: How long a supervisor may be silent while it becomes another one.
_SILENCE = 60.0
_ENDED = "the instance ended; if the new program could not take over, its log says why"


def add(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Replace the program of the supervisor by the one that is installed now, in place: the pid "
        "stays, the workers go on serving. Their own program is replaced by `reload --force`."
    )
    command.add_argument(
        "--dry-run", action="store_true", help="only ask the new program whether it could take over"
    )


def run(arguments: argparse.Namespace) -> int:
    """Returns the exit code. Raises CommandError."""
    target = find(arguments)
    ask = partial(request, target)
    answer = ask("upgrade", dry_run=arguments.dry_run)
    before = answer["upgrades_total"]
    with goes_on("the upgrade goes on; `tritonfrontend status --json` has upgrades_total"):
        answer = _wait(target, answer)
    if answer["failed"]:
        raise CommandError(answer["failed"])
    if answer["upgrades_total"] == before:
        print(f"version {answer['version']} could take over")
        return Exit.CLEAN
    group = ask("status")["status"]["supervisor"]
    print(f"upgraded from {group['upgraded_from']} to {group['version']}, pid {group['pid']}")
    return Exit.CLEAN


def _wait(target: Identity, answer: dict[str, Any]) -> dict[str, Any]:
    """Until it has ended, one way or the other. Returns the last answer."""
    before, heard = answer["upgrades_total"], time.monotonic()
    while answer["running"] and answer["upgrades_total"] == before:
        time.sleep(_POLL)
        try:
            answer = request(target, "upgrade-status")
            heard = time.monotonic()
        except CommandError:  # a program that starts on a busy machine
            if not still_runs(target):
                raise CommandError(_ENDED) from None
            if time.monotonic() - heard > _SILENCE:
                raise
    return answer
