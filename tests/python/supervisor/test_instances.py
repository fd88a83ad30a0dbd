"""Several supervisors on one machine: names, ports and run directories. Workers are stand-ins."""

from __future__ import annotations

import socket
from pathlib import Path

from instance import (
    DEADLINE,
    Instance,
    command,
    pids,
    running,
)


def test_second_instance_is_refused_by_name(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        status = instance.wait_ready()
        port = instance.port("http")
        second = Instance(tmp_path, f"--http-port={port}", "--name=other")
        assert second.popen.wait(DEADLINE) == 4
        text = f"port {port} belongs to tritonfrontend instance test, pid {instance.popen.pid}"
        assert text in instance.text()
        again = Instance(tmp_path)
        assert again.popen.wait(DEADLINE) == 4
        assert "instance test is already running" in again.text()
        assert instance.status() is not None
        assert pids(instance.wait_ready()) == pids(status)


def test_port_of_another_program_is_refused_with_its_reason(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with running(tmp_path, f"--grpc-port={port}") as instance:
            assert instance.popen.wait(DEADLINE) == 4
            expected = f"grpc port {port} on 127.0.0.1: already in use by another program"
            assert expected in instance.text()


def test_two_instances_side_by_side(tmp_path: Path) -> None:
    with running(tmp_path) as one, running(tmp_path, "--name=other") as two:
        one.wait_ready()
        two.name = "other"
        two.wait_ready()
        answer = command(tmp_path, "status")
        assert answer.returncode == 1
        assert "choose with --name: other, test" in answer.stderr
        answer = command(tmp_path, "wait-ready", "--timeout=600")
        assert answer.returncode == 1
        assert "choose with --name: other, test" in answer.stderr
        assert command(tmp_path, "wait-ready", "--name=other").returncode == 0
        assert command(tmp_path, "status", "--name=other").returncode == 0
        assert command(tmp_path, "stop", "--name=other").returncode == 0
        assert two.popen.wait(DEADLINE) == 0
        assert command(tmp_path, "status").returncode == 0


def test_explicit_run_directory(tmp_path: Path) -> None:
    private = tmp_path / "private"
    with running(tmp_path, f"--run-dir={private}") as instance:
        instance.wait_ready()  # through the link in the base directory
        assert (private / "control.sock").stat().st_mode & 0o777 == 0o600
        assert private.stat().st_mode & 0o777 == 0o700
        assert command(tmp_path, "status", f"--run-dir={private}").returncode == 0
        assert instance.stop() == 0


def test_no_place_for_the_run_directory(tmp_path: Path) -> None:
    """In /proc nobody can make a directory, as in a root file system that is read-only."""
    unwritable = {"XDG_RUNTIME_DIR": "/proc"}
    with running(tmp_path, **unwritable) as instance:
        assert instance.popen.wait(DEADLINE) == 4
        assert "run directory /proc/tritonfrontend: No such file" in instance.text()
        assert "set XDG_RUNTIME_DIR or --run-dir\n" in instance.text()


def test_explicit_run_directory_alone(tmp_path: Path) -> None:
    private = tmp_path / "tritonfrontend" / "test"
    flag = f"--run-dir={private}"
    with running(tmp_path, flag, XDG_RUNTIME_DIR="/proc") as instance:
        first = instance.wait_ready()
        note = f"/proc/tritonfrontend cannot be written: commands find this instance by {flag} only"
        assert note in instance.text()
        again = Instance(tmp_path, flag, XDG_RUNTIME_DIR="/proc")
        assert again.popen.wait(DEADLINE) == 4
        assert f"instance test is already running, pid {instance.popen.pid}" in again.text()
        assert command(tmp_path, "upgrade", flag).returncode == 0
        assert pids(instance.wait_ready()) == pids(first)
        assert command(tmp_path, "stop", flag).returncode == 0
        assert instance.popen.wait(DEADLINE) == 0
        assert not private.exists() or not list(private.iterdir())


def test_no_instance(tmp_path: Path) -> None:
    answer = command(tmp_path, "status")
    assert answer.returncode == 3
    assert "no tritonfrontend instance runs" in answer.stderr
