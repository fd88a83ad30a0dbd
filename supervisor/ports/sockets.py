"""Public listening sockets: one per worker slot and port, made and held by the supervisor.

Because the supervisor keeps every socket open, a worker's death resets nobody in its accept queue.
All sockets of a port share it through SO_REUSEPORT alone: with SO_REUSEADDR a bound socket that
does not listen yet would not reserve its port. They listen only once a worker is ready (until
then a client is refused, which is the honest answer), all at once and in slot order, because the
kernel numbers the members of a group in the order in which they start to listen.

SO_REUSEPORT hides a second server of the same user, so a port is first probed without it.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..options.spec import PortSpec
from ..protocol import listeners

_TCP_LISTEN = "0A"
# linux/tcp.h: tcpi_unacked of a listening socket is the length of its accept queue.
_QUEUED = struct.Struct("=I")
_QUEUED_AT = 24


class PortError(Exception):
    """A port cannot be had. The text names it and the reason."""

    def __init__(self, port: PortSpec, reason: str, number: int) -> None:
        super().__init__(f"{port.name} port {port.port} on {port.address}: {reason}")
        self.port = port
        self.errno = number


@dataclass(frozen=True)
class PortState:
    """A public port: its sockets in slot order."""

    spec: PortSpec
    listening: bool
    fds: list[int]


class PortGroup:
    """The sockets of one port, one per slot. Owned by the supervisor for its whole life."""

    def __init__(self, spec: PortSpec, slots: int) -> None:
        self.spec = spec
        self.listening = False
        self.sockets: list[socket.socket] = []
        family, address = _resolve(spec)
        try:
            probe(spec, family, address)
            for _ in range(slots):
                self.sockets.append(_bind(family, address))
                address = self.sockets[0].getsockname()  # port 0: the others follow the first
        except OSError as error:
            self.close()
            raise PortError(spec, _reason(error), error.errno or 0) from error

    @classmethod
    def resume(cls, state: PortState) -> PortGroup:
        """The sockets that another supervisor of this instance has made."""
        self = cls.__new__(cls)
        self.spec, self.listening = state.spec, state.listening
        self.sockets = [socket.socket(fileno=fd) for fd in state.fds]
        for sock in self.sockets:
            sock.setblocking(False)
        return self

    def saved(self) -> PortState:
        """For `resume`. The descriptors stay ours."""
        return PortState(self.spec, self.listening, [sock.fileno() for sock in self.sockets])

    @property
    def port(self) -> int:
        """The real port number."""
        return int(self.sockets[0].getsockname()[1])

    def listen(self) -> None:
        """Let clients in, all slots in slot order. Idempotent. Raises PortError."""
        if self.listening:
            return
        backlog = max_backlog()
        for sock in self.sockets:
            try:
                sock.listen(backlog)
            except OSError as error:
                raise PortError(self.spec, _reason(error), error.errno or 0) from error
        self.listening = True

    def queue_length(self, slot: int) -> int:
        """Connections that wait for accept at this slot's socket."""
        if not self.listening:
            return 0
        try:
            info = self.sockets[slot].getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, _QUEUED.size + _QUEUED_AT
            )
            return int(_QUEUED.unpack_from(info, _QUEUED_AT)[0])
        except (OSError, struct.error):  # kernels that do not tell (gVisor)
            return 0

    def refuse(self) -> None:
        """New clients are refused from now on; the sockets stay reserved."""
        if self.listening:
            for sock in self.sockets:
                listeners.refuse(sock)
        self.listening = False

    def close(self) -> None:
        while self.sockets:
            self.sockets.pop().close()


def max_backlog() -> int:
    """The longest accept queue the kernel grants."""
    try:
        return int(Path("/proc/sys/net/core/somaxconn").read_text())
    except (OSError, ValueError):
        return socket.SOMAXCONN


def probe(spec: PortSpec, family: int, address: tuple[object, ...]) -> None:
    """Raise OSError(EADDRINUSE) if another server has the port, even one of the same user.

    Remains of closed connections (TIME_WAIT and such) refuse the exclusive bind as well, but not
    a shared one: they are no owner, so where the kernel lists only such remains the port is free.
    """
    if spec.port == 0:
        return
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        try:
            sock.bind(address)
        except OSError as error:
            states = _states_of_port(spec.port)
            if error.errno != errno.EADDRINUSE or not states or _TCP_LISTEN in states:
                raise


def _states_of_port(port: int) -> set[str]:
    """Kernel states (hex, as in /proc/net/tcp) of all TCP sockets whose local port this is."""
    suffix = f":{port:04X}"
    states = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if len(columns) > 3 and columns[1].endswith(suffix):
                states.add(columns[3])
    return states


def _resolve(spec: PortSpec) -> tuple[int, tuple[object, ...]]:
    try:
        infos = socket.getaddrinfo(
            spec.address, spec.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise PortError(spec, f"the address cannot be resolved ({error})", 0) from error
    family, _, _, _, address = infos[0]
    return family, address


def _bind(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # O_NONBLOCK lives in the open file that the worker shares: set it once, here.
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "already in use by another program"
    if error.errno == errno.EACCES:
        return "permission denied (ports below 1024 need a privilege)"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    return os.strerror(error.errno) if error.errno else str(error)


def close_all(groups: Sequence[PortGroup]) -> None:
    for group in groups:
        group.close()
