"""A worker dies with connections in its inbox that it has not read: somebody else serves them."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from fault_report import FaultReport
from handed import ask, take_answer
from instance import Instance, pids, running, until
from other_process import ANNOUNCED, OPEN, cell

pytestmark = pytest.mark.faults

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"
CLIENTS = 50
#: Nobody notices that a worker is stopped, so that it is given connections all the same.
BLIND = ("--suspect-after=0", "--hang-timeout=0")


def serve(tmp_path: Path, *flags: str) -> Any:
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    return running(tmp_path, "--model-repository", str(repository), *BLIND, *flags, fake=False)


def page(slot: int) -> int:
    """Of its HTTP frontend in its first generation: two pages each for two ports."""
    return 4 * slot + 1


def kill_and_collect(instance: Instance, victim: int, clients: list[Any]) -> None:
    os.kill(victim, signal.SIGKILL)
    statuses = [take_answer(client) for client in clients]
    assert statuses == [200] * CLIENTS
    instance.wait("restarted", lambda s: s["workers"][1]["generation"] == 2)
    instance.wait_state(1, "READY")


@pytest.mark.parametrize("giver_lives", [True, False])
def test_handed_over_by_another_worker(
    tmp_path: Path, giver_lives: bool, fault_report: FaultReport
) -> None:
    """They outlive even the death of both."""
    with serve(tmp_path, "--http-handoff-slack=1", "--queue-timeout=60") as instance:
        workers = pids(instance.wait_ready())
        os.kill(workers[1], signal.SIGSTOP)
        clients = [ask(instance.port("http")) for _ in range(CLIENTS)]
        handed = until(lambda: cell(workers[1], page(1), ANNOUNCED), "some are handed over")
        until(lambda: cell(workers[0], page(0), OPEN) == 0, "the rest is answered")
        if not giver_lives:
            os.kill(workers[0], signal.SIGKILL)
        kill_and_collect(instance, workers[1], clients)
        fault = "death with unread connections, " + ("handed over" if giver_lives else "giver too")
        fault_report.row(fault, sent=CLIENTS, failed=0, refused=0, unread=handed)


def test_relayed_by_the_supervisor(tmp_path: Path, fault_report: FaultReport) -> None:
    """The kernel spreads over all slots; what reaches the empty one is passed on by us."""
    with serve(tmp_path, "--devices=cpu:3", "--steering=false") as instance:
        workers = pids(instance.wait_ready())
        instance.ask("drain", slot=2)
        instance.wait_state(2, "DISABLED")
        os.kill(workers[1], signal.SIGSTOP)
        clients = [ask(instance.port("http")) for _ in range(CLIENTS)]

        def relayed() -> int:
            status = instance.status()
            assert status is not None
            return int(status["supervisor"]["relayed_total"])

        first = until(relayed, "some are relayed")
        kill_and_collect(instance, workers[1], clients)
        fault = "death with unread connections, relayed"
        counts = {"relayed_before": first, "after": relayed()}
        fault_report.row(fault, sent=CLIENTS, failed=0, refused=0, **counts)
        assert relayed() > first, "the inbox of the dead worker was emptied into another"
