"""Memory that several processes map: whoever inherits the descriptor sees the same bytes."""

from __future__ import annotations

import mmap
import os

PAGE_BYTES = mmap.PAGESIZE


class SharedMemory:
    """A memory file of a fixed size, mapped. Its first owner makes it, full of zeros; it ends with
    its last holder.
    """

    def __init__(self, name: str, size: int, fd: int = -1) -> None:
        """`fd`: a file that exists. ValueError if it has another size."""
        if fd < 0:
            fd = os.memfd_create(name, os.MFD_CLOEXEC)
            os.ftruncate(fd, size)
        elif (found := os.fstat(fd).st_size) != size:
            raise ValueError(f"the memory file {name} has {found} bytes, not {size}")
        self.fd = fd
        self.view = mmap.mmap(fd, size)

    def close(self) -> None:
        """Idempotent."""
        if self.fd >= 0:
            self.view.close()
            os.close(self.fd)
        self.fd = -1
