"""Connections that were accepted elsewhere, and the options for them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tritonfrontend import KServeHttp
from tritonfrontend.errors import InvalidArgumentError, UnavailableError

READY = b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def frontend(wide_server: Any) -> Iterator[KServeHttp]:
    with KServeHttp(wide_server, KServeHttp.Options(address="127.0.0.1", port=0)) as made:
        yield made


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, int]]:
    """A client, and the descriptor of the accepted end."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=60) as client,
    ):
        yield client, server.accept()[0].detach()


def read(client: socket.socket) -> bytes:
    data = b""
    while part := client.recv(4096):
        data += part
    return data


def test_adopted_connection_is_served(
    frontend: KServeHttp, connection: tuple[socket.socket, int]
) -> None:
    client, fd = connection
    client.sendall(READY)
    assert frontend.adopt(fd)
    assert read(client).startswith(b"HTTP/1.1 200 ")


def test_what_is_no_connection_is_closed(frontend: KServeHttp) -> None:
    fd = os.open("/dev/null", os.O_RDONLY)
    assert not frontend.adopt(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_a_stopped_frontend_leaves_the_descriptor_alone(
    wide_server: Any, connection: tuple[socket.socket, int]
) -> None:
    client, fd = connection
    with pytest.raises(UnavailableError, match="not running"):
        KServeHttp(wide_server).adopt(fd)
    os.close(fd)
    assert read(client) == b""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"inbox_fd": 12345}, "inbox_fd 12345"),
        ({"heartbeat_fd": 12345}, "heartbeat_fd 12345"),
        ({"handoff_peers": ["1:2:3"]}, "handoff_peers: expected three offsets"),
        ({"handoff_peers": ["1:2:3:4:5"]}, "handoff_peers: expected three offsets"),
        ({"handoff_peers": ["0:0:0:-1"]}, "handoff_peers: expected three offsets"),
        ({"handoff_peers": ["0:0:0:99999999999"]}, "handoff_peers: expected three offsets"),
    ],
)
def test_bad_options(wide_server: Any, options: dict[str, Any], text: str) -> None:
    made = KServeHttp(wide_server, KServeHttp.Options(address="127.0.0.1", port=0, **options))
    with pytest.raises(InvalidArgumentError, match=text):
        made.start()
