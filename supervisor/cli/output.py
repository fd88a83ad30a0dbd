"""Standard output of commands: what cannot be written is an error, not a traceback."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from ..system.descriptors import silence
from .target import CommandError


@contextlib.contextmanager
def checked(*, needed: bool) -> Iterator[None]:
    """Everything that the block prints has arrived when it ends.

    Raises CommandError if it could not, BrokenPipeError if nobody wants it any more. `needed`: a
    command without an output is of no use.
    """
    if sys.stdout is None:  # closed by whoever started us
        if needed:
            raise CommandError("standard output is closed")
        yield
        return
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        # The interpreter writes what is left as it ends, and would complain again.
        silence(sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise CommandError(f"standard output: {error.strerror or error}") from error
