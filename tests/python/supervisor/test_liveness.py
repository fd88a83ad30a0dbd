"""Workers that stop, hang or do not accept, as stand-ins that show signs of life."""

from __future__ import annotations

import ctypes
import os
import signal
import time
import urllib.error
from pathlib import Path
from typing import Any

import pytest
from closed_loop import Load
from instance import Instance, get, pids, running, until

pytestmark = pytest.mark.faults

_PTRACE_ATTACH = 16
_PTRACE_DETACH = 17


def beating(tmp_path: Path, *flags: str, **env: str) -> Any:
    return running(tmp_path, *flags, FAKE_BEATS="1", **env)


def generations(instance: Instance) -> list[int]:
    status = instance.status()
    assert status is not None
    return [worker["generation"] for worker in status["workers"]]


def test_stopped_worker_loses_nobody_and_comes_back(tmp_path: Path) -> None:
    with beating(tmp_path, "--devices=cpu:4", "--hang-timeout=0") as instance:
        victim = pids(instance.wait_ready())[2]
        with Load(instance.port("http")) as load:
            os.kill(victim, signal.SIGSTOP)
            assert instance.wait_state(2, "SUSPECT")["reason"].endswith("is silent")
            load.more(300)  # nobody is stuck with the one that is stopped
            os.kill(victim, signal.SIGCONT)
            instance.wait_state(2, "READY")
            load.more(100)
        assert load.failed == load.results["refused"] == 0
        assert generations(instance) == [1, 1, 1, 1]
        instance.wait_ready()


def test_hung_worker_is_killed_and_replaced(tmp_path: Path) -> None:
    with beating(tmp_path, "--hang-timeout=1") as instance:
        victim = pids(instance.wait_ready())[0]
        os.kill(victim, signal.SIGSTOP)
        instance.wait("a successor", lambda s: s["workers"][0]["generation"] == 2)
        instance.wait_ready()
        last = instance.worker(0)["last_exit"]
        assert last["signal"] == signal.SIGKILL
        assert "hangs: silent for" in last["reason"]
        page = get(instance.port("metrics"), "/metrics")
        assert 'tritonfrontend_worker_failures_total{worker="0",reason="hung"} 1\n' in page


def test_the_last_worker_is_not_suspect_but_may_hang(tmp_path: Path) -> None:
    """A pause of the only worker must not make the whole service unready."""
    with beating(tmp_path, "--devices=cpu:1", "--hang-timeout=1.5") as instance:
        victim = pids(instance.wait_ready())[0]
        os.kill(victim, signal.SIGSTOP)
        states = set()

        def silent(status: dict[str, Any]) -> bool:
            worker = status["workers"][0]
            states.add(worker["state"])
            return min(worker["beat_age_ms"]["http"], default=0) > 600

        instance.wait("silence of several --suspect-after", silent)
        assert states == {"READY"}
        instance.wait("a successor", lambda s: s["workers"][0]["generation"] == 2)
        instance.wait_ready()


def test_worker_in_a_debugger_is_never_killed(tmp_path: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    with beating(tmp_path, "--hang-timeout=0.5") as instance:
        victim = pids(instance.wait_ready())[0]
        threads = [int(name) for name in os.listdir(f"/proc/{victim}/task")]
        for thread in threads:
            if libc.ptrace(_PTRACE_ATTACH, thread, None, None) != 0:
                pytest.skip("tracing is not permitted here")
            os.waitpid(thread, 0x40000000)  # __WALL
        found = instance.wait(
            "silence of several hang timeouts",
            lambda s: min(s["workers"][0]["beat_age_ms"]["http"]) > 2000,
        )
        assert found["workers"][0]["state"] == "SUSPECT"
        assert int(get(instance.port("http"))) != victim, "others serve"
        for thread in threads:
            libc.ptrace(_PTRACE_DETACH, thread, None, None)
        instance.wait_ready()
        assert generations(instance) == [1, 1]


def test_queue_that_nobody_accepts_from_is_relayed(tmp_path: Path) -> None:
    """Its loop turns, but it takes no connection: as when a process has no descriptor left."""
    flags = ("--steering=false",)
    with beating(tmp_path, *flags, FAKE_MODE_0="accepts-nothing") as instance:
        server = pids(instance.wait_ready())[1]
        answers = {int(get(instance.port("http"))) for _ in range(30)}
        assert answers == {server}
        status = instance.status()
        assert status is not None
        assert status["supervisor"]["relayed_total"] > 0
        assert generations(instance) == [1, 1], "a queue is no reason to kill"


def test_stall_of_the_supervisor_is_not_held_against_workers(tmp_path: Path) -> None:
    with beating(tmp_path, "--hang-timeout=0.5") as instance:
        instance.wait_ready()
        pid = instance.popen.pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(1.5)  # three hang timeouts
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.5)
        assert generations(instance) == [1, 1]
        assert "hangs" not in instance.text()


def test_drained_worker_hands_its_queue_over(tmp_path: Path) -> None:
    with beating(tmp_path, "--steering=false") as instance:
        instance.wait_ready()
        with Load(instance.port("http")) as load:
            for slot in (0, 1, 0):
                instance.ask("drain", slot=slot)
                instance.wait_state(slot, "DISABLED")
                load.more(100)  # half of them arrive at the socket of the empty slot
                instance.ask("start", slot=slot)
                instance.wait_ready()
        assert load.results.keys() == {"ok"}


def test_nobody_serves_for_too_long(tmp_path: Path) -> None:
    with beating(tmp_path, "--devices=cpu:1", "--queue-timeout=0.3") as instance:
        instance.wait_ready()
        port = instance.port("http")
        instance.ask("drain", slot=0)
        instance.wait_state(0, "DISABLED")
        with pytest.raises(urllib.error.HTTPError, match="503") as told:
            get(port)
        assert told.value.headers["Retry-After"] == "1"
        told.value.close()
        instance.ask("start", slot=0)
        instance.wait_ready()
        until(lambda: get(port), "served again")
        status = instance.status()
        assert status is not None
        assert status["supervisor"]["refused_total"] >= 1
