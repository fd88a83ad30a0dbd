"""Flags of `serve` about when a worker that failed is started again, and when it is given up."""

from __future__ import annotations

import argparse

from . import flag
from .spec import RestartPolicy, SpecError

_DEFAULT = RestartPolicy()


def add(made: argparse.ArgumentParser) -> None:
    """Add the group of flags to the parser of `serve`."""
    group = made.add_argument_group("restarts of workers that failed")
    # Five in five minutes: each failure costs a load of all models, and an accident that happens
    # that often is none. Nobody may look for hours, so there is a try every ten minutes after it.
    group.add_argument(
        "--restart-limit",
        type=flag.natural,
        default=_DEFAULT.breaker_failures,
        metavar="N",
        help="failures within --restart-window after which a worker is given up, 0 = never "
        f"(default {_DEFAULT.breaker_failures})",
    )
    for name, value, text in (
        ("--restart-window", _DEFAULT.breaker_window, "seconds in which failures are counted"),
        ("--restart-retry", _DEFAULT.half_open_every, "seconds between tries of a worker that was "
         "given up, 0 = none until `start`"),
        ("--restart-delay", _DEFAULT.base_delay, "seconds before the first restart, +-20 %%; "
         "doubles with each failure in a row"),
        ("--restart-max-delay", _DEFAULT.max_delay, "longest delay in seconds"),
        ("--restart-healthy-after", _DEFAULT.healthy_after, "seconds of readiness after which a "
         "failure is the first in a row, and its restart needs no delay"),
    ):  # fmt: skip
        flag.add_seconds(group, name, value, text)


def collect(arguments: argparse.Namespace) -> RestartPolicy:
    """The policy. SpecError for values that contradict each other."""
    if arguments.restart_max_delay < arguments.restart_delay:
        raise SpecError(
            "--restart-max-delay",
            f"{arguments.restart_max_delay:g} s is less than --restart-delay, "
            f"{arguments.restart_delay:g} s",
        )
    return RestartPolicy(
        base_delay=arguments.restart_delay,
        max_delay=arguments.restart_max_delay,
        healthy_after=arguments.restart_healthy_after,
        breaker_failures=arguments.restart_limit,
        breaker_window=arguments.restart_window,
        half_open_every=arguments.restart_retry,
    )
