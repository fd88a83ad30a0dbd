"""Where the Triton core is: the search order, and one error that lists it.

1. a copy that this process has loaded (NVIDIA's `tritonserver` package was imported): a second copy
   would be a second, unrelated server library;
2. `TRITONFRONTEND_LIBRARY`, the path of a libtritonserver.so;
3. `/opt/tritonserver/lib`, where NVIDIA's containers have it;
4. the one inside the `nvidia-pytriton` wheel, which is never imported.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .. import _native
from ..errors import CoreNotFoundError
from .wheel import Wheel, find_wheel, wheel_of

__all__ = ["ENVIRONMENT", "Location", "locate"]

ENVIRONMENT = "TRITONFRONTEND_LIBRARY"
_SYSTEM = Path("/opt/tritonserver/lib/libtritonserver.so")


@dataclass(frozen=True)
class Location:
    """A core library. `wheel` is set when it lies in the nvidia-pytriton wheel."""

    library: Path
    wheel: Wheel | None = None


def locate() -> Location:
    """The core to use. Raises CoreNotFoundError."""
    loaded = _native.loaded_library()
    if loaded is not None:
        path = Path(loaded)
        return Location(path, wheel_of(path))
    named = os.environ.get(ENVIRONMENT, "")
    if named:
        path = _named_library(named)
        return Location(path, wheel_of(path))
    if _SYSTEM.is_file():
        return Location(_SYSTEM)
    wheel, reason = find_wheel()
    if wheel is not None:
        return Location(wheel.library, wheel)
    raise CoreNotFoundError(
        "no Triton core was found. Looked for: a libtritonserver.so loaded by this process (none); "
        f"the environment variable {ENVIRONMENT} (not set); {_SYSTEM} (no such file); "
        f"the nvidia-pytriton package ({reason}). To install one: "
        "pip install 'tritonfrontend[embedded]'"
    )


def _named_library(named: str) -> Path:
    path = Path(named)
    if path.is_dir():
        path = path / _SYSTEM.name
    if not path.is_file():
        raise CoreNotFoundError(
            f"{ENVIRONMENT}={named!r}: expected the path of a libtritonserver.so, no such file"
        )
    return path.absolute()
