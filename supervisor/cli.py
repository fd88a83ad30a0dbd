"""The command line: `tritonfrontend serve | status | stop | drain | start | restart`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import flag, platform, render, rundir, serve_flags, settings, validation
from .control import ControlError, ask
from .exits import Exit
from .log import Output
from .serve import serve
from .settings import Settings
from .spec import SpecError

#: Exit codes of `status`: 0 all ready, then these.
DEGRADED = 1
NOT_RUNNING = 3


class CommandError(Exception):
    """A command cannot be done; the text says why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] == "serve":  # its settings come from more than the command line
        return run_serve(argv[1:])
    arguments = parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        return code
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_RUNNING
    except BrokenPipeError:  # `status | head`
        sys.stderr.close()
        return Exit.CLEAN


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="tritonfrontend",
        description="One Triton worker per device, behind one HTTP, one gRPC and one metrics port.",
    )
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("serve", help="start workers and keep them alive", add_help=False)
    status = _command(commands, "status", "show what each worker is doing", run_status)
    status.add_argument("--json", action="store_true", help="every field, as JSON")
    stop = _command(commands, "stop", "drain all workers and end the instance", run_stop)
    stop.add_argument(
        "--timeout", type=flag.seconds, default=120.0, help="how long to wait (default 120 s)"
    )
    for name, text in (
        ("drain", "finish the requests of one worker and leave its slot empty"),
        ("start", "fill an empty or failed slot"),
        ("restart", "drain one worker and start its successor"),
    ):
        one = _command(commands, name, text, run_slot_command)
        one.add_argument("slot", type=flag.natural, help="number of the worker, as in status")
        one.set_defaults(op=name)
    return root


def _command(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    command.set_defaults(run=run)
    command.add_argument("--name", default="", help="which instance, if several run")
    command.add_argument("--run-dir", default="", help="its run directory")
    return command


def run_serve(argv: Sequence[str]) -> int:
    found: Settings | None = None
    try:
        found = settings.read(argv, os.environ)
        options = serve_flags.serve_options(found.arguments)
        platform.check_ports(options, found.arguments.sagemaker_safe_port_range)
        validation.check(options)
    except SpecError as error:
        for line in (found.located(error) if found else str(error)).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return Exit.CONFIG
    output = Output()
    try:
        return serve(options, output)
    finally:
        output.close()


def run_status(arguments: argparse.Namespace) -> int:
    status = _ask(_find(arguments), "status")["status"]
    if arguments.json:
        print(json.dumps(status, indent=2))
    else:
        color = sys.stdout.isatty()
        print(render.table(status, color=color, width=render.terminal_width()))
    return Exit.CLEAN if status["supervisor"]["group_state"] == "ready" else DEGRADED


def run_stop(arguments: argparse.Namespace) -> int:
    target = _find(arguments)
    _ask(target, "stop")
    print(f"{target.name}: draining")
    deadline = time.monotonic() + arguments.timeout
    while (now := rundir.running(Path(target.run_dir))) and now.pid == target.pid:
        if time.monotonic() >= deadline:
            raise CommandError(f"{target.name}: still running after {arguments.timeout:g} s")
        time.sleep(0.05)
    print(f"{target.name}: stopped")
    return Exit.CLEAN


def run_slot_command(arguments: argparse.Namespace) -> int:
    _ask(_find(arguments), arguments.op, slot=arguments.slot)
    return Exit.CLEAN


def _find(arguments: argparse.Namespace) -> rundir.Identity:
    """The instance that the user means. Raises CommandError."""
    if arguments.run_dir:
        found = rundir.running(Path(arguments.run_dir))
        if found is None:
            raise CommandError(f"no instance runs in {arguments.run_dir}")
        return found
    running = rundir.instances(rundir.default_base())
    if arguments.name:
        running = [identity for identity in running if identity.name == arguments.name]
    if not running:
        raise CommandError("no tritonfrontend instance" + f" {arguments.name}".rstrip() + " runs")
    if len(running) > 1:
        names = ", ".join(identity.name for identity in running)
        raise CommandError(f"several instances run, choose with --name: {names}")
    return running[0]


def _ask(target: rundir.Identity, op: str, **args: Any) -> dict[str, Any]:
    try:
        return ask(Path(target.run_dir) / "control.sock", op, **args)
    except ControlError as error:
        raise CommandError(str(error)) from error


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
