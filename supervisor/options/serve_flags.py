"""The command line of `serve`: its parser, and validated options from what was parsed."""

from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import replace
from typing import Any

from . import flag, flags, health_flags, platform, replication_flags, restart_flags
from .spec import RELOAD_STRATEGIES, PortSpec, ServeOptions, SpecError, Timeouts

_EPILOG = """\
Every flag is also a key of the file that --config names (http-port = 8000) and an environment
variable (TRITONFRONTEND_HTTP_PORT=8000). A flag wins over the environment, the environment over
the file. Where one flag can be repeated, the winner replaces the whole list.

Exit codes: 0 stopped, 1 internal error, 2 usage, 3 bad configuration, 4 port or run directory in
use, 5 no such device, 6 all workers failed, 7 not ready in time, 8 something could not be killed,
128+n second signal n."""


class OneLineHelp(argparse.RawDescriptionHelpFormatter):
    """One line per flag, however long: a list that `less -S` and `grep` can work on."""

    _COLUMN = 42

    def _format_action(self, action: argparse.Action) -> str:
        if action.help is argparse.SUPPRESS:
            return ""
        names = self._format_action_invocation(action)
        text = self._expand_help(action) if action.help else ""
        return f"  {names:<{self._COLUMN}} {text}\n"


def parser() -> argparse.ArgumentParser:
    """A parser of its own for `serve`. Abbreviations are refused: a new flag would change them."""
    made = argparse.ArgumentParser(
        prog="tritonfrontend serve",
        usage="%(prog)s --model-repository PATH [option ...]",
        description="Start one worker per device behind shared ports and keep them alive.",
        epilog=_EPILOG,
        formatter_class=OneLineHelp,
        allow_abbrev=False,
    )
    _add_group(made)
    _add_deadlines(made)
    restart_flags.add(made)
    health_flags.add(made)
    replication_flags.add(made)
    _add_ports(made)
    flags.add(made)
    return made


def _add_group(made: argparse.ArgumentParser) -> None:
    add = made.add_argument_group("group of workers").add_argument
    add(
        "--model-repository",
        "--model-store",
        action="append",
        metavar="PATH",
        help="directory of models; repeatable",
    )
    add("--config", default="", metavar="FILE", help="TOML file of settings (default: none)")
    add(
        "--devices",
        default="auto",
        metavar="LIST",
        help="auto (all GPUs, else one CPU worker), all, indices, UUIDs, or cpu:N (default auto)",
    )
    add(
        "--spare-devices",
        default="",
        metavar="LIST",
        help="GPUs kept idle, as indices or UUIDs: for reloads, and for a worker whose GPU fails "
        "(default: none)",
    )
    add("--name", default="", help="of this instance (default: triton-<http port>)")
    add(
        "--run-dir",
        default="",
        metavar="DIR",
        help="private directory for lock and control socket (default: see docs/supervisor.md)",
    )
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
        help="seconds between looks at the repository in poll mode, 0 = never (default 15)",
    )
    add(
        "--platform",
        choices=platform.PLATFORMS,
        default="auto",
        metavar="NAME",
        help="auto, none, sagemaker or vertex-ai: whose container's environment variables count as "
        "settings (default auto: vertex-ai where AIP_MODE says so)",
    )
    add(
        "--sagemaker-safe-port-range",
        default=os.environ.get("SAGEMAKER_SAFE_PORT_RANGE", ""),
        metavar="A-B",
        help="where the ports of other services must lie (default: $SAGEMAKER_SAFE_PORT_RANGE)",
    )
    add(
        "--event-history",
        type=flag.natural,
        default=ServeOptions.event_history,
        metavar="N",
        help=f"events kept for `tritonfrontend events` (default {ServeOptions.event_history})",
    )
    add(
        "--min-ready",
        type=flag.natural,
        default=1,
        metavar="N",
        help="workers below which the group is not ready; reloads never go below it (default 1)",
    )
    add(
        "--reload-strategy",
        choices=RELOAD_STRATEGIES,
        default="auto",
        metavar="NAME",
        help="auto, surge (the successor loads beside the worker), spare (on an idle GPU), "
        "stop-start, or in-place (no new worker, its models are loaded again); default auto: surge "
        "where the memory is known to suffice, else spare if there is one, else stop-start",
    )
    add(
        "--worker-max-rss",
        type=flag.size,
        default=0,
        metavar="SIZE",
        help="resident memory of a worker above which it is replaced, such as 8G; 0 = no limit "
        "(default 0)",
    )
    add(
        "--worker-max-age",
        type=flag.seconds,
        default=0.0,
        metavar="S",
        help="seconds after which a worker is replaced, +-10 %%; 0 = never (default 0)",
    )
    add(
        "--record-in-flight",
        type=flag.boolean,
        nargs="?",
        const=True,
        default=ServeOptions.record_in_flight,
        metavar="BOOL",
        help="note requests in flight where status finds them after a crash (default true)",
    )
    add("--steering", type=flag.boolean, default=True, help=argparse.SUPPRESS)
    add("--worker-command", default="", help=argparse.SUPPRESS)


def _add_deadlines(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("deadlines in seconds")
    default = Timeouts()
    for name, value, text in (
        ("--drain-timeout", default.drain, "requests in flight at a stop"),
        (
            "--start-timeout",
            default.start,
            "loading of all models, and until --min-ready workers serve",
        ),
        ("--start-stall-timeout", default.start_stall, "a sign of life while loading"),
        ("--gpu-quarantine-timeout", default.gpu_quarantine, "quiet of a GPU after a fatal error"),
        (
            "--suspect-after",
            default.suspect_after,
            "silence of an event loop, or of a queue that nobody accepts from, after which new "
            "connections go to other workers; 0 = never",
        ),
        (
            "--hang-timeout",
            default.hang,
            "silence of an event loop after which the worker is killed; 0 = never",
        ),
        (
            "--queue-timeout",
            default.queue,
            "new clients while no worker is ready, before they are answered 503",
        ),
    ):
        flag.add_seconds(group, name, value, text)
    group.add_argument(
        "--exit-timeout-secs",
        type=flag.natural,
        default=30,
        metavar="S",
        help="the core's own limit when it stops (default 30)",
    )


def _add_ports(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("ports (0 = any free one)")
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
            help=f"serve this protocol (default {str(on).lower()})",
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
    limit = default.metrics_max_connections
    group.add_argument(
        "--metrics-max-connections",
        type=flag.natural,
        default=limit,
        metavar="N",
        help="connections to the metrics port; beyond it the one idle for longest is closed "
        f"(default {limit})",
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
    return ServeOptions(
        model_repository=tuple(arguments.model_repository or ()),
        name=arguments.name,
        devices=arguments.devices,
        spare_devices=arguments.spare_devices,
        run_dir=arguments.run_dir,
        http=http,
        grpc=grpc,
        metrics=port("metrics"),
        sagemaker=port("sagemaker"),
        vertex_ai=port("vertex-ai"),
        core=_core(arguments),
        frontends=frontends,
        trace=tuple(map(tuple, flags.collect(arguments, "trace").get("config", ()))),
        exit_on_error=arguments.exit_on_error,
        exit_timeout=arguments.exit_timeout_secs,
        repository_poll_secs=arguments.repository_poll_secs,
        **health_flags.collect(arguments),
        **replication_flags.collect(arguments),
        steering=arguments.steering,
        record_in_flight=arguments.record_in_flight,
        log_json=flags.collect(arguments, "core").get("log_format") == "JSON",
        metrics_max_connections=arguments.metrics_max_connections,
        event_history=arguments.event_history,
        timeouts=Timeouts(
            drain=arguments.drain_timeout,
            start=arguments.start_timeout,
            start_stall=arguments.start_stall_timeout,
            gpu_quarantine=arguments.gpu_quarantine_timeout,
            suspect_after=arguments.suspect_after,
            hang=arguments.hang_timeout,
            queue=arguments.queue_timeout,
        ),
        restarts=restart_flags.collect(arguments),
        min_ready=arguments.min_ready,
        reload_strategy=arguments.reload_strategy,
        worker_max_rss=arguments.worker_max_rss,
        worker_max_age=arguments.worker_max_age,
        worker_command=tuple(shlex.split(arguments.worker_command)),
    )


def _core(arguments: argparse.Namespace) -> dict[str, Any]:
    core: dict[str, Any] = {"log_warn": True, "log_error": True, **flags.collect(arguments, "core")}
    if not arguments.allow_metrics:
        core["metrics"] = False
    if core.get("log_format") == "JSON":  # the supervisor's business, not the core's
        del core["log_format"]
    return core
