"""Connected sockets on their way to a worker: one SOCK_SEQPACKET pair per slot and port.

The supervisor keeps both ends for as long as the slot exists. What a worker has not read is
therefore never lost with it: its successor finds it there, or the supervisor takes it back and
gives it to another. A packet is one byte with one descriptor; the worker's frontend reads it on its
own loop, so the way does not lead through Python there.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket

_INT = array.array("i").itemsize
_FLAGS = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC


class Inbox:
    """Both ends. `fileno()` is the end that its worker inherits and reads."""

    def __init__(self, ends: tuple[int, int] | None = None) -> None:
        """`ends`: the descriptors of one that exists, the sending one first."""
        if ends is None:
            self._send, self._receive = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
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

    def send(self, fd: int) -> bool:
        """Pass a duplicate of `fd`. False if it does not fit now; `fd` stays the caller's."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        try:
            self._send.sendmsg([b"c"], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:  # EAGAIN: its reader is stuck; ETOOMANYREFS: too many under way
            return False
        return True

    def take(self) -> int | None:
        """A descriptor that its worker has not read, now the caller's; None if there is none.

        If this process is out of descriptors the kernel drops the connection.
        """
        while True:
            try:
                # socket.recv_fds() ignores its flags argument in CPython 3.11 and would block.
                data, ancillary, _, _ = self._receive.recvmsg(1, socket.CMSG_LEN(_INT), _FLAGS)
            except BlockingIOError:
                return None
            if not data:
                return None
            for _, _, payload in ancillary:
                fds = array.array("i")
                fds.frombytes(payload[: len(payload) - len(payload) % _INT])
                if fds:
                    return fds[0]

    def close(self) -> None:
        """Whoever still waits in it is disconnected. Idempotent."""
        if self._receive.fileno() >= 0:
            with contextlib.suppress(OSError):
                while (fd := self.take()) is not None:
                    os.close(fd)
        self._send.close()
        self._receive.close()
