"""Real workers that run out of descriptors: their clients find another, or wait."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from closed_loop import INFER, Load
from fault_report import FaultReport
from handed import ask, take_answer
from instance import get, pids, running, until

pytestmark = pytest.mark.faults

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"


def serve(tmp_path: Path, *flags: str) -> Any:
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    return running(tmp_path, "--model-repository", str(repository), *flags, fake=False)


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@contextlib.contextmanager
def limited(pid: int, descriptors: int) -> Iterator[None]:
    """The process may have so many descriptors."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_worker_without_descriptors_is_relieved_until_it_has_some(
    tmp_path: Path, fault_report: FaultReport
) -> None:
    with serve(tmp_path) as instance:
        victim = pids(instance.wait_ready())[0]
        with Load(instance.port("http"), 8, INFER) as load:
            with limited(victim, open_files(victim)):
                suspect = instance.wait_state(0, "SUSPECT")
                assert suspect["reason"].endswith(" has no descriptors left")
                for _ in range(5):
                    load.more(200)
                    assert "nv_inference_request_success" in get(
                        instance.port("metrics"), "/metrics"
                    )
                    now = instance.worker(0)
                    assert (now["state"], now["since"]) == ("SUSPECT", suspect["since"])
            instance.wait_state(0, "READY")
            load.more(200)
        fault_report.load("worker without descriptors", load)
        assert load.results.keys() == {"ok"}
        assert instance.worker(0)["generation"] == 1


def test_clients_that_fill_a_worker_find_room_in_another(
    tmp_path: Path, fault_report: FaultReport
) -> None:
    """Its last descriptors stay free for the backends."""
    with serve(tmp_path) as instance, contextlib.ExitStack() as stack:
        victim = pids(instance.wait_ready())[0]
        port, limit = instance.port("http"), open_files(victim) + 16 + 20
        with limited(victim, limit):
            clients = [stack.enter_context(ask(port, keep=True)) for _ in range(120)]
            for client in clients:
                assert take_answer(client, keep=True) == 200
            suspect = instance.wait_state(0, "SUSPECT")
            assert suspect["reason"].endswith(" has no descriptors left")
            left = limit - open_files(victim)
            fault_report.row("clients that fill a worker", sent=120, failed=0, left=left)
            assert left > 8
            for client in clients:
                client.close()
            instance.wait_state(0, "READY")
        assert instance.worker(0)["generation"] == 1


def test_alone_it_makes_its_clients_wait(tmp_path: Path) -> None:
    with serve(tmp_path, "--devices=cpu:1") as instance:
        victim = pids(instance.wait_ready())[0]
        port = instance.port("http")
        with limited(victim, open_files(victim)):
            until(lambda: "cannot accept connections" in instance.text(), "it says so")
            clients = [ask(port) for _ in range(20)]
            for client in clients:
                client.settimeout(0.05)
                with pytest.raises(TimeoutError):
                    client.recv(1)
            assert instance.worker(0)["state"] == "READY", "there is nobody else"
        assert [take_answer(client) for client in clients] == [200] * len(clients)
