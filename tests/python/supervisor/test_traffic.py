"""What one supervisor leaves of its connections to the next."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from test_settings import options

from tritonfrontend.supervisor.ports.sockets import PortGroup
from tritonfrontend.supervisor.ports.traffic import Traffic, TrafficState
from tritonfrontend.supervisor.protocol.inbox import Arrival
from tritonfrontend.supervisor.system.records import dump, load


def copied(state: TrafficState) -> TrafficState:
    """With descriptors of its own, as if it were another process."""
    inboxes = {
        port: [(os.dup(sender), os.dup(receiver)) for sender, receiver in pairs]
        for port, pairs in state.inboxes.items()
    }
    parked = [(port, os.dup(fd)) for port, fd in state.parked]
    return replace(state, inboxes=inboxes, table_fd=os.dup(state.table_fd), parked=parked)


@pytest.mark.parametrize("old", [False, True])
def test_what_is_parked_is_not_lost(tmp_path: Path, old: bool) -> None:
    async def scenario() -> None:
        serve = options(tmp_path, "--devices=cpu:2", "--http-port=0", "--grpc-port=0")
        ports = {port.name: PortGroup(port, 2) for port in serve.worker_ports}
        traffic = Traffic(serve, ports, 2, lambda: 1)
        parked = [("http", Arrival(os.dup(0), b"\2GET /")), ("grpc", Arrival(os.dup(0)))]
        traffic.relay.resume(7, parked)
        raw = json.loads(json.dumps(dump(traffic.saved())))
        if old:  # written by a version that did not know of bytes
            del raw["known"]
        successor = Traffic(serve, ports, 2, lambda: 1, copied(load(TrafficState, raw)))
        found = [(port, connection.known) for port, connection in successor.relay.waiting]
        assert found == [("http", b"\0" if old else b"\2GET /"), ("grpc", b"\0")]
        assert successor.relay.relayed_total == 7
        for each in (traffic, successor):
            each.close()
        for group in ports.values():
            group.close()

    asyncio.run(scenario())
