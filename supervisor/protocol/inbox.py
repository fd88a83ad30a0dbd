"""Connected sockets on their way to a worker: one SOCK_SEQPACKET pair per slot and port.

The supervisor keeps both ends for as long as the slot exists. What a worker has not read is
therefore never lost with it: its successor finds it there, or the supervisor takes it back and
gives it to another. A packet is one descriptor, and what is known of the connection
(`cpp/net/pass_descriptors.h`). The worker's frontend reads it on its own loop, so the way does not
lead through Python there.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
from typing import NamedTuple

_INT = array.array("i").itemsize
_FLAGS = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
#: A byte, and the most that a frontend gives away with a connection (`kMaxUnread`).
_PACKET = 1 + (64 << 10)
#: Wanted for what is on its way, which may be hundreds of connections with what was read of them;
#: the system gives what it allows (`net.core.wmem_max`).
_BUFFER = 4 << 20


class Arrival(NamedTuple):
    """A connection. `known`: how many workers have given it away (a byte), and what they have
    received of it, which whoever serves it reads first.
    """

    fd: int
    known: bytes = b"\0"


class Inbox:
    """Both ends. `fileno()` is the end that its worker inherits and reads."""

    def __init__(self, ends: tuple[int, int] | None = None) -> None:
        """`ends`: the descriptors of one that exists, the sending one first."""
        if ends is None:
            self._send, self._receive = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._send.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        else:
            self._send, self._receive = (socket.socket(fileno=fd) for fd in ends)
        # O_NONBLOCK lives in the open file that the worker shares: set it once, here.
        self._send.setblocking(False)
        self._receive.setblocking(False)

    def fileno(self) -> int:
        return self._receive.fileno()

    @property
    def sender(self) -> int:
        """The other end, which the other workers of the port inherit."""
        return self._send.fileno()

    def send(self, connection: Arrival) -> bool:
        """Pass a duplicate. False if it does not fit now; the descriptor stays the caller's."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [connection.fd]))]
        try:
            self._send.sendmsg(
                [connection.known], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
            )
        except OSError:  # EAGAIN: its reader is stuck; ETOOMANYREFS: too many under way
            return False
        return True

    def take(self) -> Arrival | None:
        """What its worker has not read, now the caller's; None if there is none.

        If this process is out of descriptors the kernel drops the connection.
        """
        while True:
            try:
                # socket.recv_fds() ignores its flags argument in CPython 3.11 and would block.
                data, ancillary, _, _ = self._receive.recvmsg(
                    _PACKET, socket.CMSG_LEN(_INT), _FLAGS
                )
            except BlockingIOError:
                return None
            if not data:
                return None
            for _, _, payload in ancillary:
                fds = array.array("i")
                fds.frombytes(payload[: len(payload) - len(payload) % _INT])
                if fds:
                    return Arrival(fds[0], data)

    def close(self) -> None:
        """Whoever still waits in it is disconnected. Idempotent."""
        if self._receive.fileno() >= 0:
            with contextlib.suppress(OSError):
                while (connection := self.take()) is not None:
                    os.close(connection.fd)
        self._send.close()
        self._receive.close()
