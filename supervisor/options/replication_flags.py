"""Flags of `serve` about what clients change, and ask for, through one worker."""

from __future__ import annotations

import argparse
from typing import Any

from . import flag
from .spec import ServeOptions


def add(made: argparse.ArgumentParser) -> None:
    """Add the group of flags to the parser of `serve`."""
    default = ServeOptions
    group = made.add_argument_group("changes by clients")
    group.add_argument(
        "--replicate-control",
        type=flag.boolean,
        nargs="?",
        const=True,
        default=default.replicate_control,
        metavar="BOOL",
        help="shared memory, models, trace and log settings that a client changes through one "
        "worker are changed on all, also on those that start later; statistics and the index of "
        "models are those of all (default true)",
    )
    flag.add_seconds(
        group,
        "--replication-timeout",
        default.replication_timeout,
        "how much longer than the worker that was asked the others may take for a change before "
        "the client is answered without them",
    )
    flag.add_seconds(
        group,
        "--replication-patience",
        default.replication_patience,
        "how much longer still before they are restarted; a model that loads may hold up the "
        "Python of a worker for minutes",
    )
    group.add_argument(
        "--replication-queue-limit",
        type=flag.natural,
        default=default.replication_queue_limit,
        metavar="N",
        help="changes per worker that may wait to be made on all; the next is refused (default "
        f"{default.replication_queue_limit})",
    )
    flag.add_seconds(
        group,
        "--gather-timeout",
        default.gather_timeout,
        "how long the other workers have to answer for statistics and the index of models; those "
        "that are late are left out of the sum",
    )


def collect(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fields of ServeOptions."""
    names = (
        *("replicate_control", "replication_timeout", "replication_patience"),
        *("replication_queue_limit", "gather_timeout"),
    )
    return {name: getattr(arguments, name) for name in names}
