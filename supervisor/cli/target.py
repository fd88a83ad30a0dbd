"""Which instance a command means, and asking it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..control.client import ConnectionEnded, ask
from ..control.server import ControlError
from ..instance import registry, rundir

#: Exit codes of `status` and `wait-ready`: 0 ready, then these.
DEGRADED = 1
NOT_RUNNING = 3
#: What was asked for was refused, or was not done in time.
FAILED = 1
#: What may be asked again if the supervisor was upgraded in the middle, and how often.
_QUESTIONS = ("status", "events", "slot", "reload-status", "upgrade-status")
_TRIES = 3


class CommandError(Exception):
    """A command cannot be done; the text says why. `code` is what it ends with."""

    def __init__(self, text: str, code: int = NOT_RUNNING) -> None:
        super().__init__(text)
        self.code = code


class SeveralRun(CommandError):
    """The command says too little: waiting does not help."""


def find(arguments: argparse.Namespace) -> registry.Identity:
    """The instance that the user means. Raises CommandError."""
    if arguments.run_dir:
        found = registry.running(Path(arguments.run_dir))
        if found is None:
            raise CommandError(f"no instance runs in {arguments.run_dir}")
        return found
    running = registry.instances(rundir.default_base())
    if arguments.name:
        running = [identity for identity in running if identity.name == arguments.name]
    if not running:
        raise CommandError("no tritonfrontend instance" + f" {arguments.name}".rstrip() + " runs")
    if len(running) > 1:
        names = ", ".join(identity.name for identity in running)
        raise SeveralRun(f"several instances run, choose with --name: {names}")
    return running[0]


def control_path(target: registry.Identity) -> Path:
    return Path(target.run_dir) / "control.sock"


def request(target: registry.Identity, op: str, **args: Any) -> dict[str, Any]:
    """One answer of the instance. Raises CommandError."""
    tries = _TRIES if op in _QUESTIONS else 1
    while True:
        tries -= 1
        try:
            return ask(control_path(target), op, **args)
        except ConnectionEnded as error:
            if not tries or not still_runs(target):
                raise CommandError(str(error)) from error
        except ControlError as error:
            raise CommandError(str(error)) from error


def still_runs(target: registry.Identity) -> bool:
    """The same instance, be it with another program."""
    now = registry.running(Path(target.run_dir))
    return now is not None and (now.run_id, now.pid) == (target.run_id, target.pid)
