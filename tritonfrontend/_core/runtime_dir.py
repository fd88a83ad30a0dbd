"""A private directory per process: the backends, caches and helper scripts that the core is shown.

Removed at exit by the process that made it. What a killed process left is removed by the next one:
every directory holds a file that its owner keeps locked, so a directory whose lock can be taken has
no owner any more, also when the two live in different process namespaces.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["RuntimeDirectory"]

_PREFIX = "tritonfrontend-core-"
_LOCK = "lock"


class RuntimeDirectory:
    """Made on construction. `path` is absolute; mode 0700."""

    def __init__(self) -> None:
        _sweep(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        self._owner = os.getpid()
        self._lock = _locked_file(self.path)
        self._count = 0
        atexit.register(self.remove)

    def fresh(self, name: str) -> Path:
        """A new empty subdirectory."""
        self._count += 1
        path = self.path / f"{name}-{self._count}"
        path.mkdir()
        return path

    def remove(self) -> None:
        """Delete the directory, now instead of at exit. A second call does nothing."""
        atexit.unregister(self.remove)
        # A forked child has a copy of this object; the directory is not its own.
        if os.getpid() == self._owner and self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def _locked_file(directory: Path) -> int:
    # Locked before it gets its name: nobody ever sees an unlocked lock file of a living owner.
    hidden = directory / f".{_LOCK}"
    descriptor = os.open(hidden, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    hidden.rename(directory / _LOCK)
    return descriptor


def _sweep(parent: Path) -> None:
    for directory in parent.glob(_PREFIX + "*"):
        with contextlib.suppress(OSError):
            if directory.lstat().st_uid == os.geteuid() and not directory.is_symlink():
                _remove_if_dead(directory)


def _remove_if_dead(directory: Path) -> None:
    descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(directory, ignore_errors=True)
    finally:
        os.close(descriptor)
