"""Flags of `serve` about the health of models and the place of workers."""

from __future__ import annotations

import argparse
import re
from typing import Any

from . import flag
from .spec import CPU_AFFINITY_MODES


def add(made: argparse.ArgumentParser) -> None:
    """Add the groups of flags to the parser of `serve`."""
    group = made.add_argument_group("health of models")
    # Auto: how long an answer may take is the model's business, and its own answers tell. Not worth
    # a restart by itself: a language model may think for minutes, and a worker that is restarted
    # for it takes the requests of all models with it.
    group.add_argument(
        "--model-hang-timeout",
        type=seconds_or_auto,
        default="auto",
        metavar="S",
        help="seconds without any answer of a model with requests in flight after which it counts "
        "as hung, 0 = never, or auto, 20 times what its answers usually take, at least 30 "
        "(default auto)",
    )
    group.add_argument(
        "--model-hang-restart",
        type=flag.boolean,
        nargs="?",
        const=True,
        default=False,
        metavar="BOOL",
        help="restart the worker of a hung model (default false: only say so)",
    )
    group = made.add_argument_group("devices")
    # Auto: data that crosses nodes on its way to a GPU costs bandwidth, and nobody gains by it.
    # Shares of CPU workers only on demand: they forbid to borrow what is idle.
    group.add_argument(
        "--cpu-affinity",
        choices=CPU_AFFINITY_MODES,
        default="auto",
        metavar="MODE",
        help="auto (workers run near their GPU), split (and CPU workers share the CPUs evenly) or "
        "none (default auto)",
    )
    # Auto: the memory of a dead worker is freed some time after its end, and loading into what is
    # not free yet fails. The first worker of a GPU has no past, so it just tries.
    group.add_argument(
        "--gpu-memory-needed",
        type=memory,
        default="auto",
        metavar="SIZE",
        help="free memory that a GPU must have before its worker starts: a size (12GiB), 0 to not "
        "look, or auto, what workers of that GPU were seen to use (default auto)",
    )


def seconds_or_auto(text: str) -> float | str:
    """A time in seconds, or "auto"."""
    if text.strip().lower() == "auto":
        return "auto"
    try:
        return flag.seconds(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, nor auto") from None


def memory(text: str) -> str:
    """A size in bytes as text, or "auto"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) *(|[KMGT]i?B?)", text.strip(), re.IGNORECASE)
    if text.strip().lower() == "auto":
        return "auto"
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a size such as 12GiB nor auto")
    unit = match.group(2).upper()
    base = 1000 if unit.endswith("B") and "I" not in unit else 1024
    return str(int(float(match.group(1)) * base ** " KMGT".index(unit[:1] or " ")))


def collect(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fields of ServeOptions."""
    return {
        "model_hang_timeout": arguments.model_hang_timeout,
        "model_hang_restart": arguments.model_hang_restart,
        "cpu_affinity": arguments.cpu_affinity,
        "gpu_memory_needed": arguments.gpu_memory_needed,
    }
