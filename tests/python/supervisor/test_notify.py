"""The service manager's side of sd_notify, and what a running instance tells it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from instance import pids, running

from tritonfrontend.supervisor.system.notify import Notifier


def manager(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(address)
    sock.settimeout(60)
    return sock


@pytest.mark.parametrize("abstract", [False, True])
def test_messages(tmp_path: Path, abstract: bool) -> None:
    name = f"tfe-notify-{os.getpid()}" if abstract else str(tmp_path / "notify")
    environ = {"NOTIFY_SOCKET": f"@{name}" if abstract else name, "WATCHDOG_USEC": "3000000"}
    with manager(f"\0{name}" if abstract else name) as heard:
        one = Notifier.take(environ, os.getpid())
        assert environ == {}
        assert one.watchdog_seconds == 3.0
        one.ready()
        one.status("two\nlines")
        one.status("two\nlines")
        one.beat()
        one.stopping()
        one.close()
        one.ready()
        found = [heard.recv(100) for _ in range(4)]
        assert found == [b"READY=1", b"STATUS=two lines", b"WATCHDOG=1", b"STOPPING=1"]


@pytest.mark.parametrize("address", ["", "relative", "/no/such/socket", "@no-such-tfe"])
def test_no_manager(address: str) -> None:
    one = Notifier(address)
    one.ready()
    one.close()


@pytest.mark.parametrize(
    ("usec", "owner", "seconds"),
    [("2000000", "", 2.0), ("2000000", "1", 0.0), ("", "", 0.0), ("x", "", 0.0)],
)
def test_watchdog_is_for_the_process_it_names(usec: str, owner: str, seconds: float) -> None:
    environ = {"WATCHDOG_USEC": usec, "WATCHDOG_PID": owner}
    assert Notifier.take(environ, os.getpid() + 1).watchdog_seconds == seconds


def test_a_manager_that_does_not_read(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with manager(path):
        one = Notifier(path)
        for _ in range(10_000):
            one.beat()
        one.close()


def test_a_running_instance(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with manager(path) as heard:
        environ = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}
        with running(tmp_path, **environ) as instance:
            found: list[str] = []

            def hear(wanted: str) -> None:
                while wanted not in found:
                    found.append(heard.recv(1000).decode())

            hear("READY=1")
            hear("WATCHDOG=1")
            hear("STATUS=ready: 2 of 2 workers ready")
            for pid in pids(instance.wait_ready()):
                assert b"NOTIFY_SOCKET" not in Path(f"/proc/{pid}/environ").read_bytes()
            assert instance.stop() == 0
            hear("STOPPING=1")
