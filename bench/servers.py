"""The two servers: start, readiness, CPU time, restart after a crash.

Both run the same core library, model repository and backend. The reference is the ``tritonserver``
program of the nvidia-pytriton wheel.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import IO

from helpers.models import backends_directory

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Positions after the parenthesised command name, see proc_pid_stat(5).
UTIME, STIME = 11, 12


class ServerError(RuntimeError):
    """A server did not start or died."""


class BenchServer:
    """A server process. ``http`` and ``grpc`` are its ports on 127.0.0.1 while it runs."""

    name = ""

    def __init__(self, repository: Path, log: Path, cpus: Sequence[int]) -> None:
        self._repository = repository
        self._log = log
        self._cpus = list(cpus)
        self._process: subprocess.Popen[str] | None = None
        self.http = 0
        self.grpc = 0
        self.crashes = 0

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def find_ports(self, output: IO[str]) -> None:
        """Sets the ports that the process reported or was given."""

    def start(self) -> None:
        """Returns when the model is ready.

        Raises:
            ServerError: it died or was not ready in time; the text names its log.
        """
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                self.command(),
                env=self.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if self.name == "ours" else log,
                stderr=log,
                text=True,
            )
        os.sched_setaffinity(self._process.pid, self._cpus)
        if self._process.stdout is not None:
            self.find_ports(self._process.stdout)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            if not self.alive() or time.monotonic() > deadline:
                raise ServerError(f"{self.name} did not start, see {self._log}")
            time.sleep(0.1)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ensure(self) -> None:
        """Starts it again if it died since the last sample."""
        if not self.alive():
            self.crashes += 1
            self.start()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def cpu_seconds(self) -> float:
        """User and system time of the process so far; its resolution is one tick, 10 ms."""
        assert self._process is not None
        text = Path(f"/proc/{self._process.pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[UTIME]) + int(fields[STIME])) / TICKS_PER_S

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/v2/health/ready", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False


class Ours(BenchServer):
    """bench/serve.py under this interpreter."""

    name = "ours"

    def command(self) -> list[str]:
        return [sys.executable, str(Path(__file__).with_name("serve.py")), str(self._repository)]

    def find_ports(self, output: IO[str]) -> None:
        line = output.readline()
        if not line:
            raise ServerError(f"{self.name} did not start, see {self._log}")
        ports = json.loads(line)
        self.http, self.grpc = ports["http"], ports["grpc"]


class Reference(BenchServer):
    """The program inside the wheel, with its default numbers of threads."""

    name = "reference"

    def command(self) -> list[str]:
        self.http, self.grpc = free_ports(2)
        return [
            str(wheel_path("pytriton/tritonserver/bin/tritonserver")),
            f"--model-repository={self._repository}",
            f"--backend-directory={wheel_path('pytriton/tritonserver/backends')}",
            "--http-address=127.0.0.1",
            f"--http-port={self.http}",
            "--grpc-address=127.0.0.1",
            f"--grpc-port={self.grpc}",
            "--allow-metrics=false",
            "--log-info=false",
            "--log-warning=false",
        ]

    def environment(self) -> dict[str, str]:
        # The stub satisfies the backends' NEEDED entry; their symbols come from the program itself.
        stub = backends_directory().parent / "stub"
        return {**os.environ, "LD_LIBRARY_PATH": f"{stub}:{wheel_path('nvidia_pytriton.libs')}"}


def wheel_path(relative: str) -> Path:
    """A path inside the installed nvidia-pytriton wheel."""
    return Path(str(metadata.distribution("nvidia-pytriton").locate_file(relative)))


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(sock.getsockname()[1]) for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports
