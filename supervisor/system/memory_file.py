"""Contents too long for a control message, passed on as the descriptor of a memory file."""

from __future__ import annotations

import os


class MemoryFile:
    """Owns the descriptor; closed with its last holder."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)


def written(name: str, *parts: bytes) -> MemoryFile:
    """A new file with `parts` one after the other; `name` is for /proc. OSError if there is no
    memory or no descriptor for it.
    """
    return MemoryFile(create(name, *parts))


def create(name: str, *parts: bytes) -> int:
    """The descriptor of such a file, the caller's to close, at its beginning."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    try:
        with open(fd, "wb", closefd=False) as out:
            out.writelines(parts)
        os.lseek(fd, 0, os.SEEK_SET)
    except BaseException:
        os.close(fd)
        raise
    return fd


def content(fd: int, start: int = 0, size: int | None = None) -> bytes:
    """`size` bytes from `start`, by default all. ValueError if there are fewer.

    Without the file's position, which its holders share.
    """
    left = os.fstat(fd).st_size - start if size is None else size
    parts: list[bytes] = []
    while left > 0:
        part = os.pread(fd, left, start)
        if not part:
            raise ValueError("a memory file is cut short")
        parts.append(part)
        left, start = left - len(part), start + len(part)
    return b"".join(parts)
