"""A hundred thousand requests over reloads and a stop; what the supervisor costs when idle."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from clients import Load
from fault_report import FaultReport
from instance import command, running, until

from tritonfrontend.supervisor.system import procfs

pytestmark = pytest.mark.faults

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"
REQUESTS = 100_000
IDLE_SECONDS = 60


@pytest.fixture
def repository(tmp_path: Path) -> str:
    shutil.copytree(EXAMPLES / "identity", tmp_path / "repository" / "identity")
    return f"--model-repository={tmp_path / 'repository'}"


def test_reloads_and_a_stop_lose_none_of_100000(
    tmp_path: Path, repository: str, fault_report: FaultReport
) -> None:
    reloads = 0
    with running(tmp_path, repository, fake=False) as instance:
        instance.wait_ready()
        load = Load(instance.port("http"), instance.port("grpc"))
        load.start(keep_alive=3, short=2, triton_http=1, unary=2, stream=1)
        try:
            while load.results["ok"] + load.results["failed"] < REQUESTS:
                done = command(tmp_path, "reload", "--force")
                assert done.returncode == 0, done.stdout + done.stderr
                instance.wait_ready()
                reloads += 1
            refused = load.results["refused"]
            assert instance.stop() == 0
            until(lambda: load.results["refused"] > refused + 10, "clients are refused")
        finally:
            load.stop()
        fault_report.load(
            "rolling reloads, then SIGTERM, under load",
            load,
            reloads=reloads,
            refused_before_the_stop=refused,
        )
        assert load.results["failed"] == 0, load.errors
        assert refused == 0


def test_idle_supervisor_with_eight_workers(
    tmp_path: Path, repository: str, fault_report: FaultReport
) -> None:
    with running(tmp_path, repository, "--devices=cpu:8", fake=False) as instance:
        instance.wait_ready()
        pid = instance.popen.pid
        before, begin = _cpu_seconds(pid), time.monotonic()
        time.sleep(IDLE_SECONDS)
        share = (_cpu_seconds(pid) - before) / (time.monotonic() - begin)
        fault_report.row(
            "idle with 8 workers",
            cpu_percent_of_a_core=share * 100,
            rss_mb=_memory(pid, "Rss"),
            pss_mb=_memory(pid, "Pss"),
        )
        status = instance.status()
        assert status is not None
        found = [(worker["state"], worker["generation"]) for worker in status["workers"]]
        assert found == [("READY", 1)] * 8


def _cpu_seconds(pid: int) -> float:
    found = procfs.cpu_seconds(pid)
    assert found is not None
    return found


def _memory(pid: int, kind: str) -> float:
    """Megabytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise AssertionError(kind)
