"""The watch over stub processes: real children under the stub's program name."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance import until

from tritonfrontend.supervisor.system import procfs
from tritonfrontend.supervisor.worker.model_reload import touch
from tritonfrontend.supervisor.worker.stubs import Death, Stub, StubWatch, parse


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program of the stub's name that does what its shell text says."""
    path = tmp_path / "triton_python_backend_stub"
    path.symlink_to(Path(sys.executable).resolve())  # a copy would not find its library
    return path


class Children:
    """Started programs; reaped at the end."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, model: str = "m", code: str = "import time; time.sleep(600)") -> int:
        script = self._program.with_name(f"{len(self.started)}") / model / "1" / "model.py"
        script.parent.mkdir(parents=True)
        script.write_text(code)
        words = [str(self._program), str(script), "shm", "1", "1", "1", "dir", "8", f"{model}_0_0"]
        self.started.append(subprocess.Popen(words))
        return self.started[-1].pid

    def seen(self, watch: StubWatch) -> list[Stub]:
        """Those that the watch knows; servers of other tests in this process have stubs too."""
        pids = {child.pid for child in self.started}
        return [stub for stub in watch.alive if stub.pid in pids]


@pytest.fixture
def children(program: Path) -> Iterator[Children]:
    made = Children(program)
    yield made
    for child in made.started:
        child.kill()
        child.wait()


@pytest.fixture
def watch() -> Iterator[StubWatch]:
    made = StubWatch(time.monotonic)
    yield made
    made.close()


def see(watch: StubWatch, children: Children) -> None:
    def scan() -> bool:
        watch.scan()
        return len(children.seen(watch)) == len(children.started)

    until(scan, "all stubs seen")


def deaths(watch: StubWatch) -> list[Death]:
    """What a loop sees until the ends that have begun are judged."""
    found: list[Death] = []
    ready, _, _ = select.select(watch.fds, [], [], 10)
    for fd in ready:
        watch.ended(fd)
    while watch.next_look is not None:
        found += watch.deaths()
        time.sleep(0.005)
    return found


@pytest.mark.parametrize(
    ("number", "text"),
    [(signal.SIGKILL, "killed by SIGKILL"), (signal.SIGSEGV, "killed by SIGSEGV")],
)
def test_killed_stub(children: Children, watch: StubWatch, number: int, text: str) -> None:
    pid = children.start()
    children.start("other")
    see(watch, children)
    os.kill(pid, number)
    (death,) = deaths(watch)
    assert (death.stub.pid, death.text) == (pid, text)
    assert death.stub.model(["m", "other"]) == "m"
    watch.scan()
    left = children.seen(watch)
    assert [stub.model(["m", "other"]) for stub in left] == ["other"]  # seen once


@pytest.mark.parametrize("code", [0, 7])
def test_stub_that_exits_by_itself(children: Children, watch: StubWatch, code: int) -> None:
    flag = f"import os, time; time.sleep(1); os._exit({code})"
    children.start(code=flag)
    see(watch, children)
    (death,) = deaths(watch)
    assert death.text == f"exited with code {code}"


def test_stub_that_was_told_to_leave_is_no_death(children: Children, watch: StubWatch) -> None:
    """The backend reaps it."""
    children.start()
    see(watch, children)
    children.started[0].kill()
    children.started[0].wait()
    assert deaths(watch) == []


def test_stopped_stub(children: Children, watch: StubWatch) -> None:
    pid = children.start()
    see(watch, children)
    os.kill(pid, signal.SIGSTOP)

    def stopped() -> bool:
        watch.scan()
        return bool(watch.stopped)

    until(stopped, "stopped")
    os.kill(pid, signal.SIGCONT)
    until(lambda: not stopped(), "running")
    assert len(children.seen(watch)) == 1


def test_other_children_are_no_stubs(watch: StubWatch) -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        watch.scan()
        assert child.pid not in [stub.pid for stub in watch.alive]
        child.kill()


def test_model_of_a_stub() -> None:
    command = b"/b/triton_python_backend_stub\0/r/dir/1/model.py\0s\0" + b"1\0" * 5 + b"n_0_0\0"
    stub = parse(1, 2, command)
    assert stub == Stub(1, 2, "n_0_0", "/r/dir/1")
    assert stub.model(["dir", "n"]) == "dir"
    assert stub.model(["n", "n_0"]) == "n_0"  # a repository that maps names
    assert stub.model([]) == "dir"
    assert parse(1, 2, b"/bin/sleep\0" + b"9\0" * 9) is None
    assert parse(1, 2, b"/b/triton_python_backend_stub\0") is None
    assert parse(1, 2, b"") is None  # a zombie has no command line


def test_touch_makes_newer(tmp_path: Path) -> None:
    future = time.time_ns() + 10**15
    os.utime(tmp_path, ns=(future, future))
    assert touch(str(tmp_path))
    assert tmp_path.stat().st_mtime_ns > future
    assert not touch(str(tmp_path / "gone"))


def test_without_descriptors_nothing_new_is_seen_and_nothing_forgotten(
    children: Children, watch: StubWatch
) -> None:
    children.start()

    def seen() -> list[Stub]:
        watch.scan()
        return children.seen(watch)

    until(seen, "the stub is seen")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        watch.scan()
        assert procfs.session_members(os.getsid(0)) == []
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(children.seen(watch)) == 1
