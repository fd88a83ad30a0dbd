"""Which instances of this user run: whoever holds the lock of a run directory."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from ..system.locks import try_lock


@dataclass(frozen=True)
class Identity:
    """Who holds a run directory."""

    name: str
    run_id: str
    pid: int
    start: int
    run_dir: str
    ports: dict[str, int]


def running(path: Path) -> Identity | None:
    """Identity of the instance that holds `path` now, or None."""
    try:
        fd = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if try_lock(fd, shared=True):
            return None  # nobody holds it
        return _identity(os.pread(fd, 65536, 0), path)
    finally:
        os.close(fd)


def instances(base: Path | None) -> list[Identity]:
    """All running instances of this user."""
    found = {}
    for entry in entries(base):
        identity = running(entry.resolve())
        if identity is not None:
            found[identity.run_id] = identity
    return sorted(found.values(), key=lambda identity: identity.name)


def port_owner(base: Path | None, port: int) -> Identity | None:
    """The running instance that serves `port`, if it is one of this user's."""
    for identity in instances(base):
        if port in identity.ports.values():
            return identity
    return None


def entries(base: Path | None) -> list[Path]:
    if base is None:
        return []
    with contextlib.suppress(OSError):
        return sorted(entry for entry in base.iterdir() if entry.is_dir() or entry.is_symlink())
    return []


def _identity(data: bytes, path: Path) -> Identity:
    try:
        return Identity(**json.loads(data))
    except (ValueError, TypeError):  # the holder is just starting
        return Identity(path.name, "", 0, 0, str(path), {})
