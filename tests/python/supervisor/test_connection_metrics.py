"""The counters of relayed and of refused connections are those of what happened. Workers are
stand-ins, which count for themselves what they were given.
"""

from __future__ import annotations

import re
import socket
import urllib.error
from pathlib import Path

import pytest
from instance import Instance, command, get, pids, raw_status, running

CLIENTS = 30
_RELAYED = "tritonfrontend_relayed_connections_total"
_REFUSED = "tritonfrontend_refused_connections_total"


def value(instance: Instance, sample: str) -> int:
    page = get(instance.port("metrics"), "/metrics")
    found = re.findall(rf"^{re.escape(sample)} (\d+)$", page, re.MULTILINE)
    assert len(found) == 1, page
    return int(found[0])


def test_relayed_connections(tmp_path: Path) -> None:
    """The kernel spreads over both slots; what reaches the empty one is passed on."""
    with running(tmp_path, "--steering=false") as instance:
        server = pids(instance.wait_ready())[0]
        port = instance.port("http")
        assert value(instance, _RELAYED) == 0
        assert command(tmp_path, "drain", "1").returncode == 0
        instance.wait_state(1, "DISABLED")
        assert {int(get(port)) for _ in range(CLIENTS)} == {server}
        assert raw_status(tmp_path)["supervisor"]["steering"] == "relay"
        relayed = value(instance, _RELAYED)
        assert relayed == value(instance, 'relayed{worker="0"}') > 0
        assert relayed < CLIENTS
        assert value(instance, _REFUSED + '{port="http"}') == 0


def test_refused_connections(tmp_path: Path) -> None:
    with running(tmp_path, "--queue-timeout=0.1") as instance:
        instance.wait_ready()
        for slot in ("0", "1"):
            assert command(tmp_path, "drain", slot).returncode == 0
            instance.wait_state(int(slot), "DISABLED")
        for _ in range(3):
            with pytest.raises(urllib.error.HTTPError, match="503"):
                get(instance.port("http"))
        for _ in range(2):
            address = ("127.0.0.1", instance.port("grpc"))
            with socket.create_connection(address, timeout=20) as client:
                assert client.recv(1) == b""
        assert value(instance, _REFUSED + '{port="http"}') == 3
        assert value(instance, _REFUSED + '{port="grpc"}') == 2
        assert value(instance, _RELAYED) == 0
