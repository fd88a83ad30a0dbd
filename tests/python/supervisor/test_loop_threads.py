"""One event loop of several stands still or spins; the rest of its worker runs. Real Triton."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import one_thread
import pytest
from closed_loop import INFER, Load
from fault_report import FaultReport
from instance import pids, until
from other_process import thread_named
from test_liveness_triton import serve

from tritonfrontend.supervisor.system import procfs

pytestmark = pytest.mark.faults

_CLIENTS = 8
_FLAGS = ("--devices=cpu:2", "--http-thread-count=2")


def silent(worker: dict[str, Any], loop: str) -> bool:
    """The worker is suspect, and this loop has not beaten for long: a busy machine silences any of
    them for a moment.
    """
    name, number = loop.lower().split("-")
    ages = worker["beat_age_ms"][name]
    return worker["state"] == "SUSPECT" and len(ages) > int(number) and ages[int(number)] > 1000


@pytest.mark.parametrize("loop", ["HTTP-1", "GRPC-0"])
def test_a_loop_that_is_held_makes_its_worker_suspect(
    tmp_path: Path, loop: str, fault_report: FaultReport
) -> None:
    with serve(tmp_path, *_FLAGS, "--hang-timeout=60") as instance:
        victim = pids(instance.wait_ready())[1]
        thread = thread_named(victim, f"tfe-{loop}")
        with Load(instance.port("http"), _CLIENTS, INFER) as load:
            one_thread.hold(thread)
            try:
                instance.wait("suspicion", lambda s: silent(s["workers"][1], loop))
                load.more(300)
            finally:
                one_thread.release(thread)
            instance.wait_state(1, "READY")
            load.more(100)
        fault_report.load(f"event loop {loop} stands still", load)
        assert load.results.keys() == {"ok"}
        assert instance.worker(1)["generation"] == 1


def test_a_loop_that_spins_is_the_end_of_its_worker(
    tmp_path: Path, fault_report: FaultReport
) -> None:
    with serve(tmp_path, *_FLAGS, "--hang-timeout=4") as instance:
        victim = pids(instance.wait_ready())[0]
        thread = thread_named(victim, "tfe-HTTP-0")
        with Load(instance.port("http"), _CLIENTS, INFER) as load:
            one_thread.spin(victim, thread)
            instance.wait("suspicion", lambda s: silent(s["workers"][0], "HTTP-0"))
            load.more(100)  # by the other worker
            instance.wait("a successor", lambda s: s["workers"][0]["generation"] >= 2)
            instance.wait_ready()
            load.more(100)
        fault_report.load("event loop HTTP-0 spins", load, clients=_CLIENTS)
        last = instance.worker(0)["last_exit"]
        assert last["reason"].startswith("http loop 0 hangs: silent for")
        until(lambda: procfs.stat(victim) is None, "the victim is gone")
        assert load.results.keys() <= {"ok", "failed"}
        assert load.failed <= _CLIENTS  # each may have had one request on the spinning loop
