"""The command line: `tritonfrontend serve | status | stop | drain | start | restart`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import flag, flags, platform, render, rundir
from .control import ControlError, ask
from .exits import Exit
from .log import Output
from .serve import serve
from .spec import PortSpec, ServeOptions, SpecError, Timeouts

#: Exit codes of `status`: 0 all ready, then these.
DEGRADED = 1
NOT_RUNNING = 3


class CommandError(Exception):
    """A command cannot be done; the text says why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code."""
    try:
        arguments = parser().parse_args(_with_platform(sys.argv[1:] if argv is None else argv))
    except SpecError as error:
        print(f"error: {error}", file=sys.stderr)
        return Exit.CONFIG
    try:
        code: int = arguments.run(arguments)
        return code
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_RUNNING
    except BrokenPipeError:  # `status | head`
        sys.stderr.close()
        return Exit.CLEAN


def _with_platform(argv: Sequence[str]) -> list[str]:
    """`argv` with what the platform's environment says before what the user typed."""
    if not argv or argv[0] != "serve":
        return list(argv)
    return ["serve", *platform.arguments(os.environ, argv[1:]), *argv[1:]]


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="tritonfrontend",
        description="One Triton worker per device, behind one HTTP, one gRPC and one metrics port.",
    )
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands)
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


def _add_serve(commands: Any) -> None:
    serve_parser: argparse.ArgumentParser = commands.add_parser(
        "serve",
        usage="%(prog)s --model-repository PATH [option ...]",
        help="start workers and keep them alive",
        description="Start one worker per device behind shared ports and keep them alive.",
        epilog="Exit codes: 0 stopped, 1 internal error, 2 usage, 3 bad configuration, 4 port or "
        "run directory in use, 5 no such device, 6 all workers failed, 7 not ready in time, "
        "8 something could not be killed, 128+n second signal n.",
        allow_abbrev=False,
    )
    serve_parser.set_defaults(run=run_serve)
    group = serve_parser.add_argument_group("group of workers")
    add = group.add_argument
    add(
        "--model-repository",
        "--model-store",
        action="append",
        required=True,
        metavar="PATH",
        help="directory of models; repeatable",
    )
    add(
        "--devices",
        default="auto",
        help="auto (all GPUs, else one CPU worker), all, indices, UUIDs, or cpu:N",
    )
    add("--name", default="", help="of this instance (default: triton-<http port>)")
    add("--run-dir", default="", help="private directory for lock and control socket")
    add(
        "--exit-on-error",
        type=flag.boolean,
        nargs="?",
        const=True,
        default=True,
        metavar="BOOL",
        help="a worker needs all its models (default true)",
    )
    add(
        "--repository-poll-secs",
        type=flag.natural,
        default=15,
        metavar="S",
        help="in poll mode (default 15, 0 = never)",
    )
    add(
        "--platform",
        choices=platform.PLATFORMS,
        default="auto",
        help="whose container this is: takes its environment variables as flags (auto: vertex-ai "
        "where AIP_MODE says so)",
    )
    add(
        "--sagemaker-safe-port-range",
        default=os.environ.get("SAGEMAKER_SAFE_PORT_RANGE", ""),
        metavar="A-B",
        help="where the ports of other services must lie (default: $SAGEMAKER_SAFE_PORT_RANGE)",
    )
    _add_deadlines(serve_parser)
    _add_ports(serve_parser)
    flags.add(serve_parser)
    add("--steering", type=flag.boolean, default=True, help=argparse.SUPPRESS)
    add("--worker-command", default="", help=argparse.SUPPRESS)


def _add_deadlines(serve_parser: argparse.ArgumentParser) -> None:
    group = serve_parser.add_argument_group("deadlines in seconds")
    default = Timeouts()
    for name, value, text in (
        ("--drain-timeout", default.drain, "requests in flight at a stop"),
        ("--start-timeout", default.start, "loading of all models"),
        ("--start-stall-timeout", default.start_stall, "a sign of life while loading"),
    ):
        group.add_argument(
            name,
            type=flag.seconds,
            default=value,
            metavar="S",
            help=f"{text} (default {value:g})",
        )
    group.add_argument(
        "--exit-timeout-secs",
        type=flag.natural,
        default=30,
        metavar="S",
        help="the core's own limit when it stops (default 30)",
    )


def _add_ports(serve_parser: argparse.ArgumentParser) -> None:
    group = serve_parser.add_argument_group("ports (0 = any free one)")
    default = ServeOptions
    for spec in (default.http, default.grpc, default.metrics, default.sagemaker, default.vertex_ai):
        name, port, on = spec.name, spec.port, spec.enabled
        group.add_argument(
            f"--allow-{name}",
            type=flag.boolean,
            nargs="?",
            const=True,
            default=on,
            metavar="BOOL",
            help=f"(default {str(on).lower()})",
        )
        group.add_argument(
            f"--{name}-port",
            type=flag.natural,
            default=port,
            metavar="N",
            help=f"(default {port})",
        )
        group.add_argument(
            f"--{name}-address", default="0.0.0.0", metavar="ADDRESS", help="(default 0.0.0.0)"
        )


def serve_options(arguments: argparse.Namespace) -> ServeOptions:
    """Validated options from parsed arguments. Raises SpecError."""

    def port(name: str) -> PortSpec:
        key = name.replace("-", "_")
        return PortSpec(
            name,
            getattr(arguments, f"allow_{key}"),
            getattr(arguments, f"{key}_address"),
            getattr(arguments, f"{key}_port"),
        )

    frontends = {name: flags.collect(arguments, name) for name in flags.FRONTENDS}
    http, grpc = port("http"), port("grpc")
    if frontends["http"].pop("grpc", False):
        for spec in (http, grpc):
            if not spec.enabled:
                raise SpecError("--grpc-on-http-port", f"needs --allow-{spec.name}=true")
        frontends["http"]["grpc"] = frontends["grpc"]
        grpc = replace(grpc, enabled=False)
    core = {"log_warn": True, "log_error": True, **flags.collect(arguments, "core")}
    if not arguments.allow_metrics:
        core["metrics"] = False
    return ServeOptions(
        model_repository=tuple(arguments.model_repository),
        name=arguments.name,
        devices=arguments.devices,
        run_dir=arguments.run_dir,
        http=http,
        grpc=grpc,
        metrics=port("metrics"),
        sagemaker=port("sagemaker"),
        vertex_ai=port("vertex-ai"),
        core=core,
        frontends=frontends,
        trace=tuple(map(tuple, flags.collect(arguments, "trace").get("config", ()))),
        exit_on_error=arguments.exit_on_error,
        exit_timeout=arguments.exit_timeout_secs,
        repository_poll_secs=arguments.repository_poll_secs,
        steering=arguments.steering,
        timeouts=Timeouts(
            drain=arguments.drain_timeout,
            start=arguments.start_timeout,
            start_stall=arguments.start_stall_timeout,
        ),
        worker_command=tuple(shlex.split(arguments.worker_command)),
    )


def run_serve(arguments: argparse.Namespace) -> int:
    try:
        options = serve_options(arguments)
        platform.check_ports(options, arguments.sagemaker_safe_port_range)
    except SpecError as error:
        print(f"error: {error}", file=sys.stderr)
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
