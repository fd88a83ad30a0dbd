"""The command line: `tritonfrontend serve | status | events | wait-ready | stop | drain | ...`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ... import __version__
from ..instance import registry
from ..options import flag
from ..options.spec import SpecError
from ..session.serve import serve
from ..session.serve_settings import serve_settings
from ..system.exits import Exit
from ..system.log import Output, hold_standard_streams
from ..system.signals import INTERRUPTED
from . import output, reload_command, slot_commands, upgrade_command
from .target import CommandError, find, goes_on, request
from .watch_commands import run_events, run_status, run_wait_ready


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] == "serve":  # its settings come from more than the command line
        return run_serve(argv[1:])
    arguments = parser().parse_args(argv)
    try:
        with output.checked(needed=arguments.run in (run_status, run_events, run_wait_ready)):
            code: int = arguments.run(arguments)
            return code
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `status | head`
        return Exit.CLEAN


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="tritonfrontend",
        description="One Triton worker per device, behind one HTTP, one gRPC and one metrics port.",
    )
    root.add_argument("--version", action="version", version=f"tritonfrontend {__version__}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("serve", help="start workers and keep them alive", add_help=False)
    status = _command(commands, "status", "show what each worker is doing", run_status)
    status.add_argument("--json", action="store_true", help="every field, as JSON")
    status.add_argument(
        "--watch",
        type=flag.seconds,
        nargs="?",
        const=1.0,
        metavar="S",
        help="show it again every S seconds (1 if not given) until the instance ends",
    )
    _add_watchers(commands)
    stop = _command(commands, "stop", "drain all workers and end the instance", run_stop)
    stop.add_argument(
        "--timeout", type=flag.seconds, default=120.0, help="how long to wait (default 120 s)"
    )
    for name, text in (
        ("drain", "finish the requests of one worker and leave its slot empty"),
        ("undrain", "fill a slot that was drained"),
        ("start", "fill an empty or failed slot"),
        ("restart", "drain one worker and start its successor"),
    ):
        slot_commands.add(_command(commands, name, text, slot_commands.run), name)
    reload_command.add(_command(commands, "reload", "apply changed settings", run_reload))
    upgrade_command.add(
        _command(commands, "upgrade", "renew the supervisor's program", upgrade_command.run)
    )
    return root


def _add_watchers(commands: Any) -> None:
    events = _command(commands, "events", "show what has happened", run_events)
    events.add_argument("--follow", action="store_true", help="and what happens, until it ends")
    events.add_argument("--json", action="store_true", help="one JSON object per line")
    events.add_argument(
        "--since", type=flag.natural, default=0, metavar="N", help="after event N (default 0: all)"
    )
    wait = _command(commands, "wait-ready", "wait until enough workers serve", run_wait_ready)
    wait.description = (
        "Wait until enough workers serve. Exit codes: 0 they do, 1 not in time, 2 usage, 3 nothing "
        "runs, or the instance ended."
    )
    wait.add_argument(
        "--timeout", type=flag.seconds, default=1800.0, metavar="S", help="(default 1800 s)"
    )
    wait.add_argument(
        "--min-ready",
        type=flag.natural,
        metavar="N",
        help="workers (default: what the instance itself needs)",
    )


def _command(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    command.set_defaults(run=run)
    command.add_argument("--name", default="", help="which instance, if several run")
    command.add_argument("--run-dir", default="", help="its run directory")
    return command


def run_serve(argv: Sequence[str]) -> int:
    hold_standard_streams()
    environ = dict(os.environ)
    try:
        options = serve_settings(argv, environ)
    except SpecError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return Exit.CONFIG
    log = Output(as_json=options.log_json)
    try:
        return serve(options, log, reread=lambda: serve_settings(argv, environ), argv=argv)
    finally:
        log.close()


def run_stop(arguments: argparse.Namespace) -> int:
    target = find(arguments)
    request(target, "stop")
    with goes_on(f"{target.name}: the stop goes on"):
        print(f"{target.name}: draining", flush=True)
        _wait_end(target, arguments.timeout)
    print(f"{target.name}: stopped")
    return Exit.CLEAN


def _wait_end(target: registry.Identity, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (now := registry.running(Path(target.run_dir))) and now.pid == target.pid:
        if time.monotonic() >= deadline:
            raise CommandError(f"{target.name}: still running after {seconds:g} s")
        time.sleep(0.05)


def run_reload(arguments: argparse.Namespace) -> int:
    return reload_command.run(arguments, partial(request, find(arguments)))


if __name__ == "__main__":
    sys.exit(main())
