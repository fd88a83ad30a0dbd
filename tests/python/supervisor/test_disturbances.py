"""What must not disturb: restarts the counters, a second instance the traffic, a pause of the
supervisor its workers. Real workers.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from closed_loop import INFER, Load
from fault_report import FaultReport
from instance import DEADLINE, Instance, get, pids, running

pytestmark = pytest.mark.faults

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"
_SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


def models(tmp_path: Path) -> Path:
    repository = tmp_path / "repository"
    if not repository.exists():
        shutil.copytree(EXAMPLES / "identity", repository / "identity")
    return repository


def serve(tmp_path: Path, *flags: str) -> Any:
    return running(tmp_path, "--model-repository", str(models(tmp_path)), *flags, fake=False)


# -- counters ------------------------------------------------------------------------------


def counters(instance: Instance) -> dict[str, float]:
    """Every series of the public page that may only grow."""
    page = get(instance.port("metrics"), "/metrics")
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    found = {}
    for name, labels, value in _SERIES.findall(page):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if kinds.get(name) == "counter" or kinds.get(base) == "histogram":
            found[f"{name}{{{labels}}}"] = float(value)
    return found


class Scraper:
    """Scrapes without a pause; `shrunk` are the series that went back or vanished."""

    def __init__(self, instance: Instance) -> None:
        self.scrapes = 0
        self.shrunk: list[str] = []
        self.last = counters(instance)
        self._instance = instance
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Scraper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.is_set():
            now = counters(self._instance)
            for series, value in self.last.items():
                if now.get(series, -1.0) < value:
                    self.shrunk.append(f"{series}: {value} -> {now.get(series)}")
            self.last = now
            self.scrapes += 1


def test_counters_only_grow_over_kills_and_restarts(
    tmp_path: Path, fault_report: FaultReport
) -> None:
    with serve(tmp_path) as instance:
        instance.wait_ready()
        with Load(instance.port("http"), 6, INFER) as load:
            load.more(200)
            with Scraper(instance) as scraper:
                os.kill(instance.worker(0)["pid"], signal.SIGKILL)
                instance.wait("restarted", lambda s: s["workers"][0]["generation"] == 2)
                instance.wait_ready()
                load.more(100)
                instance.ask("restart", slot=1)
                instance.wait("restarted", lambda s: s["workers"][1]["generation"] == 2)
                instance.wait_ready()
                load.more(100)
        series = 'nv_inference_request_success{model="identity",version="1",worker="%d"}'
        answered = sum(scraper.last[series % worker] for worker in (0, 1))
        fault = "counters over a SIGKILL and a restart"
        counts = {"scrapes": scraper.scrapes, "counted": int(answered)}
        fault_report.load(fault, load, series_that_shrank=len(scraper.shrunk), **counts)
        assert scraper.shrunk == []
        assert scraper.scrapes > 10
        assert answered >= 300, "what a generation counted outlives it"


# -- a second instance ---------------------------------------------------------------------


def test_second_instance_leaves_the_traffic_alone(
    tmp_path: Path, fault_report: FaultReport
) -> None:
    with serve(tmp_path) as instance:
        workers = pids(instance.wait_ready())
        port = instance.port("http")
        with Load(port, 6, INFER) as load:
            for flags in (["--name=two"], [], ["--name=two", "--grpc-port=0"]):
                second = Instance(
                    tmp_path,
                    *("--model-repository", str(models(tmp_path)), f"--http-port={port}", *flags),
                    fake=False,
                )
                assert second.popen.wait(DEADLINE) == 4
                load.more(100)
        fault_report.load("second instance of the same port or name", load, starts=3)
        assert load.results.keys() == {"ok"}
        assert pids(instance.wait_ready()) == workers


# -- time ----------------------------------------------------------------------------------


@pytest.fixture
def pauses() -> Iterator[list[int]]:
    """Processes that must go on at the end."""
    stopped: list[int] = []
    yield stopped
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)


def test_a_gap_of_the_supervisor_is_held_against_no_worker(
    tmp_path: Path, pauses: list[int], fault_report: FaultReport
) -> None:
    """As after a suspended machine or a jump of time: far longer than the limit for a hang."""
    with serve(tmp_path, "--hang-timeout=1") as instance:
        workers = pids(instance.wait_ready())
        with Load(instance.port("http"), 6, INFER) as load:
            for _ in range(3):
                pauses.append(instance.popen.pid)
                os.kill(instance.popen.pid, signal.SIGSTOP)
                begin = time.monotonic()
                while time.monotonic() < begin + 2.5:
                    load.more(20)
                os.kill(pauses.pop(), signal.SIGCONT)
                load.more(50)
        fault_report.load("supervisor stopped for 2.5 s, hang limit 1 s", load, stops=3)
        assert load.results.keys() == {"ok"}
        status = instance.wait_ready()
        assert pids(status) == workers
        assert [worker["generation"] for worker in status["workers"]] == [1, 1]


def test_a_frozen_instance_goes_on_when_it_is_thawed(
    tmp_path: Path, pauses: list[int], fault_report: FaultReport
) -> None:
    """Workers that were stopped for as long as the supervisor did not run have not hung."""
    with serve(tmp_path, "--hang-timeout=1") as instance:
        workers = pids(instance.wait_ready())
        everybody = [instance.popen.pid, *workers]
        for _ in range(2):
            for pid in everybody:
                os.kill(pid, signal.SIGSTOP)
                pauses.append(pid)
            time.sleep(2.5)
            while pauses:
                os.kill(pauses.pop(), signal.SIGCONT)  # the supervisor last
            assert pids(instance.wait_ready()) == workers
        with Load(instance.port("http"), 2, INFER) as load:
            load.more(50)
        fault_report.load("everybody frozen for 2.5 s, hang limit 1 s", load, freezes=2)
        assert load.results.keys() == {"ok"}
