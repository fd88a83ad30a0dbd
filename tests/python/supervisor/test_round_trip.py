"""Stops and restarts while every packet of a client takes 10 ms each way.

On the loopback device a handshake ends before anybody can leave between its packets; here it does
not, and a connection may reach the queue of a worker that was steered away from meanwhile.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from closed_loop import INFER, Load
from delayed_network import HERE, DelayedNetwork, delayed_network
from fault_report import FaultReport
from instance import Instance, command, running, until

pytestmark = pytest.mark.faults

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"
ROUND_TRIP = 0.02


@pytest.fixture
def network() -> Iterator[DelayedNetwork]:
    try:
        context = delayed_network(ROUND_TRIP)
        made = context.__enter__()
    except OSError as error:
        pytest.skip(f"no network with a delay can be made here (needs root and tun): {error}")
    yield made
    context.__exit__(None, None, None)


def serve(tmp_path: Path) -> Any:
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    flags = ("--model-repository", str(repository), f"--http-address={HERE}")
    return running(tmp_path, *flags, fake=False)


def load_of(instance: Instance, network: DelayedNetwork) -> Load:
    return Load(instance.port("http"), 12, INFER, host=HERE, begin=network.enter)


def test_graceful_stop_loses_nobody(
    tmp_path: Path, network: DelayedNetwork, fault_report: FaultReport
) -> None:
    with serve(tmp_path) as instance:
        instance.wait_ready()
        with load_of(instance, network) as load:
            load.more(200)
            assert instance.stop() == 0
            until(lambda: load.results["refused"] > 10, "clients are refused")
        fault_report.load("SIGTERM to the supervisor, round trip 20 ms", load)
        assert load.failed == 0, load.errors
        assert load.results.keys() == {"ok", "refused"}


def test_restarts_lose_nobody(
    tmp_path: Path, network: DelayedNetwork, fault_report: FaultReport
) -> None:
    with serve(tmp_path) as instance:
        instance.wait_ready()
        with load_of(instance, network) as load:
            for number in range(4):
                slot = number % 2
                before = instance.worker(slot)["generation"]
                instance.ask("restart", slot=slot)
                until(lambda: instance.worker(slot)["generation"] > before, "restart")  # noqa: B023
                instance.wait_ready()
                load.more(50)
            done = command(tmp_path, "reload", "--force")
            assert done.returncode == 0, done.stdout + done.stderr
            instance.wait_ready()
            load.more(50)
        fault_report.load("restarts and reload, round trip 20 ms", load, restarts=4, reloads=1)
        assert load.results.keys() == {"ok"}, load.errors
