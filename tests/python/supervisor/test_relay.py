"""Relay of connections between slots, on real sockets; "workers" are the ends of their inboxes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from tritonfrontend.supervisor.options.spec import PortSpec
from tritonfrontend.supervisor.ports.refusal import Refusal
from tritonfrontend.supervisor.ports.relay import Relay
from tritonfrontend.supervisor.ports.sockets import PortGroup
from tritonfrontend.supervisor.protocol.inbox import Arrival, Inbox

NEVER = 1000.0
PATIENCE = 30.0


class Rig:
    """Three slots of one port that listens."""

    def __init__(self, name: str = "http", queue_timeout: float = NEVER) -> None:
        self.group = PortGroup(PortSpec(name, True, "127.0.0.1", 0), 3)
        self.group.listen()
        self.inboxes = {(name, slot): Inbox() for slot in range(3)}
        self.load = [0, 0, 0]
        self.refusal = Refusal(name == "http", lambda: 7)
        self.relay = Relay(
            {name: self.group},
            self.inboxes,
            lambda slot, port: self.load[slot],
            {name: self.refusal},
            queue_timeout,
        )
        self.name = name
        self.clients: list[socket.socket] = []

    def connect(self) -> socket.socket:
        """A client whose first bytes tell its number."""
        client = socket.create_connection(("127.0.0.1", self.group.port), timeout=PATIENCE)
        client.sendall(b"%d" % len(self.clients))
        self.clients.append(client)
        return client

    def inbox(self, slot: int) -> Inbox:
        return self.inboxes[self.name, slot]

    def queued(self) -> list[int]:
        return [self.group.queue_length(slot) for slot in range(3)]

    def taken(self, slot: int) -> list[int]:
        """Numbers of the clients that the worker of `slot` finds in its inbox."""
        numbers = []
        while (found := self.inbox(slot).take()) is not None:
            with socket.socket(fileno=found.fd) as connection:
                connection.settimeout(PATIENCE)
                numbers.append(int(found.known[1:] + connection.recv(10)))
        return numbers

    def close(self) -> None:
        self.relay.close()
        for client in self.clients:
            client.close()
        for inbox in self.inboxes.values():
            inbox.close()
        self.group.close()


@pytest.fixture
def rig() -> Rig:
    return Rig()


def run(rig: Rig, scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        try:
            await asyncio.wait_for(scenario(), 2 * PATIENCE)
        finally:
            rig.close()

    asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # the scenario has a limit
        await asyncio.sleep(0.005)


def test_queues_of_slots_that_do_not_serve_are_emptied(rig: Rig) -> None:
    async def scenario() -> None:
        for _ in range(60):
            rig.connect()
        before = rig.queued()
        assert sum(before) == 60
        rig.relay.update([1])
        await until(lambda: rig.queued() == [0, before[1], 0])
        assert len(rig.taken(1)) == before[0] + before[2] == rig.relay.relayed_total
        rig.relay.update([0, 1, 2])
        late = [rig.connect() for _ in range(30)]
        await asyncio.sleep(0.05)
        assert sum(rig.queued()) == before[1] + len(late), "serving slots accept for themselves"

    run(rig, scenario)


def test_the_least_busy_worker_gets_the_next(rig: Rig) -> None:
    async def scenario() -> None:
        rig.load = [0, 5, 2]
        for _ in range(90):
            rig.connect()
        mine = rig.queued()[0]
        rig.relay.update([1, 2])
        await until(lambda: rig.queued()[0] == 0)
        got = Counter({slot: len(rig.taken(slot)) for slot in (1, 2)})
        assert got.total() == mine
        assert got[2] >= got[1]

    run(rig, scenario)


def test_nobody_serves_then_somebody(rig: Rig) -> None:
    async def scenario() -> None:
        for _ in range(10):
            rig.connect()
        rig.relay.update([])
        await asyncio.sleep(0.05)
        assert sum(rig.queued()) == 10, "they wait in the kernel"
        own = rig.queued()[2]
        rig.relay.update([2])
        await until(lambda: rig.relay.relayed_total == 10 - own)

    run(rig, scenario)


def test_unread_inbox_of_a_dead_worker_goes_to_another(rig: Rig) -> None:
    async def scenario() -> None:
        for _ in range(20):
            rig.connect()
        rig.relay.update([0])
        await until(lambda: rig.queued()[1:] == [0, 0])
        passed = rig.relay.relayed_total
        assert passed > 0
        rig.relay.update([2])  # slot 0 died and had read nothing
        await until(lambda: sum(rig.queued()[:2]) == 0)
        await until(lambda: rig.relay.relayed_total >= 2 * passed)
        assert len(rig.taken(2)) >= passed
        assert rig.taken(0) == []

    run(rig, scenario)


def test_what_was_read_of_a_connection_goes_with_it(rig: Rig) -> None:
    """A worker has given it to another, which died before it looked into its inbox."""

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            accepted, _ = listener.accept()
        client.sendall(b"5")
        with client, accepted:
            most = b"\0" + b"1" * (64 << 10)
            assert rig.inbox(0).send(Arrival(accepted.fileno(), b"\3GET"))
            assert rig.inbox(0).send(Arrival(accepted.fileno(), most))
        rig.relay.update([2])
        await until(lambda: rig.relay.relayed_total == 2)
        first, second = rig.inbox(2).take(), rig.inbox(2).take()
        assert first is not None
        assert second is not None
        assert (first.known, second.known) == (b"\3GET", most)
        with socket.socket(fileno=first.fd) as connection:
            assert connection.recv(10) == b"5"
        os.close(second.fd)

    run(rig, scenario)


def test_full_inbox_means_the_next_worker_then_waiting(rig: Rig) -> None:
    async def scenario() -> None:
        devnull = os.open("/dev/null", os.O_RDONLY)
        for slot in (1, 2):
            while rig.inbox(slot).send(Arrival(devnull)):
                pass
        client = rig.connect()
        while rig.queued()[0] == 0:
            client = rig.connect()
        number = len(rig.clients) - 1
        rig.relay.update([1, 2])
        await until(lambda: rig.relay.parked > 0)
        assert client.fileno() >= 0
        while (found := rig.inbox(2).take()) is not None:  # this worker wakes up
            os.close(found.fd)
        await until(lambda: rig.relay.parked == 0 and rig.queued()[0] == 0)
        assert number in rig.taken(2), "the one that did not fit into the first went to the second"
        os.close(devnull)

    run(rig, scenario)


def test_passed_descriptors_are_closed_here_and_close_on_exec(rig: Rig) -> None:
    async def scenario() -> None:
        while rig.queued()[0] == 0:
            client = rig.connect()
        rig.relay.update([1])
        await until(lambda: rig.queued()[0] == 0)
        found: list[int] = []
        while (passed := rig.inbox(1).take()) is not None:
            assert not os.get_inheritable(passed.fd)
            found.append(passed.fd)
        for fd in found:
            os.close(fd)
        client.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b"", "nobody holds a duplicate any more"

    run(rig, scenario)


def test_a_released_source_is_not_watched_any_more(rig: Rig) -> None:
    """Its epoll entry would outlive our descriptor as long as a worker holds a duplicate."""

    async def scenario() -> None:
        held = [os.dup(sock.fileno()) for sock in rig.group.sockets]
        rig.relay.update([0])
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        fds = [sock.fileno() for sock in rig.group.sockets[1:]]
        rig.relay.close()
        assert not any(loop.remove_reader(fd) for fd in fds), "taken out before any close"
        for fd in held:
            os.close(fd)

    run(rig, scenario)


def test_out_of_descriptors(rig: Rig) -> None:
    async def scenario() -> None:
        while rig.queued()[0] < 3:
            rig.connect()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = os.dup(0)
        os.close(highest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
        try:
            rig.relay.update([1])
            await asyncio.sleep(0.1)
            assert rig.queued()[0] >= 3, "they wait"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await until(lambda: rig.queued()[0] == 0)

    run(rig, scenario)


async def answer(client: socket.socket) -> bytes:
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    data = b""
    while part := await loop.sock_recv(client, 4096):
        data += part
    return data


def test_after_the_queue_timeout_http_is_answered_503() -> None:
    rig = Rig(queue_timeout=0.05)

    async def scenario() -> None:
        early = rig.connect()
        early.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"x" * 100_000)  # closing must not reset it
        rig.relay.update([])
        for client in (early, rig.connect()):
            text = (await answer(client)).decode()
            assert text.startswith("HTTP/1.1 503 Service Unavailable\r\n")
            assert "\r\nRetry-After: 7\r\n" in text
            assert text.endswith('{"error":"no worker is ready, try again later"}\n')
        assert rig.refusal.total == 2
        rig.relay.update([0, 1, 2])
        rig.connect()
        await asyncio.sleep(0.05)
        assert sum(rig.queued()) == 1, "served again"

    run(rig, scenario)


def test_after_the_queue_timeout_grpc_is_closed() -> None:
    rig = Rig("grpc", queue_timeout=0.0)

    async def scenario() -> None:
        rig.relay.update([])
        client = socket.create_connection(("127.0.0.1", rig.group.port))
        assert await answer(client) == b""
        client.close()

    run(rig, scenario)


def test_refusals_are_bounded_and_end_with_silent_clients() -> None:
    async def scenario() -> None:
        refusal = Refusal(True, lambda: 1)
        pairs = [socket.socketpair() for _ in range(300)]
        for ours, _ in pairs:
            refusal.refuse(ours.detach())
        assert refusal.total == 300
        texts = [await answer(theirs) for _, theirs in pairs]
        assert sum(bool(text) for text in texts) == 256
        refusal.close()
        for _, theirs in pairs:
            theirs.close()

    asyncio.run(scenario())
