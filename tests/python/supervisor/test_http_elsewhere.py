"""HTTP clients of a worker that has lost one of its models: another takes their connections."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from fault_report import FaultReport
from instance import until
from other_process import ANNOUNCED, OPEN, cell, descriptors, stopped
from sick_model import INFER, Victim, started

pytestmark = pytest.mark.faults

_CLIENTS = 16
#: So many that a worker's inbox has no room for the requests of half of them.
_CROWD = 300
#: So much that it does not come at once.
_LARGE = json.dumps(
    {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [100_000], "data": [7] * 100_000}]}
)
#: Everything that a model can be asked for over HTTP.
_REQUESTS = [
    ("infer", INFER),
    ("generate", '{"INPUT0": 7.0}'),
    ("generate_stream", '{"INPUT0": 7.0}'),
    ("versions/1/infer", _LARGE),
]


@contextlib.contextmanager
def connections(
    port: int, tls: ssl.SSLContext | None = None, count: int = _CLIENTS
) -> Iterator[list[Any]]:
    """Each is kept alive, and has been answered."""
    made = [
        http.client.HTTPSConnection("localhost", port, timeout=60, context=tls)
        if tls is not None
        else http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(count)
    ]
    try:
        for each in made:
            assert ask(each)[0] == 200
        yield made
    finally:
        for each in made:
            each.close()


def ask(connection: Any, kind: str = "infer", body: str = INFER) -> tuple[int, Any, bytes]:
    send(connection, kind, body)
    return take(connection)


def send(connection: Any, kind: str = "infer", body: str = INFER) -> None:
    connection.request("POST", f"/v2/models/echo/{kind}", body)


def take(connection: Any) -> tuple[int, Any, bytes]:
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def served(connection: Any) -> bool:
    return ask(connection)[0] == 200


def break_it(victim: Victim, number: signal.Signals) -> int:
    """The model of worker 0. The pid of its stub."""
    stub = victim.stub
    victim.fall_sick()
    os.kill(stub, number)
    victim.instance.wait_state(0, "DEGRADED")
    return stub


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_no_request_fails(
    victim: Victim, number: signal.Signals, fault_report: FaultReport
) -> None:
    instance = victim.instance
    with connections(instance.port("http")) as clients:
        sockets = [each.sock for each in clients]
        stub = break_it(victim, number)
        answers = [ask(each, *_REQUESTS[i % 4]) for i, each in enumerate(clients)]
        statuses = [status for status, _, _ in answers]
        statuses += [ask(each)[0] for _ in range(20) for each in clients]
        fault_report.row(
            f"{number.name} of all stubs of a model, HTTP",
            sent=len(statuses),
            failed=len(statuses) - statuses.count(200),
            refused=0,
        )
        assert set(statuses) == {200}, answers
        assert all(b"7.0" in body for _, _, body in answers)
        assert [each.sock for each in clients] == sockets, "the client has seen nothing of it"
        victim.cure()
        if number == signal.SIGSTOP:
            os.kill(stub, signal.SIGCONT)
        instance.wait_ready()
        assert [ask(each)[0] for each in clients] == [200] * _CLIENTS


def test_more_at_once_than_find_room(victim: Victim, fault_report: FaultReport) -> None:
    """They wait for it a moment."""
    body = json.dumps(
        {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1500], "data": [7] * 1500}]}
    )
    with connections(victim.instance.port("http"), count=_CROWD) as clients:
        break_it(victim, signal.SIGKILL)
        for each in clients:
            send(each, body=body)
        answers = [take(each) for each in clients]
        statuses = [status for status, _, _ in answers]
        fault_report.row(
            "SIGKILL of all stubs of a model, many HTTP clients at once",
            sent=len(statuses),
            failed=len(statuses) - statuses.count(200),
            refused=0,
        )
        assert set(statuses) == {200}, [body for status, _, body in answers if status != 200]
        victim.cure()
        victim.instance.wait_ready()


def test_a_receiver_that_dies_before_it_looks(
    tmp_path: Path, sick: Path, fault_report: FaultReport
) -> None:
    """The first part of a request has been read by the one worker, and lies before the other."""
    blind = ("--suspect-after=0", "--hang-timeout=0")  # nobody notices that a worker is stopped
    with started(tmp_path, sick, "--devices=cpu:3", *blind) as instance:
        victim = Victim(instance, sick)
        pids = [worker["pid"] for worker in instance.wait_ready()["workers"]]
        with connections(instance.port("http")) as clients:
            mine, others = of(pids[0], clients), of(pids[1], clients)
            assert mine, "at random, but for one case in some hundred"
            for each in others:
                each.close()
            until(lambda: cell(pids[1], page(1), OPEN) == 0, "it is the least busy")
            break_it(victim, signal.SIGKILL)
            os.kill(pids[1], signal.SIGSTOP)
            until(partial(stopped, pids[1]), "stopped")
            for each in mine:
                send(each)
            until(lambda: cell(pids[0], page(0), OPEN) == 0, "all have gone")
            unread = cell(pids[0], page(1), ANNOUNCED)
            os.kill(pids[1], signal.SIGKILL)
            statuses = [take(each)[0] for each in mine]
            fault_report.row(
                "a worker dies with HTTP requests unread that another gave it",
                sent=len(mine),
                failed=len(mine) - statuses.count(200),
                refused=0,
                unread=unread,
            )
            assert unread > 0
            assert set(statuses) == {200}
        victim.cure()
        instance.wait_ready()
        victim.close()


def page(slot: int) -> int:
    """Of its HTTP frontend in its first generation: two pages each for two ports."""
    return 4 * slot + 1


def of(pid: int, clients: list[Any]) -> list[Any]:
    """Those of `clients` whose other end that worker has."""
    held = set(descriptors(pid).values())
    inodes = {}
    with open("/proc/net/tcp") as table:
        for line in table:
            fields = line.split()
            inodes[fields[1], fields[2]] = fields[9]  # by its own address and that of the far end
    ends = {each: (tcp(each.sock.getpeername()), tcp(each.sock.getsockname())) for each in clients}
    return [each for each in clients if f"socket:[{inodes[ends[each]]}]" in held]


def tcp(address: tuple[str, int]) -> str:
    """As /proc/net/tcp spells it: the four bytes as a number of the machine."""
    (number,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{number:08X}:{address[1]:04X}"


def test_with_tls_a_client_is_sent_elsewhere(
    tmp_path: Path, sick: Path, fault_report: FaultReport
) -> None:
    """What TLS has agreed on cannot be given away: each connection ends once, with that word."""
    authority = Authority(tmp_path)
    server = authority.issue("server")
    files = (f"--http-server-cert={server.cert}", f"--http-server-key={server.key}")
    with started(tmp_path, sick, "--devices=cpu:2", "--http-use-ssl", *files) as instance:
        victim = Victim(instance, sick)
        trust = ssl.create_default_context(cafile=str(authority.cert))
        with connections(instance.port("http"), trust) as clients:
            stub = break_it(victim, signal.SIGSTOP)
            refused = []
            for client in clients:
                status, headers, body = ask(client)
                if status != 200:
                    refused.append(json.loads(body)["error"])
                    words = (status, headers["Retry-After"], headers["Connection"])
                    assert words == (503, "1", "close")
                    until(partial(served, client), "served elsewhere")
                    assert client.sock is not None, "and there it stays"
                assert [ask(client)[0] for _ in range(20)] == [200] * 20
            fault_report.row(
                "SIGSTOP of all stubs of a model, HTTP with TLS",
                sent=_CLIENTS * 21 + len(refused),
                failed=0,
                refused=len(refused),
            )
            assert set(refused) == {
                "model 'echo' is unavailable on this worker: "
                "its Python stubs are stopped by a signal; another worker serves it"
            }
            victim.cure()
            os.kill(stub, signal.SIGCONT)
        instance.wait_ready()
        victim.close()
