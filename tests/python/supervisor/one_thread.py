"""Stops or spins a single thread of another process, by ptrace. The caller must stay one thread."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from pathlib import Path

import pytest

_ATTACH, _DETACH, _GETREGS, _SETREGS = 16, 17, 12, 13
_WALL = 0x40000000
#: Positions in `struct user_regs_struct` of x86-64, which has 27 words.
_ORIG_RAX, _RIP, _WORDS = 15, 16, 27
_JUMP_TO_ITSELF = b"\xeb\xfe"


def hold(thread: int) -> None:
    """Stop it until `release`, as if it waited for a lock; other threads run on."""
    if _ptrace(_ATTACH, thread) != 0:
        pytest.skip("tracing is not permitted here")
    os.waitpid(thread, _WALL)


def release(thread: int) -> None:
    assert _ptrace(_DETACH, thread) == 0


def spin(pid: int, thread: int) -> None:
    """From now on it runs one jump to itself, for ever."""
    if platform.machine() != "x86_64":
        pytest.skip("only written for x86-64")
    where = _find(pid, _JUMP_TO_ITSELF)
    hold(thread)
    registers = (ctypes.c_ulong * _WORDS)()
    assert _ptrace(_GETREGS, thread, registers) == 0
    registers[_RIP] = where
    registers[_ORIG_RAX] = 2**64 - 1  # or the kernel would go back to start its system call anew
    assert _ptrace(_SETREGS, thread, registers) == 0
    release(thread)


def _find(pid: int, code: bytes) -> int:
    """Where these bytes are executable."""
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            mapping = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp .* /", line)
            if mapping is None:
                continue
            begin, end = (int(each, 16) for each in mapping.groups())
            memory.seek(begin)
            found = memory.read(end - begin).find(code)
            if found >= 0:
                return begin + found
    pytest.skip("no library of the worker has a jump to itself")


def _ptrace(request: int, thread: int, data: ctypes.Array[ctypes.c_ulong] | None = None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    return int(libc.ptrace(request, thread, None, data))
