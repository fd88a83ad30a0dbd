"""Workers that end, hang, fail or are replaced, and what is said of them. Workers are stand-ins."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest
from instance import (
    DEADLINE,
    alive,
    command,
    get,
    pids,
    raw_status,
    run_id_of,
    running,
    shm_names,
    until,
)

from tritonfrontend.supervisor.system import procfs


def test_killed_worker_restarts_and_no_queued_client_is_lost(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        status = instance.wait_ready()
        port, victim = instance.port("http"), pids(status)[0]
        results: Counter[str] = Counter()
        done = threading.Event()

        def client() -> None:
            while not done.is_set():
                try:
                    get(port)
                    results["ok"] += 1
                except ConnectionRefusedError:
                    results["refused"] += 1
                except OSError:
                    results["failed"] += 1

        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: results["ok"] > 50, "traffic")
        os.kill(victim, signal.SIGKILL)
        after = instance.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
        instance.wait_ready()
        so_far = results["ok"]
        until(lambda: results["ok"] > so_far + 50, "traffic after the restart")
        done.set()
        for thread in threads:
            thread.join()
        assert results["refused"] == 0
        assert results["failed"] <= 1  # the stand-in serves one connection at a time
        worker = instance.worker(0)
        assert worker["restarts_total"] == 1
        assert worker["last_exit"]["signal"] == signal.SIGKILL
        assert worker["last_exit"]["meaning"] == "killed from outside"
        assert "[w0]" not in worker["last_exit"]["stderr_tail"]
        assert sorted(worker["last_exit"]["stderr_tail"]) == ["fake error", "fake worker 0 speaks"]
        assert after["workers"][1]["generation"] == 1
        shown = command(tmp_path, "status")
        assert shown.returncode == 0
        assert "signal SIGKILL (killed from outside)" in shown.stdout


def test_shared_memory_and_helpers_of_a_killed_worker_go(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_0="helper") as instance:
        status = instance.wait_ready()
        victim = pids(status)[0]
        helper = until(lambda: procfs.children_of(victim), "helper")[0]
        prefix = f"{run_id_of(status)}-w0g1-"
        assert any(prefix in name for name in shm_names(run_id_of(status)))
        os.kill(victim, signal.SIGKILL)
        until(lambda: not alive(helper.pid), "helper killed")
        until(lambda: not any(prefix in n for n in shm_names(run_id_of(status))), "shm swept")
        instance.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
        until(lambda: procfs.stat(helper.pid) is None, "helper reaped")
        assert instance.stop() == 0


def test_crash_loop_ends_in_failed_while_the_other_worker_serves(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_0="crash-when-ready") as instance:
        worker = instance.wait_state(0, "FAILED")
        assert worker["last_exit"]["signal"] == signal.SIGSEGV
        assert worker["last_exit"]["meaning"] == "crash"
        assert "5 failures in 300 s" in worker["reason"]
        assert worker["next_try_in_s"] > 0
        assert worker["restarts_total"] == 4
        other = instance.worker(1)
        assert other["state"] == "READY"
        assert int(get(instance.port("http"))) == other["pid"]  # steered past the failed slot
        shown = command(tmp_path, "status")
        assert shown.returncode == 1
        assert "degraded" in shown.stdout
        assert instance.stop() == 0


def test_model_that_cannot_load_is_named_and_not_retried(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE="exit-11") as instance:
        assert instance.popen.wait(DEADLINE) == 6
        text = instance.text()
        assert "all workers failed" in text
        assert "model 'broken' version 1: it is broken" in text
        assert text.count("worker ended") <= 2  # once each


def test_one_failed_worker_can_be_started_again(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_1="exit-11") as instance:
        instance.wait_state(1, "FAILED")
        instance.wait_state(0, "READY")
        assert command(tmp_path, "start", "1").returncode == 0
        instance.wait("second try", lambda s: s["workers"][1]["generation"] == 2)
        instance.wait_state(1, "FAILED")


def test_unavailable_model_is_degraded_but_serves(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_0="one-model-lost") as instance:
        worker = instance.wait_state(0, "DEGRADED")
        assert worker["reason"] == "unavailable: identity"
        assert worker["serving"]
        instance.wait_state(1, "READY")
        status = raw_status(tmp_path)
        assert status["supervisor"]["group_state"] == "degraded"
        assert status["supervisor"]["ready"] == 2


def test_silent_worker_is_killed_and_named(tmp_path: Path) -> None:
    with running(tmp_path, "--start-stall-timeout=1", FAKE_MODE_0="loads-forever") as instance:
        instance.wait_state(1, "READY")
        instance.wait("killed", lambda s: s["workers"][0]["last_exit"])
        assert "no progress for 1 s while loading" in instance.worker(0)["last_exit"]["meaning"]
        page = get(instance.port("metrics"), "/metrics")
        assert 'failures_total{worker="0",reason="not ready in time"} ' in page


@pytest.mark.faults  # its limit is ten seconds, and no option
def test_worker_that_never_speaks_is_killed_and_retried(tmp_path: Path) -> None:
    cured = tmp_path / "cured"
    with running(tmp_path, FAKE_MODE_0="silent", FAKE_CURED=str(cured)) as instance:
        victim = instance.wait_state(0, "SPAWNING")["pid"]
        instance.wait_state(1, "READY")
        cured.touch()
        instance.wait("killed", lambda s: s["workers"][0]["last_exit"])
        worker = instance.worker(0)
        assert worker["last_exit"]["signal"] == signal.SIGKILL
        assert worker["last_exit"]["meaning"] == "no sign of life within 10 s"
        status = instance.wait_ready()
        assert status["workers"][0]["generation"] == 2
        assert status["workers"][1]["generation"] == 1
        assert not alive(victim)
        page = get(instance.port("metrics"), "/metrics")
        assert 'failures_total{worker="0",reason="not ready in time"} 1\n' in page


def test_worker_that_closes_its_channel_but_lives_is_replaced(tmp_path: Path) -> None:
    """It cannot be told to drain or to stop any more, though it still serves."""
    with running(tmp_path, FAKE_MODE_0="hangs-up") as instance:
        victim = instance.wait_state(0, "READY")["pid"]
        instance.wait("killed", lambda s: s["workers"][0]["last_exit"])
        last = instance.worker(0)["last_exit"]
        assert (last["signal"], last["meaning"]) == (signal.SIGKILL, "closed its control channel")
        assert "worker ended: signal SIGKILL (closed its control channel)" in instance.text()
        status = instance.wait_ready()
        assert status["workers"][0]["generation"] == 2
        assert not alive(victim)
        assert {int(get(instance.port("http"))) for _ in range(20)} == set(pids(status))


def test_drain_start_restart_of_one_worker(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        first = pids(instance.wait_ready())
        done = command(tmp_path, "drain", "0")
        assert (done.returncode, done.stdout) == (0, "w0: draining\nw0: drained\n")
        assert (instance.worker(0)["state"], instance.worker(0)["pid"]) == ("DISABLED", None)
        assert {int(get(instance.port("http"))) for _ in range(10)} == {first[1]}
        assert command(tmp_path, "start", "0").returncode == 0
        instance.wait_ready()
        assert command(tmp_path, "restart", "1").returncode == 0
        status = instance.wait("new", lambda s: s["workers"][1]["generation"] == 2)
        instance.wait_ready()
        assert not alive(first[1])
        assert status["workers"][1]["restarts_window"] == 0  # no failure
        answer = command(tmp_path, "drain", "7")
        assert answer.returncode == 1
        assert "slot 7 is not one of 0..1" in answer.stderr


def test_worker_told_to_terminate_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        victim = pids(instance.wait_ready())[0]
        os.kill(victim, signal.SIGTERM)
        instance.wait("replaced", lambda s: s["workers"][0]["generation"] == 2)
        instance.wait_ready()


def test_metrics_of_all_workers_and_over_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        status = instance.wait_ready()
        port = instance.port("http")
        for _ in range(20):
            get(port)

        def served() -> int:
            page = get(instance.port("metrics"), "/metrics")
            lines = [line for line in page.splitlines() if line.startswith("served{")]
            assert len(lines) == 2, page
            return sum(int(line.split()[-1]) for line in lines)

        assert served() == 20
        os.kill(pids(status)[0], signal.SIGKILL)
        instance.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
        instance.wait_ready()
        assert served() == 20
        page = get(instance.port("metrics"), "/metrics")
        assert 'tritonfrontend_worker_restarts_total{worker="0"} 1' in page
        assert 'reason="killed from outside"} 1' in page
        assert 'tritonfrontend_worker_state{worker="1",state="READY"} 1' in page
