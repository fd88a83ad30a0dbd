"""How one worker is replaced, and when it cannot be. Pure."""

from __future__ import annotations

from enum import Enum

#: A successor needs what its predecessor had at its most, and some room to breathe.
_HEADROOM = 1.1


class Strategy(str, Enum):
    """How one worker is replaced."""

    SURGE = "surge"  # the successor loads beside it, on the same device
    SPARE = "spare"  # the successor loads beside it, on an idle device
    STOP_START = "stop-start"  # it drains first

    def __str__(self) -> str:
        return self.value


#: A wish that is no way to replace a worker: its models are loaded again where they are.
IN_PLACE = "in-place"


def choose(
    wanted: str, uses_gpu: bool, free: int | None, peak: int | None, spare: bool = False
) -> Strategy:
    """`--reload-strategy` for one slot. `free` and `peak` are bytes of GPU memory, None if unknown;
    `spare` says whether there is an idle device.

    "auto" surges on CPUs, and on a GPU that is known to have room for the models twice. So does
    "in-place", where a worker has to be replaced all the same because it grew or aged.
    """
    if wanted not in ("auto", IN_PLACE):
        return Strategy(wanted)
    if not uses_gpu:
        return Strategy.SURGE
    if free is not None and peak is not None and free >= peak * _HEADROOM:
        return Strategy.SURGE
    return Strategy.SPARE if spare else Strategy.STOP_START


def obstacle(strategy: Strategy, others_serving: int, min_ready: int) -> str:
    """Why this slot cannot be replaced now; "" if it can."""
    if strategy is not Strategy.STOP_START or others_serving >= min_ready:
        return ""
    return (
        f"stop-start would leave {others_serving} serving workers, --min-ready is {min_ready}; "
        "use --reload-strategy=surge if the memory allows it"
    )
