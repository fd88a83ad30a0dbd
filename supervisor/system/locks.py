"""Locks on open files, between processes (flock). The kernel releases one with its descriptor, also
when the holder is killed.
"""

from __future__ import annotations

import fcntl


def lock(fd: int) -> None:
    """Hold it alone, waiting for whoever holds it. Raises OSError."""
    fcntl.flock(fd, fcntl.LOCK_EX)


def try_lock(fd: int, *, shared: bool = False) -> bool:
    """Hold it now, alone or with other `shared` holders. False if somebody is in the way."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
