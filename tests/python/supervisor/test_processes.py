"""The supervisor with real processes: start, signals, stop, own death. Workers are stand-ins."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from instance import (
    DEADLINE,
    Instance,
    alive,
    get,
    pids,
    run_id_of,
    running,
    shm_names,
    until,
)

from tritonfrontend.supervisor.system import procfs


def test_start_serve_stop_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        status = instance.wait_ready()
        assert len(set(pids(status))) == 2
        port = instance.port("http")
        assert {int(get(port)) for _ in range(40)} == set(pids(status))
        assert shm_names(run_id_of(status))
        assert instance.stop() == 0
    assert not any(alive(pid) for pid in pids(status))
    assert shm_names(run_id_of(status)) == []
    assert not (tmp_path / "tritonfrontend" / "test").exists()
    text = instance.text()
    assert "[w0] fake worker 0 speaks" in text
    assert "curl -s http://127.0.0.1:" in text
    assert "tritonclient.http" in text


def test_connection_is_refused_until_the_first_worker_is_ready(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE="loads-forever") as instance:
        instance.wait_state(0, "LOADING")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", instance.port("http")))
        assert get(instance.port("metrics"), "/v2/health/live") == "live\n"
        with pytest.raises(OSError, match="503"):
            get(instance.port("metrics"), "/v2/health/ready")
        assert instance.stop() == 0


def test_bad_configuration_of_all_workers_is_exit_3(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE="exit-10") as instance:
        assert instance.popen.wait(DEADLINE) == 3


def test_not_ready_in_time_is_exit_7(tmp_path: Path) -> None:
    with running(tmp_path, "--start-timeout=1", FAKE_MODE="loads-forever") as instance:
        assert instance.popen.wait(DEADLINE) == 7
        text = "0 of 1 workers (--min-ready) were ready within 1 s: w0 is "
        assert text in instance.text()


def test_stop_kills_what_does_not_stop(tmp_path: Path) -> None:
    flags = ("--drain-timeout=0.2", "--exit-timeout-secs=1")
    with running(tmp_path, *flags, FAKE_MODE_0="drain-hangs", FAKE_MODE_1="stop-hangs") as instance:
        status = instance.wait_ready()
        assert instance.stop() == 0
        assert not any(alive(pid) for pid in pids(status))
        assert shm_names(run_id_of(status)) == []


def test_second_signal_does_not_wait(tmp_path: Path) -> None:
    with running(tmp_path, "--drain-timeout=600", FAKE_MODE="drain-hangs") as instance:
        status = instance.wait_ready()
        instance.popen.send_signal(signal.SIGINT)
        instance.wait("draining", lambda s: s["workers"][0]["state"] == "DRAINING")
        assert instance.stop(signal.SIGINT) == 128 + signal.SIGINT
        assert not any(alive(pid) for pid in pids(status))
        assert shm_names(run_id_of(status)) == []


def test_stopping_refuses_new_clients(tmp_path: Path) -> None:
    with running(tmp_path, "--drain-timeout=600", FAKE_MODE="drain-hangs") as instance:
        instance.wait_ready()
        port = instance.port("http")
        instance.popen.send_signal(signal.SIGTERM)

        def refused() -> bool:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                return True
            return False

        until(refused, "refused")
        assert instance.stop() == 128 + signal.SIGTERM


def test_workers_and_ports_survive_nothing_of_a_killed_supervisor(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_1="helper") as instance:
        status = instance.wait_ready()
        helper = until(lambda: procfs.children_of(pids(status)[1]), "helper")[0]
        instance.popen.kill()
        instance.popen.wait()
        until(lambda: not any(alive(pid) for pid in pids(status)), "workers left by themselves")
    # Stand-ins clean up nothing: the next start must.
    assert shm_names(run_id_of(status))
    with running(tmp_path) as successor:
        successor.wait_ready()
        assert shm_names(run_id_of(status)) == []
        assert not alive(helper.pid)
        assert successor.stop() == 0


def test_killed_supervisor_with_stuck_workers(tmp_path: Path) -> None:
    """A stopped worker cannot notice: the next start kills it, and the port is free again."""
    with running(tmp_path) as instance:
        status = instance.wait_ready()
        port = instance.port("http")
        for pid in pids(status):
            os.kill(pid, signal.SIGSTOP)
        instance.popen.kill()
        instance.popen.wait()
        assert all(alive(pid) for pid in pids(status))
    with running(tmp_path, f"--http-port={port}") as successor:
        successor.wait_ready()
        assert not any(alive(pid) for pid in pids(status))
        assert get(port)


def test_stopped_worker_does_not_delay_metrics(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        status = instance.wait_ready()
        get(instance.port("metrics"), "/metrics")
        os.kill(pids(status)[0], signal.SIGSTOP)
        try:
            page = get(instance.port("metrics"), "/metrics")
            assert 'tritonfrontend_worker_metrics_stale{worker="0"} 1' in page
            assert 'served{model="m",worker="0"}' in page  # its last page
        finally:
            os.kill(pids(status)[0], signal.SIGCONT)


def test_stuck_reader_of_our_output_blocks_nobody(tmp_path: Path) -> None:
    """The output is a full pipe that nobody reads: workers start and restart all the same."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    os.set_blocking(write, True)
    instance = Instance.__new__(Instance)
    instance.root, instance.name, instance.log = tmp_path, "test", tmp_path / "serve.log"
    import subprocess
    import sys

    from instance import CLI, FAKE, environment

    (tmp_path / "models").mkdir()
    instance.popen = subprocess.Popen(
        [
            *(*CLI, "serve", "--model-repository", str(tmp_path / "models"), "--devices=cpu:1"),
            *("--http-port=0", "--grpc-port=0", "--metrics-port=0", "--name=test"),
            *("--worker-command", f"{sys.executable} {FAKE}"),
        ],
        stdout=write,
        stderr=write,
        env=environment(tmp_path),
        cwd="/",
    )
    os.close(write)
    instance.log.touch()
    try:
        status = instance.wait_ready()
        os.kill(pids(status)[0], signal.SIGKILL)
        instance.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
        instance.wait_ready()
        assert instance.stop() == 0
    finally:
        instance.end()
        os.close(read)


@pytest.mark.parametrize(
    ("flags", "code", "text"),
    [
        (["--devices=gpu7"], 5, "neither an index nor"),
        (["--devices=cpu:0"], 5, "not in 1..64"),
        (["--http-port=70000"], 3, "--http-port: 70000 is not in 0..65535"),
        (["--http-port=5", "--grpc-port=5"], 3, "--grpc-port: 5 is also the http port"),
        (["--name=a/b"], 3, "--name: 'a/b'"),
        (["--load-model=x"], 3, "--load-model: needs --model-control-mode=explicit"),
        (["--model-repository=/nowhere"], 3, "'/nowhere' is not a directory"),
        (["--allow-http=false", "--allow-grpc=false"], 3, "nothing to serve"),
        (["--backend-config=python"], 3, "is not <name>,<setting>=<value>"),
        (["--http-address=nowhere.invalid"], 4, "cannot be resolved"),
        (["--drain-timeout=-1"], 2, "is not a number of seconds"),
        (["--log-info=maybe"], 2, "neither true nor false"),
        (["--htp-port=1"], 2, "did you mean --http-port?"),
    ],
)
def test_bad_options_are_named(tmp_path: Path, flags: list[str], code: int, text: str) -> None:
    with running(tmp_path, *flags) as instance:
        assert instance.popen.wait(DEADLINE) == code
        assert text in instance.text()


def test_interrupt_of_the_terminal_reaches_the_supervisor_alone(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        status = instance.wait_ready()
        sessions = {procfs.stat(pid).session for pid in pids(status)}  # type: ignore[union-attr]
        assert sessions == set(pids(status))
        os.killpg(instance.popen.pid, signal.SIGINT)
        assert instance.popen.wait(DEADLINE) == 0


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(tmp_path: Path, closed: str) -> None:
    """As some launchers leave them: no socket may take their numbers, and nothing is written."""
    with running(tmp_path, through=f'exec "$@" {closed}') as instance:
        instance.wait_ready()
        links = [os.readlink(f"/proc/{instance.popen.pid}/fd/{fd}") for fd in range(3)]
        assert not any("socket" in link for link in links), links
        assert get(instance.port("http"))
        assert instance.stop() == 0


@pytest.mark.parametrize(
    ("limit", "said"),
    [("ulimit -n 16", "raise the limit of open files"), ("ulimit -f 8", "file sizes (ulimit -f)")],
)
def test_what_the_system_refuses_at_the_start(tmp_path: Path, limit: str, said: str) -> None:
    with running(tmp_path, through=f'{limit}; exec "$@"') as instance:
        assert instance.popen.wait(DEADLINE) == 4
        text = instance.text()
    assert "error: cannot start: " in text.splitlines()[-1]
    assert said in text
    assert not instance.socket.parent.exists()


def test_fast_restart_on_the_same_port(tmp_path: Path) -> None:
    """Connections closed by the server leave TIME_WAIT behind: no reason to refuse the port."""
    with running(tmp_path) as instance:
        instance.wait_ready()
        port = instance.port("http")
        for _ in range(5):
            get(port)
        assert instance.stop() == 0
    with running(tmp_path, f"--http-port={port}") as successor:
        successor.wait_ready()
        time.sleep(0)
        assert get(port)
