"""Classic BPF programs on sockets, which need no privilege."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Sequence

#: Code, jump if true, jump if false, operand: linux/filter.h.
Instruction = tuple[int, int, int, int]


def attach(sock: socket.socket, option: int, program: Sequence[Instruction]) -> bool:
    """Set `program` by a socket option that takes one. False if the kernel refuses."""
    filters = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(filters, len(filters))
    # struct sock_fprog: unsigned short count, then a pointer at its natural alignment.
    fprog = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    try:
        sock.setsockopt(socket.SOL_SOCKET, option, fprog)
    except OSError:
        return False
    return True
