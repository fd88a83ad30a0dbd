"""Ends out of the usual order: a bug in the supervisor itself, and what survives SIGKILL. Real
processes, stand-in workers.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from instance import DEADLINE, alive, command, get, pids, run_id_of, running, shm_names
from other_code import Installation

from tritonfrontend.supervisor.system import procfs

_PTRACE_DETACH, _PTRACE_SEIZE, _PTRACE_O_TRACEEXIT = 17, 0x4206, 0x40
_WALL = 0x40000000


@contextmanager
def held_at_its_end(pid: int) -> Iterator[None]:
    """A process that SIGKILL does not end, as if a sick driver held it: this thread traces it, and
    does not let it go.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(_PTRACE_SEIZE, pid, None, _PTRACE_O_TRACEEXIT) != 0:
        pytest.skip("tracing is not permitted here")
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, _WALL)
        libc.ptrace(_PTRACE_DETACH, pid, None, None)


def records(root: Path) -> list[int]:
    """Workers that the next start looks for."""
    found = json.loads((root / "tritonfrontend" / "test" / "workers.json").read_text())
    return [record["pid"] for record in found["workers"]]


def test_a_bug_in_a_task_ends_the_instance_and_all_its_processes(tmp_path: Path) -> None:
    """The once-a-second task of the group expects a file that goes."""
    expected, code = tmp_path / "expected", Installation(tmp_path)
    expected.touch()
    bug = f"            open({str(expected)!r}).close()\n            ticks += 1\n"
    code.change("supervisor/group/upkeep.py", "            ticks += 1\n", bug)
    with running(tmp_path, FAKE_MODE_0="helper", FAKE_MODE_1="drain-hangs", **code.env) as instance:
        status = instance.wait_ready()
        workers, port = pids(status), instance.port("http")
        helper = procfs.children_of(workers[0])[0].pid
        expected.unlink()
        assert instance.popen.wait(DEADLINE) == 1
        assert f"FileNotFoundError: [Errno 2] No such file or directory: '{expected}'" in (
            instance.text()
        )
        assert not any(alive(pid) for pid in (*workers, helper))
        assert shm_names(run_id_of(status)) == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_worker_that_survives_sigkill(tmp_path: Path) -> None:
    """It is reported, others serve, and what it leaves is left to the next start."""
    code = Installation(tmp_path)
    code.change("supervisor/slots/state_clock.py", "UNKILLABLE_AFTER = 30", "UNKILLABLE_AFTER = 1")
    flags = ("--start-stall-timeout=3",)
    with running(tmp_path, *flags, FAKE_MODE_0="loads-forever", **code.env) as instance:
        stuck = instance.wait_state(0, "LOADING")["pid"]
        with held_at_its_end(stuck):
            status = instance.wait(
                "reported", lambda s: s["workers"][0]["reason"].startswith("unkillable")
            )
            assert (status["workers"][0]["state"], pids(status)[0]) == ("KILLING", stuck)
            assert "w0: unkillable: survives SIGKILL" in instance.text()
            assert int(get(instance.port("http"))) == instance.wait_state(1, "READY")["pid"]
            assert instance.stop() == 8
            assert alive(stuck)
            assert records(tmp_path) == [stuck]
    assert shm_names(run_id_of(status))
    with running(tmp_path) as successor:
        successor.wait_ready()
        assert shm_names(run_id_of(status)) == []
        assert successor.stop() == 0


def test_replaced_worker_that_survives_sigkill(tmp_path: Path) -> None:
    """Nobody counts on it any more, and yet its memory goes with the next start."""
    code = Installation(tmp_path)
    code.change("supervisor/slots/state_clock.py", "UNKILLABLE_AFTER = 30", "UNKILLABLE_AFTER = 1")
    flags = ("--devices=cpu:1", "--reload-strategy=surge")
    with running(tmp_path, *flags, **code.env) as instance:
        stuck = pids(instance.wait_ready())[0]
        with held_at_its_end(stuck):
            assert command(tmp_path, "reload", "--force").returncode == 0
            status = instance.wait_ready()
            assert status["workers"][0]["generation"] == 2
            assert int(get(instance.port("http"))) == pids(status)[0]
            assert command(tmp_path, "restart", "0").returncode == 0
            instance.wait("restarted", lambda s: s["workers"][0]["generation"] == 3)
            instance.wait_ready()
            assert alive(stuck)
            assert instance.stop() == 8
            assert records(tmp_path) == [stuck]
    assert shm_names(run_id_of(status))
    with running(tmp_path) as successor:
        successor.wait_ready()
        assert shm_names(run_id_of(status)) == []
        assert successor.stop() == 0


def test_helper_that_survives_sigkill(tmp_path: Path) -> None:
    """Its worker is replaced; that something was left is told at the end."""
    with running(tmp_path, FAKE_MODE_0="helper") as instance:
        victim = pids(instance.wait_ready())[0]
        helper = procfs.children_of(victim)[0].pid
        with held_at_its_end(helper):
            os.kill(victim, signal.SIGKILL)
            instance.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
            instance.wait_ready()
            assert alive(helper)
            assert instance.stop() == 8
    with running(tmp_path) as successor:
        successor.wait_ready()
        assert successor.stop() == 0
