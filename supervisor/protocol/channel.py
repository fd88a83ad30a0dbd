"""Control messages between supervisor and worker: JSON objects on a SOCK_SEQPACKET socket pair.

One packet is one object of at most 64 KiB, optionally with descriptors. Used by one thread per
end. Non-blocking on both ends; a packet that does not fit (receiver stuck) is refused, not queued:
what must not be lost is tried again (outbox.py) or has a second way (signals, exit).

    up:   HELLO PROGRESS MODELS LOADED READY STATS METRICS+fd RESTART DRAINING DRAINED FATAL
          REPLICATE(+fd) APPLIED GATHER GATHERED(+fd)
    down: SERVE METRICS DRAIN DISPERSE STOP APPLY(+fd) REPLIED GATHER GATHERING GATHERED(+fd)
"""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: A SEQPACKET message is one kernel buffer; beyond this a sender must split.
MAX_MESSAGE = 64 * 1024
MAX_FDS = 16
#: What one text of several may take of a message.
TEXT_BYTES = 8 * 1024


class ChannelClosed(Exception):
    """The other end is gone."""


@dataclass
class Message:
    """One received packet. Whoever takes it owns its descriptors: `close()` or take them out."""

    op: str
    args: Mapping[str, Any]
    fds: list[int] = field(default_factory=list)

    def close(self) -> None:
        while self.fds:
            os.close(self.fds.pop())


class Channel:
    """One end. Owns the socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.setblocking(False)

    @staticmethod
    def pair() -> tuple[Channel, socket.socket]:
        """Our end, and the raw socket to be inherited by a worker."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return Channel(ours), theirs

    @staticmethod
    def of(fd: int) -> Channel:
        """The end that this process has at `fd`. Raises OSError if that is no socket."""
        return Channel(socket.socket(fileno=fd))

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def send(self, op: str, fds: Sequence[int] = (), **args: Any) -> bool:
        """Send one message. False if it could not go now (receiver full or gone).

        Raises ValueError for a message over MAX_MESSAGE.
        """
        data = json.dumps({"op": op, **args}, separators=(",", ":")).encode()
        if len(data) > MAX_MESSAGE:
            raise ValueError(f"{op} message of {len(data)} bytes exceeds {MAX_MESSAGE}")
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self._sock.sendmsg([data], ancillary, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            return False
        return True

    def receive(self) -> Message | None:
        """Next message, or None if there is none now. Raises ChannelClosed at the end.

        A packet that is not one of ours is returned with op "" so that the caller can say so.
        """
        # socket.recv_fds() ignores its flags argument in CPython 3.11 and would block.
        space = socket.CMSG_SPACE(MAX_FDS * array.array("i").itemsize)
        flags = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
        try:
            data, ancillary, msg_flags, _ = self._sock.recvmsg(MAX_MESSAGE, space, flags)
        except BlockingIOError:
            return None
        except OSError as error:
            raise ChannelClosed from error
        if not data:
            raise ChannelClosed
        fds = _descriptors(ancillary)
        if msg_flags & socket.MSG_TRUNC:
            return Message("", {"error": "message too long"}, fds)
        return _decode(data, fds)

    def drain(self) -> Iterator[Message]:
        """All messages that wait now. Ends quietly at the end of the channel."""
        while True:
            try:
                message = self.receive()
            except ChannelClosed:
                return
            if message is None:
                return
            yield message


def cut(text: str, limit: int = TEXT_BYTES) -> str:
    """`text`, shortened until it takes at most `limit` bytes of a message: a character may take
    twelve, and clients choose what errors quote.
    """
    while (size := len(json.dumps(text))) > limit:
        text = text[: len(text) * limit // size]
    return text


def _decode(data: bytes, fds: list[int]) -> Message:
    try:
        raw = json.loads(data)
        return Message(str(raw.pop("op")), raw, fds)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return Message("", {"error": f"not a message: {data[:80]!r}"}, fds)


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    return list(fds)
