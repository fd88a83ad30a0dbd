"""Which instance a command means, and asking it."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..control.client import ConnectionEnded, NoAnswer, Unreachable, ask
from ..control.server import ControlError
from ..instance import registry, rundir

#: Exit codes of all commands but `serve`, besides 0 and 2 (usage): what was asked for was refused,
#: failed or not done in time, or nobody answered; and no such instance runs (any more).
FAILED = 1
NOT_RUNNING = 3
#: Exit code of `status` while not all workers are ready.
DEGRADED = 1
#: What may be asked again if the supervisor was upgraded in the middle.
_QUESTIONS = ("status", "events", "slot", "reload-status", "upgrade-status")
#: How long a supervisor that runs may be out of reach: while it starts, is upgraded, or ends.
_PATIENCE = 5.0
_POLL = 0.05


class CommandError(Exception):
    """A command cannot be done; the text says why. `code` is what it ends with."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code = code


class NotRunning(CommandError):
    """There is no such instance, or it has ended."""

    def __init__(self, text: str) -> None:
        super().__init__(text, NOT_RUNNING)


class SeveralRun(CommandError):
    """The command says too little: waiting does not help."""


def find(arguments: argparse.Namespace) -> registry.Identity:
    """The instance that the user means. Raises CommandError."""
    if arguments.run_dir:
        found = registry.running(Path(arguments.run_dir))
        if found is None:
            raise NotRunning(f"no instance runs in {arguments.run_dir}")
        return found
    running = registry.instances(rundir.default_base())
    if arguments.name:
        running = [identity for identity in running if identity.name == arguments.name]
    if not running:
        raise NotRunning("no tritonfrontend instance" + f" {arguments.name}".rstrip() + " runs")
    if len(running) > 1:
        names = ", ".join(identity.name for identity in running)
        raise SeveralRun(f"several instances run, choose with --name: {names}")
    return running[0]


def control_path(target: registry.Identity) -> Path:
    return Path(target.run_dir) / "control.sock"


def request(target: registry.Identity, op: str, **args: Any) -> dict[str, Any]:
    """One answer of the instance. Raises CommandError."""
    deadline = time.monotonic() + _PATIENCE
    again = (Unreachable, ConnectionEnded) if op in _QUESTIONS else (Unreachable,)
    while True:
        try:
            return ask(control_path(target), op, **args)
        except (Unreachable, NoAnswer) as error:
            if not still_runs(target):
                raise ended(target) from error
            if not isinstance(error, again) or time.monotonic() >= deadline:
                raise CommandError(_unanswered(error, op)) from error
        except ControlError as error:
            raise CommandError(str(error)) from error
        time.sleep(_POLL)


def _unanswered(error: ControlError, op: str) -> str:
    unknown = isinstance(error, NoAnswer) and op not in _QUESTIONS
    return f"{error}; the request may still be carried out" if unknown else str(error)


def ended(target: registry.Identity) -> NotRunning:
    return NotRunning(f"the instance {target.name} has ended")


@contextlib.contextmanager
def goes_on(text: str) -> Iterator[None]:
    """Ctrl-C in the block ends the command and not what it waits for: `text` says so."""
    try:
        yield
    except KeyboardInterrupt:
        print(text, file=sys.stderr)
        raise


def still_runs(target: registry.Identity) -> bool:
    """The same instance, be it with another program."""
    now = registry.running(Path(target.run_dir))
    if now is None or not target.pid:  # one that is just starting has not told its pid yet
        return now is not None
    return (now.run_id, now.pid) == (target.run_id, target.pid)
