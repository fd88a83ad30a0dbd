"""Exceptions of both packages, named and arranged as in NVIDIA's `tritonserver`.

One class per error code of Triton's C API. `args[0]` is the core's message; an error that belongs
to a response carries that response as `args[1]`. Two additions are compatible with code written for
NVIDIA's package: `InvalidArgumentError` is also a `ValueError`, and a cancelled request raises
`CancelledError`, a subclass of the `UnknownError` that NVIDIA's package raises for it.
"""

from __future__ import annotations

__all__ = [
    "AlreadyExistsError",
    "CancelledError",
    "CoreNotFoundError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidTypeError",
    "NotFoundError",
    "TritonError",
    "UnavailableError",
    "UnknownError",
    "UnsupportedError",
]


class TritonError(Exception):
    """Base of every error that this package raises on purpose."""


class UnknownError(TritonError):
    """The core failed without saying how."""


class InternalError(TritonError):
    """The core, a backend or a frontend failed; also an exit timeout."""


class NotFoundError(TritonError):
    """No such model, version or object."""


class InvalidArgumentError(TritonError, ValueError):
    """A value is wrong; the message names it and says what was expected."""


class InvalidTypeError(InvalidArgumentError, TypeError):
    """A value is of the wrong type. NVIDIA's package raises TypeError there."""


class UnavailableError(TritonError):
    """Not possible now: not running, stopping, not ready, or an address that is in use."""


class UnsupportedError(TritonError):
    """Not offered by this core, this machine or this version."""


class AlreadyExistsError(TritonError):
    """It is already there or already running."""


class CancelledError(UnknownError):
    """The request was cancelled."""


class CoreNotFoundError(UnavailableError):
    """No usable Triton core; the message lists where it was looked for and what to install."""


# Tracebacks and pickles name these classes as NVIDIA's package does: `tritonserver.NotFoundError`.
for _name in __all__:
    if _name not in ("CancelledError", "CoreNotFoundError", "InvalidTypeError"):
        globals()[_name].__module__ = "tritonserver"
del _name
