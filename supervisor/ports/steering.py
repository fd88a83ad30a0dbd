"""Steer new connections to ready slots with a classic BPF program on a port's socket group.

SO_ATTACH_REUSEPORT_CBPF needs no privilege. The program picks a random ready slot and returns its
number, which is the socket's position in the order of listen(); so every slot's socket must listen,
in slot order, for as long as the group lives. Where the kernel lacks it (gVisor, seccomp), its own
hash over all slots stays, and the relay alone (`relay.py`) brings connections of a slot that does
not serve to one that does.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence

from .socket_filter import Instruction, attach

_SO_ATTACH_REUSEPORT_CBPF = 51  # asm-generic/socket.h; Python's socket module has no name for it
_SO_DETACH_REUSEPORT_BPF = 68

# linux/bpf_common.h, linux/filter.h
_LD_W_ABS = 0x20
_ALU_MOD_K = 0x94
_JMP_JEQ_K = 0x15
_RET_K = 0x06
_AD_RANDOM = 0xFFFFF000 + 56

#: BPF_MAXINSNS is 4096 and every ready slot takes two instructions.
MAX_SLOTS = 2000


def program(ready: Sequence[int]) -> list[Instruction]:
    """Instructions (code, jt, jf, k) that return a uniformly random member of `ready`."""
    if not 0 < len(ready) <= MAX_SLOTS:
        raise ValueError(f"{len(ready)} ready slots, not 1..{MAX_SLOTS}")
    last = ready[-1]
    code = [(_LD_W_ABS, 0, 0, _AD_RANDOM), (_ALU_MOD_K, 0, 0, len(ready))]
    for choice, slot in enumerate(ready[:-1]):
        code += [(_JMP_JEQ_K, 0, 1, choice), (_RET_K, 0, 0, slot)]
    code.append((_RET_K, 0, 0, last))
    return code


def steer(sock: socket.socket, ready: Sequence[int]) -> bool:
    """Install the program on the group that listening `sock` belongs to. False if refused."""
    return attach(sock, _SO_ATTACH_REUSEPORT_CBPF, program(ready))


def unsteer(sock: socket.socket) -> None:
    """Back to the kernel's hash."""
    with contextlib.suppress(OSError):  # ENOENT: there was no program
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_REUSEPORT_BPF, 0)


class Steering:
    """Keeps all groups pointed at the ready slots. `mode`: by "cbpf", or by "relay" alone."""

    def __init__(self, wanted: bool = True) -> None:
        self.mode = "cbpf" if wanted else "relay"
        self._last: tuple[int, ...] = ()

    def update(self, groups: Sequence[Sequence[socket.socket]], ready: Sequence[int]) -> None:
        """Call after listen() and at each change of the ready set.

        With nobody ready the last program stays: connections wait in a queue either way.
        """
        if self.mode != "cbpf" or not ready or tuple(ready) == self._last:
            return
        if all(steer(sockets[0], ready) for sockets in groups):
            self._last = tuple(ready)
            return
        # A stale program on some of the groups would send clients to the wrong slots for ever.
        self.mode = "relay"
        for sockets in groups:
            unsteer(sockets[0])
