"""Fields of `status --json`, rates, and what is shown of a worker's last death."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from instance import Instance, command, raw_status, running

from tritonfrontend.supervisor.group.rates import WINDOW, Rates
from tritonfrontend.supervisor.options.spec import ServeOptions
from tritonfrontend.supervisor.status.status import config_hash
from tritonfrontend.supervisor.system import process, procfs

SUPERVISOR = [
    "version",
    "name",
    "pid",
    "uptime_s",
    "run_id",
    "config_hash",
    "config_generation",
    "ports",
    "steering",
    "ready",
    "total",
    "min_ready",
    "group_state",
    "relayed_total",
    "parked_now",
    "last_reload",
    "last_event",
]
WORKER = [
    "slot",
    "state",
    "since",
    "reason",
    "generation",
    "pid",
    "uptime_s",
    "restarts_total",
    "restarts_window",
    "last_exit",
    "next_try_in_s",
    "gpu",
    "numa",
    "cpus",
    "rss",
    "cpu_percent",
    "threads",
    "fds",
    "stubs",
    "beat_age_ms",
    "queue_len",
    "conns",
    "inflight",
    "oldest_inflight_s",
    "completed",
    "failed",
    "rps_1m",
    "p50",
    "p99",
    "forwarded_in",
    "forwarded_out",
    "handed_in",
    "handed_out",
    "models",
    "shm_bytes",
]
MODEL = [
    "name",
    "version",
    "state",
    "reason",
    "failed",
    "hung",
    "instances_ok",
    "instances_total",
    "healing",
]
LAST_EXIT = [
    "code",
    "signal",
    "meaning",
    "at",
    "uptime_s",
    "oom_killed",
    "stderr_tail",
    "inflight",
    "text",
    "reason",
]


def test_every_field_is_there(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_1="exit-11") as instance:
        instance.wait_state(1, "FAILED")
        instance.wait_state(0, "READY")
        instance.wait("measured", lambda s: s["workers"][0]["rps_1m"] is not None)
        status = raw_status(tmp_path)
    assert set(SUPERVISOR) - status["supervisor"].keys() == set()
    alive, dead = status["workers"]
    for worker in (alive, dead):
        assert set(WORKER) - worker.keys() == set()
    assert set(MODEL) - alive["models"][0].keys() == set()
    for field in ("rss", "threads", "fds", "shm_bytes"):
        assert alive[field] > 0
        assert dead[field] is None
    assert alive["cpus"] == procfs.ranges(os.sched_getaffinity(0))
    assert alive["cpu_percent"] >= 0
    assert dead["cpu_percent"] is None
    assert set(LAST_EXIT) - dead["last_exit"].keys() == set()
    assert dead["last_exit"]["code"] == 11


def test_last_death_is_shown_with_its_last_lines(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        status = instance.wait_ready()
        os.kill(status["workers"][0]["pid"], signal.SIGABRT)
        instance.wait("dead", lambda s: s["workers"][0]["last_exit"])
        text = command(tmp_path, "status").stdout
    assert "w0: last exit: signal SIGABRT (crash), after" in text
    assert "w0:   | fake worker 0 speaks" in text


def test_exit_codes(tmp_path: Path) -> None:
    assert command(tmp_path, "status").returncode == 3
    with running(tmp_path) as instance:
        wait_code(instance, 0)
        instance.ask("drain", slot=0)
        instance.wait_state(0, "DISABLED")
        assert command(tmp_path, "status").returncode == 1


def wait_code(instance: Instance, code: int) -> None:
    instance.wait_ready()
    assert command(instance.root, "status", "--json").returncode == code


def test_rates() -> None:
    rates = Rates()
    assert rates.requests_per_second is None
    rates.sample(0.0, 1, 10.0, 100)
    assert rates.cpu_percent is None
    for second in range(1, 100):
        rates.sample(float(second), 1, 10.0 + second / 2, 100 + 3 * second)
    assert rates.requests_per_second == 3.0
    assert rates.cpu_percent == 50.0
    for second in range(100, 100 + int(WINDOW) + 1):
        rates.sample(float(second), 1, 59.5, 397)
    assert rates.requests_per_second == 0.0
    assert rates.cpu_percent == 0.0


def test_rates_start_anew_with_a_generation() -> None:
    rates = Rates()
    rates.sample(0.0, 1, 1.0, 100)
    rates.sample(1.0, 1, 2.0, 200)
    rates.sample(2.0, 2, 0.1, 0)
    assert rates.requests_per_second is None
    rates.sample(30.0, 2, 0.2, 28)
    assert [rates.requests_per_second, rates.cpu_percent] == [1.0, 0.4]
    rates.sample(31.0, 2, None, 28)
    assert rates.cpu_percent is None
    rates.sample(32.0, 3, 0.0, 5)
    rates.sample(32.0, 3, 0.0, 5)  # no time between
    assert rates.cpu_percent is None


def test_usage_of_processes() -> None:
    found = procfs.usage(os.getpid())
    assert found is not None
    assert found.threads >= 1
    assert found.fds >= 3
    assert procfs.usage(2**22) is None
    assert procfs.cpu_seconds(2**22) is None
    assert procfs.ranges({5, 0, 1, 2, 7, 8}) == "0-2,5,7-8"
    assert procfs.ranges([]) == ""


def test_shared_memory_of_a_worker() -> None:
    prefix = f"tfe-test-{os.getpid()}-"
    try:
        Path("/dev/shm", f"{prefix}a").write_bytes(bytes(1000))
        Path("/dev/shm", f"{prefix}b").write_bytes(bytes(24))
        assert process.shm_bytes(prefix) == 1024
    finally:
        process.sweep_shm(prefix)
    assert process.shm_bytes(prefix) == 0


def test_same_settings_same_hash(tmp_path: Path) -> None:
    def made(**changes: Any) -> str:
        return config_hash(ServeOptions(model_repository=(str(tmp_path),), **changes))

    assert made() == made(core={}) != made(core={"log_info": True})


def test_last_death_shows_what_was_in_flight(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_0="computes") as instance:
        instance.wait_ready()
        worker = instance.wait("noted", lambda s: s["workers"][0]["oldest_inflight_s"])
        assert worker["workers"][0]["oldest_inflight_s"] >= 10
        assert worker["workers"][1]["oldest_inflight_s"] is None
        os.kill(worker["workers"][0]["pid"], signal.SIGKILL)
        last = instance.wait("dead", lambda s: s["workers"][0]["last_exit"])["workers"][0]
        found = last["last_exit"]["inflight"]
        assert [(each["model"], each["id"]) for each in found] == [("old", "id-1"), ("young", "")]
        assert "w0:   in flight: old id 'id-1' for 1" in command(tmp_path, "status").stdout
