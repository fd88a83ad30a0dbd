"""The private run directory of an instance: lock, identity, records of its workers.

    <base>/<name>/lock          flock held for the instance's life; content: `Identity` as JSON
    <base>/<name>/control.sock  operator socket
    <base>/<name>/workers.json  (pid, start time, shm prefix) of every worker, for the next start

`base` is $XDG_RUNTIME_DIR/tritonfrontend, /run/tritonfrontend for root, else
/tmp/tritonfrontend-<uid>. With --run-dir elsewhere, <base>/<name> is a link to it, so that
`status` and port conflicts still find the instance; where `base` cannot be written, nothing but its
own directory tells of the instance. Directories are 0700 and must be ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..system import locks, procfs
from .leftovers import remove_stale, sweep
from .registry import Identity, running

#: sun_path holds 108 bytes; "control.sock" and a separator must fit behind the directory.
_MAX_DIR_BYTES = 107 - len("/control.sock")
#: `running()` of another command may hold the lock for an instant.
_LOCK_TRIES = 10


class RunDirError(Exception):
    """The run directory cannot be used, or belongs to a running instance."""


@dataclass(frozen=True)
class RunDirState:
    """The locked run directory; `link` is "" if there is none."""

    base: str
    path: str
    lock_fd: int
    link: str
    made: bool


class RunDir:
    """A locked run directory. `close()` removes what we made and releases the lock."""

    def __init__(
        self, base: Path | None, path: Path, lock_fd: int, link: Path | None, made: bool
    ) -> None:
        self.path = path
        self._base = base
        self.control = path / "control.sock"
        self._workers = path / "workers.json"
        self._lock_fd = lock_fd
        self._link = link
        self._made = made
        self._keep = False

    @classmethod
    def resume(cls, state: RunDirState) -> RunDir:
        """The directory that another supervisor of this instance holds."""
        base = Path(state.base) if state.base else None
        link = Path(state.link) if state.link else None
        return cls(base, Path(state.path), state.lock_fd, link, state.made)

    def saved(self) -> RunDirState:
        """For `resume`. The lock stays ours."""
        base, link = str(self._base or ""), str(self._link or "")
        return RunDirState(base, str(self.path), self._lock_fd, link, self._made)

    @property
    def listed(self) -> bool:
        """Do commands find the instance by its name?"""
        return self._base is not None

    def write_identity(self, identity: Identity) -> None:
        data = json.dumps(asdict(identity)).encode()
        os.ftruncate(self._lock_fd, 0)
        os.pwrite(self._lock_fd, data, 0)

    def write_workers(self, records: list[dict[str, Any]]) -> None:
        """Replace the list of worker records in one step. Those of processes that could not be
        killed stay: the next start must know what they leave.
        """
        every = [*records, *self._survivors(records)]
        temporary = self._workers.with_suffix(".tmp")
        temporary.write_text(json.dumps({"boot": procfs.boot_id(), "workers": every}))
        temporary.replace(self._workers)

    def _survivors(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Recorded before, not any more, and still alive."""
        known = {(each["pid"], each["start"]) for each in records}
        with contextlib.suppress(OSError, ValueError):
            before = json.loads(self._workers.read_text())["workers"]
            others = [each for each in before if (each["pid"], each["start"]) not in known]
            return [each for each in others if procfs.is_same(each["pid"], each["start"])]
        return []

    def keep(self) -> None:
        """Something is left for the next start to sweep."""
        self._keep = True

    def close(self, *, keep_records: bool = False) -> None:
        """Release. With `keep_records` (something could not be killed) the next start sweeps. So it
        does after `keep`.
        """
        with start_lock(self._base):  # nobody may be waiting for a lock file that we unlink
            self.close_locked(keep_records=keep_records)

    def close_locked(self, *, keep_records: bool = False) -> None:
        """`close` for a caller that holds the start lock."""
        self.control.unlink(missing_ok=True)
        if not (keep_records or self._keep):
            if self._link is not None:
                self._link.unlink(missing_ok=True)
            self._workers.unlink(missing_ok=True)
            (self.path / "lock").unlink(missing_ok=True)
            if self._made:
                with contextlib.suppress(OSError):
                    self.path.rmdir()
        os.close(self._lock_fd)


def default_base() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime, "tritonfrontend")
    if os.geteuid() == 0 and Path("/run").is_dir():
        return Path("/run/tritonfrontend")
    return Path(f"/tmp/tritonfrontend-{os.geteuid()}")


def usable_base(explicit: str) -> Path | None:
    """`default_base()`, made if need be; None if it cannot be written and the instance has the run
    directory `explicit`. Raises RunDirError.
    """
    base = default_base()
    try:
        with start_lock(base):
            return base
    except RunDirError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        if explicit:
            return None
        raise RunDirError(f"{error}; set XDG_RUNTIME_DIR or --run-dir") from error


@contextlib.contextmanager
def start_lock(base: Path | None) -> Iterator[None]:
    """Held while ports are probed and bound: two starts at once must not both find them free.

    Nothing is locked without a `base`. Raises RunDirError.
    """
    if base is None:
        yield
        return
    _private_directory(base)
    fd = _open(base, "start.lock")
    try:
        locks.lock(fd)
        yield
    finally:
        os.close(fd)


def acquire(base: Path | None, name: str, explicit: str) -> RunDir:
    """Lock the run directory of `name`. Call under `start_lock`. Raises RunDirError.

    Without a `base` there must be an `explicit` directory.
    """
    if base is not None:
        _private_directory(base)
    path = Path(explicit).absolute() if explicit or base is None else base / name
    entry = path if base is None else base / name
    if len(os.fsencode(path)) > _MAX_DIR_BYTES:
        raise RunDirError(f"run directory {path} is longer than {_MAX_DIR_BYTES} bytes")
    # The name may be in use from another directory, and the directory by another name.
    for place in {entry.resolve(), path.resolve()}:
        if (owner := running(place)) is not None:
            raise RunDirError(
                f"tritonfrontend instance {owner.name} is already running, pid {owner.pid} "
                f"(run directory {owner.run_dir})"
            )
    if entry.is_symlink():
        entry.unlink()
    made = _private_directory(path)
    lock_fd = _lock(path)
    link = None
    if path != entry:
        if entry.is_dir():
            sweep(entry)
            remove_stale(entry)
        entry.symlink_to(path)
        link = entry
    sweep(path)
    return RunDir(base, path, lock_fd, link, made or not explicit)


def _open(path: Path, name: str) -> int:
    """A file of the directory `path`, to be locked."""
    try:
        return os.open(path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RunDirError(f"run directory {path}: {error.strerror}") from error


def _lock(path: Path) -> int:
    fd = _open(path, "lock")
    for _ in range(_LOCK_TRIES):
        if locks.try_lock(fd):
            os.ftruncate(fd, 0)
            return fd
        time.sleep(0.02)
    os.close(fd)
    raise RunDirError(f"run directory {path} is locked by another process")


def _private_directory(path: Path) -> bool:
    """Make sure `path` is a directory that only we can enter. True if it was made here."""
    made = False
    try:
        if not path.exists():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)  # another start may be faster
            made = True
        info = path.stat()
    except OSError as error:
        raise RunDirError(f"run directory {path}: {error.strerror}") from error
    if not stat.S_ISDIR(info.st_mode):
        raise RunDirError(f"run directory {path} is not a directory")
    if info.st_uid != os.geteuid():
        raise RunDirError(f"run directory {path} belongs to another user (uid {info.st_uid})")
    if info.st_mode & 0o077:
        # Changing the mode ourselves could lock others out of a directory like /tmp.
        raise RunDirError(f"run directory {path} is open to other users; chmod 0700 it first")
    return made
