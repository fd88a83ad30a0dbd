"""Where new connections go: sockets, steering, relay, and the table that says who is how busy.

One object that a group owns; it holds everything that workers inherit besides their channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..options.spec import ServeOptions
from ..protocol.inbox import Arrival, Inbox
from ..protocol.shared_table import SharedTable
from .refusal import Refusal, RefusalState
from .relay import Relay
from .sockets import PortGroup
from .steering import Steering

#: Frontends whose clients do not understand an answer of HTTP/1.1.
_NO_HTTP = "grpc"


@dataclass(frozen=True)
class TrafficState:
    """`inboxes`: by port and slot, its sending and its receiving end. `known`: of each connection
    in `parked` (see `Arrival`), in hexadecimal digits.
    """

    steering: str
    table_fd: int
    table_current: list[int]
    inboxes: dict[str, list[tuple[int, int]]]
    relayed_total: int
    parked: list[tuple[str, int]]
    refusals: dict[str, RefusalState]
    known: list[str] = field(default_factory=list)


class Traffic:
    """Of all worker ports of one instance, for as long as it runs."""

    def __init__(
        self,
        options: ServeOptions,
        ports: Mapping[str, PortGroup],
        slots: int,
        retry_after: Callable[[], int],
        before: TrafficState | None = None,
    ) -> None:
        """`before`: what another supervisor of this instance left."""
        self.steering = Steering(options.steering)
        self.table = SharedTable(slots, list(ports), before.table_fd if before else -1)
        self._ports = ports
        self._slots = slots
        self._inboxes = {
            (name, slot): Inbox(before.inboxes[name][slot] if before else None)
            for name in ports
            for slot in range(slots)
        }
        self.refusals = {name: Refusal(_speaks_http(options, name), retry_after) for name in ports}
        self.relay = Relay(
            ports,
            self._inboxes,
            lambda slot, port: self.table.read(slot, port).connections,
            self.refusals,
            options.timeouts.queue,
        )
        if before is not None:
            self._resume(before)

    def _resume(self, before: TrafficState) -> None:
        self.steering.mode = before.steering
        for slot, generation in enumerate(before.table_current):
            self.table.select(slot, generation)
        for name, refusal in before.refusals.items():
            self.refusals[name].resume(refusal)
        known = before.known or ["00"] * len(before.parked)  # those before did not have it
        parked = zip(before.parked, known, strict=True)
        self.relay.resume(
            before.relayed_total,
            [(port, Arrival(fd, bytes.fromhex(digits))) for (port, fd), digits in parked],
        )

    def saved(self) -> TrafficState:
        """For the supervisor that goes on with it. The descriptors stay ours."""
        inboxes = {
            name: [
                (box.sender, box.fileno())
                for box in (self._inboxes[name, slot] for slot in range(self._slots))
            ]
            for name in self._ports
        }
        waiting = self.relay.waiting
        return TrafficState(
            steering=self.steering.mode,
            table_fd=self.table.fd,
            table_current=self.table.current,
            inboxes=inboxes,
            relayed_total=self.relay.relayed_total,
            parked=[(port, connection.fd) for port, connection in waiting],
            known=[connection.known.hex() for _, connection in waiting],
            refusals={name: refusal.saved() for name, refusal in self.refusals.items()},
        )

    def inherited(self, slot: int, generation: int) -> dict[str, dict[str, Any]]:
        """Options of each frontend of that worker in `slot` that name descriptors."""
        return {
            name: {
                "fd": group.sockets[slot].fileno(),
                "inbox_fd": self._inboxes[name, slot].fileno(),
                "heartbeat_fd": self.table.fd,
                "heartbeat_offset": self.table.offset(slot, name, generation),
                "handoff_peers": [
                    self._peer(name, other) for other in range(self._slots) if other != slot
                ],
            }
            for name, group in self._ports.items()
        }

    def _peer(self, port: str, slot: int) -> str:
        """How the frontend of another slot reaches this one, as its options spell it."""
        even, odd = (self.table.offset(slot, port, generation) for generation in (0, 1))
        return f"{even}:{odd}:{self.table.serving_offset(slot)}:{self._inboxes[port, slot].sender}"

    def update(self, serving: Sequence[int], unsound: Sequence[int] = ()) -> None:
        """The set of serving slots, or of those that lack models, has changed, or the ports listen
        now.
        """
        self.table.set_serving(serving, unsound)
        listening = [group.sockets for group in self._ports.values() if group.listening]
        self.steering.update(listening, serving)
        self.relay.update(serving)

    def refuse(self) -> None:
        """New clients are refused from now on."""
        self.relay.close()
        for group in self._ports.values():
            group.refuse()

    def queue_length(self, slot: int) -> int:
        """Connections that wait for accept at all ports of `slot`."""
        return sum(group.queue_length(slot) for group in self._ports.values())

    def close(self) -> None:
        """Idempotent. The ports are their owner's."""
        self.relay.close()
        for inbox in self._inboxes.values():
            inbox.close()
        self.table.close()


def _speaks_http(options: ServeOptions, port: str) -> bool:
    return port != _NO_HTTP and not options.frontends.get(port, {}).get("use_ssl")
