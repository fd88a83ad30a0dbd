"""The acceptor of last resort: connections of a slot that cannot accept go to one that can.

The supervisor holds every listening socket and every inbox. While a slot's worker is dead, loads,
drains or is suspect, what arrives at its socket, and what lies unread in its inbox, is passed on to
the inbox of a serving worker. A worker that is only slow goes on accepting beside us; each
connection goes to whoever is first.

If nobody serves, clients wait in the kernel's queues, where they cost nothing; after
`queue_timeout` without any serving worker they are told so (see `refusal.py`). Loop thread only.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from ..protocol.inbox import Arrival, Inbox
from .refusal import Refusal
from .sockets import PortGroup

#: Connections per turn of one source, so that a flood cannot keep the supervisor from its workers.
_BURST = 64
#: How long to leave all sources alone when nothing can be passed on, or no descriptor is left.
_PAUSE = 0.02
_LACKING = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

Key = tuple[str, int]
_Take = Callable[[], Arrival | None]


class Relay:
    """Owns the connections that it holds between two workers; sockets and inboxes are borrowed."""

    def __init__(
        self,
        ports: Mapping[str, PortGroup],
        inboxes: Mapping[Key, Inbox],
        load: Callable[[int, str], int],
        refusals: Mapping[str, Refusal],
        queue_timeout: float,
    ) -> None:
        """`load(slot, port)` counts a worker's open connections: the least busy gets the next."""
        self.relayed_total = 0
        self._ports = ports
        self._inboxes = inboxes
        self._load = load
        self._refusals = refusals
        self._queue_timeout = queue_timeout
        self._serving: tuple[int, ...] = ()
        self._watched: dict[int, Callable[[], None]] = {}
        self._parked: deque[tuple[str, Arrival]] = deque()
        self._burst: Counter[Key] = Counter()  # sent, perhaps not yet counted by the receiver
        self._paused: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._refusing = False

    @property
    def parked(self) -> int:
        """Connections that found every inbox full."""
        return len(self._parked)

    @property
    def waiting(self) -> list[tuple[str, Arrival]]:
        """What is parked, with its port."""
        return list(self._parked)

    def resume(self, relayed_total: int, parked: Sequence[tuple[str, Arrival]]) -> None:
        """Go on where another supervisor stopped; takes the descriptors."""
        self.relayed_total = relayed_total
        self._parked.extend(parked)
        if parked:
            self._pause()

    def update(self, serving: Sequence[int]) -> None:
        """The set of serving slots, or the ports, have changed."""
        self._serving = tuple(serving)
        if self._serving:
            self._refusing = False
            if self._patience is not None:
                self._patience.cancel()
            self._patience = None
        elif self._patience is None and not self._refusing and self._listening():
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(self._queue_timeout, self._lose_patience)
        self._watch()

    def close(self) -> None:
        """Pass on nothing more. What is parked is disconnected. Idempotent."""
        for timer in (self._paused, self._patience):
            if timer is not None:
                timer.cancel()
        self._paused = self._patience = None
        self._refusing, self._serving = False, ()
        self._watch()
        while self._parked:
            os.close(self._parked.popleft()[1].fd)
        for refusal in self._refusals.values():
            refusal.close()

    # -- sources ---------------------------------------------------------------------------

    def _listening(self) -> bool:
        return any(group.listening for group in self._ports.values())

    def _watch(self) -> None:
        """Make the loop watch exactly the sources that are ours now."""
        wanted = {} if self._paused is not None else self._sources()
        loop = asyncio.get_running_loop()
        for fd in self._watched.keys() - wanted.keys():
            loop.remove_reader(fd)  # before anybody closes it: a worker may hold a duplicate
        for fd in wanted.keys() - self._watched.keys():
            loop.add_reader(fd, wanted[fd])
        self._watched = wanted

    def _sources(self) -> dict[int, Callable[[], None]]:
        found: dict[int, Callable[[], None]] = {}
        if not self._serving and not self._refusing:
            return found
        for name, group in self._ports.items():
            for slot, listener in enumerate(group.sockets):
                if slot in self._serving:
                    continue
                inbox = self._inboxes[name, slot]
                found[inbox.fileno()] = self._reader(name, inbox.take)
                if group.listening:
                    found[listener.fileno()] = self._reader(name, _acceptor(listener))
        return found

    def _reader(self, port: str, take: _Take) -> Callable[[], None]:
        return lambda: self._drain(port, take)

    def _drain(self, port: str, take: _Take) -> None:
        self._burst.clear()
        try:
            for _ in range(_BURST):
                connection = take()
                if connection is None:
                    return
                self._handle(port, connection)
                if self._paused is not None:
                    return
        except OSError as error:
            if error.errno in _LACKING:
                self._pause()
            # Anything else concerns one connection (it was reset), or a port that is being closed.

    # -- one connection --------------------------------------------------------------------

    def _handle(self, port: str, connection: Arrival) -> None:
        if self._refusing:
            self._refusals[port].refuse(connection.fd)
        elif not self._deliver(port, connection):
            self._parked.append((port, connection))
            self._pause()

    def _deliver(self, port: str, connection: Arrival) -> bool:
        """Give it to the least busy worker that has room."""

        def busy(slot: int) -> int:
            return self._load(slot, port) + self._burst[port, slot]

        for slot in sorted(self._serving, key=busy):
            if self._inboxes[port, slot].send(connection):
                os.close(connection.fd)
                self._burst[port, slot] += 1
                self.relayed_total += 1
                return True
        return False

    def _pause(self) -> None:
        if self._paused is None:
            self._paused = asyncio.get_running_loop().call_later(_PAUSE, self._resume)
            self._watch()

    def _resume(self) -> None:
        self._paused = None
        while self._parked:
            port, connection = self._parked.popleft()
            self._handle(port, connection)
            if self._paused is not None:
                return
        self._watch()

    def _lose_patience(self) -> None:
        self._patience = None
        self._refusing = True
        self._watch()


def _acceptor(listener: socket.socket) -> _Take:
    def take() -> Arrival | None:
        try:
            connection, _ = listener.accept()  # close-on-exec, as all sockets of Python
        except BlockingIOError:
            return None
        return Arrival(connection.detach())

    return take
