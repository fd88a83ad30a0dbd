"""How many instances a model ought to have, by its configuration, and how many it has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PYTHON = "python"
_GPU = "KIND_GPU"


def wanted(config: Mapping[str, Any]) -> int:
    """Instances by the complete configuration that the core gives; 0 for an ensemble."""
    total = 0
    for group in config.get("instance_group") or ():
        count = int(group.get("count", 1))
        gpus = len(group.get("gpus") or ()) if group.get("kind") == _GPU else 1
        total += count * max(1, gpus)
    return total


def counted(config: Mapping[str, Any], stubs: int, *, ready: bool) -> tuple[int, int]:
    """(working, wanted). Each instance of a Python model is a stub process, of which `stubs` live;
    those of other backends live with the worker.
    """
    total = wanted(config)
    if not ready:
        return 0, total
    is_python = _PYTHON in (config.get("backend"), config.get("platform"))
    return (min(stubs, total) if is_python else total), total
