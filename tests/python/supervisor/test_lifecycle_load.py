"""Stops, drains, restarts and reloads under the load of real clients: no request is lost."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clients import Load
from fault_report import FaultReport
from instance import DEADLINE, Instance, command, running, until

pytestmark = pytest.mark.faults

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", folder / "identity")
    return folder


def restart(instance: Instance, slot: int) -> None:
    before = instance.worker(slot)["generation"]
    instance.ask("restart", slot=slot)
    instance.wait("restarted", lambda s: s["workers"][slot]["generation"] > before)
    instance.wait_ready()


def more(load: Load, count: int) -> None:
    so_far = load.results["ok"]
    until(lambda: load.results["ok"] > so_far + count, "traffic")


def under_load(instance: Instance, act: Callable[[Load], Any], grpc: str = "grpc") -> Load:
    """`grpc`: which port speaks it."""
    instance.wait_ready()
    load = Load(instance.port("http"), instance.port(grpc))
    load.start(keep_alive=2, short=1, triton_http=1, unary=2, stream=1)
    try:
        until(lambda: load.results["ok"] > 200, "traffic")
        act(load)
    finally:
        load.stop()
    print(dict(load.by_kind))
    return load


@pytest.mark.parametrize(
    ("grpc", "number"),
    [("grpc", signal.SIGTERM), ("http", signal.SIGTERM), ("grpc", signal.SIGINT)],
)
def test_terminate_under_load(
    tmp_path: Path,
    repository: Path,
    grpc: str,
    number: signal.Signals,
    fault_report: FaultReport,
) -> None:
    """As a terminal sends it: to the whole group of processes."""
    one_port = f"--grpc-on-http-port={str(grpc == 'http').lower()}"
    flags = ("--model-repository", str(repository), one_port)
    with running(tmp_path, *flags, fake=False) as instance:

        def act(load: Load) -> None:
            os.killpg(instance.popen.pid, number)
            assert instance.popen.wait(DEADLINE) == 0
            until(lambda: load.results["refused"] > 10, "clients are refused")

        load = under_load(instance, act, grpc)
        fault_report.load(f"{number.name} to the supervisor under load", load)
        assert load.results["failed"] == 0, load.errors


def test_restarts_under_load(tmp_path: Path, repository: Path, fault_report: FaultReport) -> None:
    with running(tmp_path, "--model-repository", str(repository), fake=False) as instance:

        def act(load: Load) -> None:
            for number in range(4):
                restart(instance, number % 2)
                more(load, 100)

        load = under_load(instance, act)
        fault_report.load("restarts by the operator under load", load, restarts=4)
        assert load.results["failed"] == 0, load.errors
        assert load.results["refused"] == 0


@pytest.mark.parametrize("strategy", ["surge", "stop-start"])
def test_reloads_under_load(
    tmp_path: Path, repository: Path, strategy: str, fault_report: FaultReport
) -> None:
    flags = ("--model-repository", str(repository), f"--reload-strategy={strategy}")
    with running(tmp_path, *flags, fake=False) as instance:

        def act(load: Load) -> None:
            for _ in range(2):
                done = command(tmp_path, "reload", "--force")
                assert done.returncode == 0, done.stdout + done.stderr
                instance.wait_ready()
                more(load, 100)
            status = instance.status()
            assert status is not None
            assert [worker["generation"] for worker in status["workers"]] == [3, 3]

        load = under_load(instance, act)
        fault_report.load(f"rolling reload ({strategy}) under load", load, reloads=2)
        assert load.results["failed"] == 0, load.errors
        assert load.results["refused"] == 0


def test_one_slot_drained_and_filled_under_load(
    tmp_path: Path, repository: Path, fault_report: FaultReport
) -> None:
    with running(tmp_path, "--model-repository", str(repository), fake=False) as instance:

        def act(load: Load) -> None:
            instance.ask("drain", slot=1)
            instance.wait_state(1, "DISABLED")
            more(load, 100)
            instance.ask("undrain", slot=1)
            instance.wait_ready()
            more(load, 100)

        load = under_load(instance, act)
        fault_report.load("a worker drained and started under load", load)
        assert load.results["failed"] == 0, load.errors
        assert load.results["refused"] == 0
