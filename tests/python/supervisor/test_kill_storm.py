"""Workers that are killed while they load, or faster than they can load. Real Triton."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from closed_loop import INFER, Load, kill_and_count
from fault_report import FaultReport
from instance import Instance, alive, run_id_of, until
from test_liveness_triton import serve
from test_real_triton import add_model, assert_nothing_left, family

from tritonfrontend.supervisor.system import procfs

pytestmark = pytest.mark.faults

#: Takes two seconds to load, or as long as a file is there.
LOADS_TWO_SECONDS = """
import os, time
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def initialize(self, args):
        time.sleep(2)
        while os.path.exists({path!r}):
            time.sleep(0.05)
    def execute(self, requests):
        return [pb_utils.InferenceResponse([]) for _ in requests]
"""
_PERIOD = 0.35


def serve_slowly(tmp_path: Path, gate: Path, *flags: str) -> Any:
    repository = tmp_path / "more"
    add_model(repository, "slow", LOADS_TWO_SECONDS.format(path=str(gate)))
    return serve(tmp_path, "--model-repository", str(repository), *flags)


def test_killed_while_it_loads(tmp_path: Path, fault_report: FaultReport) -> None:
    """Twice; nothing of it is left, and the clients of the other worker notice nothing."""
    gate = tmp_path / "gate"
    with serve_slowly(tmp_path, gate, "--devices=cpu:2") as instance:
        status = instance.wait_ready()
        with Load(instance.port("http"), 6, INFER) as load:
            gate.touch()
            instance.ask("restart", slot=1)
            for generation in (2, 3):

                def loads(status: dict[str, Any], generation: int = generation) -> bool:
                    worker = status["workers"][1]
                    return (worker["state"], worker["generation"]) == ("LOADING", generation)

                victim = instance.wait("loading", loads)["workers"][1]["pid"]
                until(lambda: len(procfs.session_members(victim)) > 2, "stubs")  # noqa: B023
                helpers = [member.pid for member in procfs.session_members(victim)]
                os.kill(victim, signal.SIGKILL)
                until(lambda: not any(map(alive, helpers)), "its stubs are gone")  # noqa: B023
                load.more(100)
            gate.unlink()
            status = instance.wait_ready()
            load.more(100)
        fault_report.load("SIGKILL while it loads", load, kills=2)
        assert load.results.keys() == {"ok"}
        last = status["workers"][1]["last_exit"]
        assert last["signal"] == signal.SIGKILL
        pids = family(status)
        assert instance.stop() == 0
        assert_nothing_left(pids, run_id_of(status))


def kill_some(instance: Instance, kills: int) -> int:
    """SIGKILL one worker after the other. How many connections they had accepted."""
    accepted = 0
    for number in range(kills):
        slot = number % 2
        status = instance.status()
        victim = status["workers"][slot]["pid"] if status else None
        if victim is not None and alive(victim):
            # One that has just been executed has no page yet, and no client.
            with contextlib.suppress(OSError, AssertionError):
                accepted += kill_and_count(victim, slot)
        time.sleep(_PERIOD)
    return accepted


def test_killed_faster_than_they_load(tmp_path: Path, fault_report: FaultReport) -> None:
    """Most of the time nobody is ready. Clients wait in queues; none is refused or lost there."""
    gate = tmp_path / "gate"
    flags = ["--devices=cpu:2", "--restart-limit=0", "--restart-delay=0.05"]
    flags += ["--restart-max-delay=0.1", "--queue-timeout=120"]
    with serve_slowly(tmp_path, gate, *flags) as instance:
        instance.wait_ready()
        accepted = 0
        with Load(instance.port("http"), 6, INFER) as load:
            for _ in range(3):
                accepted += kill_some(instance, 10)
                load.more(50)
            status = instance.wait_ready()
            load.more(50)
        name = f"SIGKILL every {_PERIOD} s, loading takes 2 s"
        fault_report.load(name, load, kills=30, accepted_by_victims=accepted)
        assert load.results.keys() <= {"ok", "failed"}
        assert load.failed <= accepted
        pids = family(status)
        assert instance.stop() == 0
        assert_nothing_left(pids, run_id_of(status))
