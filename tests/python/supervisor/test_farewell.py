"""A listener that turns new clients away keeps those it already has."""

from __future__ import annotations

import errno
import select
import socket

import pytest

from tritonfrontend.supervisor.ports.farewell import turn_away


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_turned_away(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        listener.listen()
        address = listener.getsockname()
        queued = socket.create_connection(address[:2], 10)
        if not turn_away(listener):
            pytest.skip("no socket filters here")
        late = socket.socket(family)
        late.setblocking(False)
        with queued, late:
            assert late.connect_ex(address) != 0  # its SYN is on the way, and dropped
            accepted, _ = listener.accept()
            with accepted:
                queued.sendall(b"asked")
                assert accepted.recv(10) == b"asked"
                accepted.sendall(b"answered")
                assert queued.recv(10) == b"answered"
            listener.close()
            assert select.select([], [late], [], 30)[1]  # its second try
            assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def test_not_a_socket() -> None:
    sock = socket.socket()
    sock.close()
    assert not turn_away(sock)
