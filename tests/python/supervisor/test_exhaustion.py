"""Real workers that run out of memory, or whose log nobody reads."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from closed_loop import INFER, Load
from fault_report import FaultReport
from instance import pids, running, until

pytestmark = pytest.mark.faults

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"

#: The worker, with a thread that takes memory without end once a file for its slot is there.
EATER = """
import os, runpy, sys, threading, time
def eat():
    while not os.path.exists(os.environ["EAT"]):
        time.sleep(0.02)
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    eaten = []
    while True:
        eaten.append(os.urandom(1 << 24))
label = sys.argv[sys.argv.index("--label") + 1]
if label.endswith("/w0") and not os.path.exists(os.environ["EAT"]):
    threading.Thread(target=eat, daemon=True).start()
runpy.run_module("tritonfrontend.supervisor.worker", run_name="__main__", alter_sys=True)
"""


def serve(tmp_path: Path, *flags: str, **options: Any) -> Any:
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    return running(tmp_path, "--model-repository", str(repository), *flags, fake=False, **options)


class MemoryGroup:
    """A control group of its own, of version 1 or 2. Raises OSError where there is none to have."""

    def __init__(self, name: str) -> None:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        groups = {line.split(":")[1]: line.split(":", 2)[2].strip("/") for line in lines}
        version1 = "memory" in groups
        root = Path("/sys/fs/cgroup/memory" if version1 else "/sys/fs/cgroup")
        self._home = root / groups["memory" if version1 else ""]
        self._own = self._home / name
        self._limit = "memory.limit_in_bytes" if version1 else "memory.max"
        self._usage = "memory.usage_in_bytes" if version1 else "memory.current"
        self._own.mkdir()
        try:
            (self._own / self._limit).read_text()  # not there without the controller
        except OSError:
            self._own.rmdir()
            raise

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Processes that are started here belong to the group."""
        me = str(os.getpid())
        (self._own / "cgroup.procs").write_text(me)
        try:
            yield
        finally:
            (self._home / "cgroup.procs").write_text(me)

    def allow(self, more: int) -> None:
        """So many bytes more than what is used now."""
        used = int((self._own / self._usage).read_text())
        (self._own / self._limit).write_text(str(used + more))

    def remove(self) -> None:
        until(lambda: not (self._own / "cgroup.procs").read_text(), "the group is empty")
        self._own.rmdir()


@pytest.fixture
def group() -> Iterator[MemoryGroup]:
    try:
        made = MemoryGroup(f"tritonfrontend-test-{os.getpid()}")
    except (OSError, KeyError) as error:
        pytest.skip(f"no memory control group can be made here: {error!r}")
    yield made
    made.remove()


def test_worker_killed_for_memory_is_labelled_so(
    tmp_path: Path, group: MemoryGroup, fault_report: FaultReport
) -> None:
    script, flag = tmp_path / "eater.py", tmp_path / "eat"
    script.write_text(EATER)
    with contextlib.ExitStack() as stack:
        with group.inside():
            command = ("--worker-command", f"{sys.executable} {script}")
            instance = stack.enter_context(serve(tmp_path, *command, EAT=str(flag)))
        other = pids(instance.wait_ready())[1]
        with Load(instance.port("http"), 4, INFER) as load:
            group.allow(192 << 20)
            flag.touch()
            dead = instance.wait("an end", lambda s: s["workers"][0]["last_exit"])["workers"][0]
            assert dead["last_exit"]["meaning"] == "out of memory"
            assert dead["last_exit"]["oom_killed"] is True
            group.allow(4 << 30)
            instance.wait_ready()
            load.more(100)
        fault_report.load("worker killed for memory", load, label=dead["last_exit"]["meaning"])
        assert load.results.keys() <= {"ok", "failed"}
        assert load.failed <= 4, "what was in flight on the victim"
        assert instance.worker(1)["pid"] == other
        assert "signal SIGKILL (out of memory)" in instance.text()


# -- output --------------------------------------------------------------------------------


def test_real_workers_whose_log_nobody_reads(tmp_path: Path, fault_report: FaultReport) -> None:
    """Every call of the core writes lines; ten times what all pipes hold in between."""
    read, write = os.pipe()
    with serve(tmp_path, "--log-verbose=3", "--log-info", output=write) as instance:
        os.close(write)
        instance.wait_ready()
        with Load(instance.port("http"), 6, INFER) as load:
            load.more(3000)
        fault_report.load("log that nobody reads", load)
        assert load.results.keys() == {"ok"}
        status = instance.wait_ready()
        assert [worker["restarts_total"] for worker in status["workers"]] == [0, 0]
        assert instance.stop() == 0
    os.close(read)
