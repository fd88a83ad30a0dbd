"""Held sockets and steering, on real sockets of 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator

import pytest

from tritonfrontend.supervisor.options.spec import PortSpec
from tritonfrontend.supervisor.ports.sockets import PortError, PortGroup
from tritonfrontend.supervisor.ports.steering import MAX_SLOTS, Steering, program
from tritonfrontend.supervisor.protocol import listeners


@contextlib.contextmanager
def group(slots: int = 3, port: int = 0, address: str = "127.0.0.1") -> Iterator[PortGroup]:
    made = PortGroup(PortSpec("http", True, address, port), slots)
    try:
        yield made
    finally:
        made.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


def arrivals(made: PortGroup, count: int) -> Counter[int]:
    """Open `count` connections; how many came to which slot."""
    clients = [connect(made.port) for _ in range(count)]
    found: Counter[int] = Counter()
    for slot, sock in enumerate(made.sockets):
        with contextlib.suppress(BlockingIOError):
            while True:
                sock.accept()[0].close()  # the server closes first: TIME_WAIT is on its side
                found[slot] += 1
    for client in clients:
        client.close()
    assert found.total() == count
    return found


def test_reserved_but_refused_before_listen() -> None:
    with group() as made:
        with pytest.raises(ConnectionRefusedError):
            connect(made.port)
        with pytest.raises(PortError, match="already in use"), group(port=made.port):
            pass
        made.listen()
        connect(made.port).close()


def test_no_reuseaddr() -> None:
    with group(1) as made:
        assert not made.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        assert made.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
        assert not made.sockets[0].getblocking()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_second_group_is_refused(address: str) -> None:
    with group() as made:
        made.listen()
        with pytest.raises(PortError, match="already in use"), group(1, made.port, address):
            pass


def test_rebind_over_time_wait() -> None:
    with group() as made:
        made.listen()
        port = made.port
        arrivals(made, 10)
    with group(port=port) as again:
        again.listen()
        connect(port).close()


def test_outgoing_connection_on_the_port_is_no_free_port() -> None:
    """An ephemeral port in use by a client refuses even a shared bind: a clear error."""
    with socket.create_server(("127.0.0.1", 0)) as server, connect(server.getsockname()[1]) as one:
        port = one.getsockname()[1]
        with pytest.raises(PortError, match=f"http port {port} on 127.0.0.1"), group(port=port):
            pass


def test_refuse_keeps_the_port_reserved() -> None:
    with group() as made:
        made.listen()
        made.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(made.port)
        with pytest.raises(PortError), group(port=made.port):
            pass
        made.refuse()


@pytest.mark.parametrize(
    ("address", "text"),
    [("192.0.2.1", "no such address"), ("not.a.host.invalid", "cannot be resolved")],
)
def test_bad_addresses(address: str, text: str) -> None:
    with pytest.raises(PortError, match=text), group(address=address):
        pass


@pytest.mark.parametrize("ready", [[0], [2], [0, 2], [0, 1, 2]])
def test_steering_reaches_only_ready_slots(ready: list[int]) -> None:
    with group() as made:
        made.listen()
        steering = Steering()
        steering.update([made.sockets], ready)
        assert steering.mode == "cbpf"
        found = arrivals(made, 60)
        assert set(found) == set(ready)


def test_steering_follows_the_ready_set_and_survives_an_empty_one() -> None:
    with group() as made:
        made.listen()
        steering = Steering()
        steering.update([made.sockets], [0])
        steering.update([made.sockets], [])
        assert set(arrivals(made, 10)) == {0}
        steering.update([made.sockets], [1])
        assert set(arrivals(made, 10)) == {1}


def test_steering_falls_back_to_the_relay() -> None:
    with group() as made, socket.socket() as wrong:
        made.listen()
        steering = Steering()
        steering.update([made.sockets, [wrong]], [1])  # no SO_REUSEPORT: the kernel refuses
        assert steering.mode == "relay"
        assert len(arrivals(made, 100)) == 3  # the kernel's hash, as without a program
        steering.update([made.sockets], [2])
        assert steering.mode == "relay"
        assert len(arrivals(made, 100)) == 3


def test_inherited_listeners_refuse_in_every_process() -> None:
    with group(1) as made, tempfile.TemporaryFile() as file:
        made.listen()
        given = [os.dup(made.sockets[0].fileno()), file.fileno(), -1, 2**16]
        (inherited,) = listeners.opened(given)  # what is no socket is left alone
        with inherited:
            listeners.refuse(inherited)
            listeners.refuse(inherited)
        with pytest.raises(ConnectionRefusedError):
            connect(made.port)
        assert file.write(b"x") == 1


def test_program_is_bounded() -> None:
    assert len(program(list(range(MAX_SLOTS)))) < 4096
    for bad in ([], list(range(MAX_SLOTS + 1))):
        with pytest.raises(ValueError, match="ready slots"):
            program(bad)
