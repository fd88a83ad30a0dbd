"""10,000 connections that end half-way leave memory and descriptors where they were."""

from __future__ import annotations

import resource
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from certificates import Authority
from rawhttp import HOST, TIMEOUT_S, call
from streams import descriptors
from waiting import until

from tritonfrontend import KServeHttp

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

WAVE = 250
WAVES = 40  # of WAVE connections each: 10,000
INFER = b"POST /v2/models/identity_fp32/infer HTTP/1.1\r\n"
# A client's first flight, cut off: a record of 512 bytes of which 9 come.
HALF_HELLO = bytes.fromhex("16030102000100 01fc".replace(" ", ""))
HALVES = {
    "request line": INFER[:20],
    "header": INFER + b"Host: x\r\nContent-Le",
    "body": INFER + b"Content-Length: 500000\r\n\r\n" + b"x" * 3000,
    "chunk": INFER + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n" + b"x" * 1000,
    "handshake": HALF_HELLO,
}


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.fixture(scope="module")
def frontends(
    wide_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[KServeHttp, KServeHttp]]:
    """One in clear text, one with TLS."""
    identity = Authority(tmp_path_factory.mktemp("ca")).issue("server")
    clear = KServeHttp.Options(address=HOST, port=0)
    tls = KServeHttp.Options(
        address=HOST,
        port=0,
        use_ssl=True,
        server_cert=str(identity.cert),
        server_key=str(identity.key),
    )
    with KServeHttp(wide_server, clear) as one, KServeHttp(wide_server, tls) as two:
        yield one, two


def wave(frontend: KServeHttp, half: bytes) -> None:
    """WAVE connections at a time: all are open before the first is dropped."""
    sockets = []
    for _ in range(WAVE):
        sockets.append(socket.create_connection((HOST, frontend.port), TIMEOUT_S))
        sockets[-1].sendall(half)
    for number, connection in enumerate(sockets):
        if number % 2 == 1:  # with a reset instead of an orderly end
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    until(lambda: frontend.statistics()["connections"] == 0, "all connections are gone")


def test_ten_thousand_half_open_connections(frontends: tuple[KServeHttp, KServeHttp]) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft > 4 * WAVE, "too few descriptors for this test"
    clear, tls = frontends

    def run(name: str) -> None:
        wave(tls if name == "handshake" else clear, HALVES[name])

    for name in HALVES:  # what is allocated once, and kept, comes first
        run(name)
        run(name)
    files, memory = descriptors(), resident_bytes()
    for number in range(WAVES):
        run(list(HALVES)[number % len(HALVES)])
    until(lambda: descriptors() <= files, "every socket is closed")
    # A leak of 2 KB a connection would show as 20 MB; the allocator's own noise is below 10.
    assert resident_bytes() - memory < 10 << 20
    assert call(clear.port, "GET", "/v2/health/ready").status == 200
