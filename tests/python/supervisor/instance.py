"""Runs `tritonfrontend serve` for the tests, in a private runtime directory, and cleans up."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tritonfrontend.supervisor.control.client import ask
from tritonfrontend.supervisor.control.server import ControlError
from tritonfrontend.supervisor.system import procfs

FAKE = Path(__file__).with_name("fake_worker.py")
#: The real worker, with a thread that can hold the interpreter's lock.
GIL_HOLDER = Path(__file__).with_name("gil_holder.py")
CLI = [sys.executable, "-m", "tritonfrontend.supervisor"]
#: Generous: the tests assert what happens, not how fast.
DEADLINE = 60.0


def until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """The first true value of `condition`; fails with `what` after a generous limit."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)
    return value


class Instance:
    """One `serve` process. Ports are taken by the system."""

    def __init__(
        self,
        root: Path,
        *flags: str,
        fake: bool = True,
        output: int | None = None,
        through: str = 'exec "$@"',
        **env: str,
    ) -> None:
        """`through`: what a shell does with the command."""
        self.root = root
        self.name = "test"
        self.log = root / "serve.log"
        base = [*CLI, "serve", "--http-port=0", "--grpc-port=0", "--metrics-port=0"]
        base += ["--http-address=127.0.0.1", "--grpc-address=127.0.0.1"]
        base += ["--metrics-address=127.0.0.1", "--devices=cpu:2", "--drain-timeout=5"]
        if fake:
            base += ["--worker-command", f"{sys.executable} {FAKE}", "--exit-timeout-secs=1"]
            repository = root / "models"
            repository.mkdir(exist_ok=True)
            base += ["--model-repository", str(repository)]
        if not any(flag.startswith("--name") for flag in flags):
            base += ["--name", self.name]
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                ["sh", "-c", through, "sh", *base, *flags],
                stdout=log if output is None else output,
                stderr=log if output is None else output,
                env={**environment(root), **env},
                start_new_session=True,
                cwd="/",  # `python -m` looks there first; not into a source checkout
            )

    @property
    def socket(self) -> Path:
        return self.root / "tritonfrontend" / self.name / "control.sock"

    def status(self) -> dict[str, Any] | None:
        with contextlib.suppress(ControlError):
            found: dict[str, Any] = ask(self.socket, "status")["status"]
            return found
        return None

    def ask(self, op: str, **args: Any) -> dict[str, Any]:
        return ask(self.socket, op, **args)

    def worker(self, slot: int) -> dict[str, Any]:
        status = self.status()
        assert status is not None, self.text()
        found: dict[str, Any] = status["workers"][slot]
        return found

    def wait(self, what: str, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Wait until `condition(status)`; returns that status."""

        def check() -> dict[str, Any] | None:
            assert self.popen.poll() is None, f"serve ended early:\n{self.text()}"
            status = self.status()
            return status if status is not None and condition(status) else None

        found: dict[str, Any] = until(check, what)
        return found

    def wait_ready(self) -> dict[str, Any]:
        return self.wait("all ready", lambda s: s["supervisor"]["group_state"] == "ready")

    def wait_state(self, slot: int, state: str) -> dict[str, Any]:
        status = self.wait(f"w{slot} {state}", lambda s: s["workers"][slot]["state"] == state)
        found: dict[str, Any] = status["workers"][slot]
        return found

    def port(self, name: str) -> int:
        status = self.status()
        assert status is not None
        return int(status["supervisor"]["ports"][name]["port"])

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(DEADLINE)

    def text(self) -> str:
        return self.log.read_text()

    def end(self) -> None:
        """For fixtures: no process of the test survives it."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


def environment(root: Path) -> dict[str, str]:
    """Private runtime directory; no GPU of the machine and no user setting plays in."""
    env = {**os.environ, "XDG_RUNTIME_DIR": str(root), "PYTHONWARNINGS": "error"}
    env.pop("CUDA_VISIBLE_DEVICES", None)
    return env


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one `tritonfrontend` command to its end."""
    return subprocess.run(
        [*CLI, *arguments],
        env=environment(root),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@contextlib.contextmanager
def started(root: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A `tritonfrontend` command that runs until it ends or the block does."""
    with subprocess.Popen(
        [*CLI, *arguments],
        env=environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def get(port: int, path: str = "/") -> str:
    """Body of a GET on a connection of its own."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Connection": "close"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        body: bytes = answer.read()
        return body.decode()


def alive(pid: int) -> bool:
    found = procfs.stat(pid)
    return found is not None and found.state not in "ZX"


def shm_names(run_id: str) -> list[str]:
    return [name for name in os.listdir("/dev/shm") if run_id in name]


def run_id_of(status: dict[str, Any]) -> str:
    return str(status["supervisor"]["run_id"])


@contextlib.contextmanager
def running(root: Path, *flags: str, **options: Any) -> Iterator[Instance]:
    instance = Instance(root, *flags, **options)
    try:
        yield instance
    finally:
        instance.end()


def raw_status(root: Path) -> dict[str, Any]:
    answer = command(root, "status", "--json")
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def pids(status: dict[str, Any]) -> list[int]:
    return [worker["pid"] for worker in status["workers"] if worker["pid"]]
