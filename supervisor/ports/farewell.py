"""Close a listening socket without losing a client: first no new handshakes, then the queue.

Closing (or shutting down) a listener resets the clients in its accept queue and those in the
middle of their handshake. So a classic socket filter, which needs no privilege, first drops SYNs
alone: handshakes under way still complete and are accepted, a new client's kernel tries again
after a second and is then refused by the closed port.
"""

from __future__ import annotations

import socket

from .socket_filter import attach

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h

# linux/bpf_common.h
_LD_B_ABS = 0x30
_ALU_AND_K = 0x54
_JMP_JEQ_K = 0x15
_RET_K = 0x06

#: On a TCP socket the filter sees the segment from its TCP header on (RFC 9293 section 3.1).
_FLAGS_OFFSET = 13
_SYN, _ACK = 0x02, 0x10
_KEEP_ALL = 0xFFFFFFFF

_PROGRAM = (
    (_LD_B_ABS, 0, 0, _FLAGS_OFFSET),
    (_ALU_AND_K, 0, 0, _SYN | _ACK),
    (_JMP_JEQ_K, 0, 1, _SYN),
    (_RET_K, 0, 0, 0),
    (_RET_K, 0, 0, _KEEP_ALL),
)


def turn_away(listener: socket.socket) -> bool:
    """New connections to `listener` are no longer begun; those begun before still complete.

    False if the kernel has no socket filters (then closing it may reset a few clients).
    """
    return attach(listener, _SO_ATTACH_FILTER, _PROGRAM)
