"""Start-serve-stop cycles of the frontends while clients keep sending. Runs under a sanitizer.

    python cycles.py MODEL_REPOSITORY CYCLES

Every cycle starts both frontends on the same two ports, waits until the clients of hammer.py got
answers from each, and takes everything down in one of several orders, with requests in flight. Now
and then the server itself is stopped under its clients, before or after its frontends, and started
again. Ends with "N passed, M failed" and a non-zero exit code unless all passed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import counters

from tritonfrontend import KServeGrpc, KServeHttp
from tritonfrontend.inprocess import Server

HAMMER = Path(__file__).with_name("hammer.py")
# The server is stopped in every cycle whose number is a multiple of this.
SERVER_EVERY = 20
ANSWERS_PER_CYCLE = 5
# Not a measure of speed: a cycle that serves nothing for so long is stuck.
STUCK_S = 60.0
ADDRESS = "127.0.0.1"


class CycleError(RuntimeError):
    """A cycle did not do what it should."""


class Clients:
    """The hammer process and its counters."""

    def __init__(self, http_port: int, grpc_port: int, file: Path) -> None:
        file.write_bytes(bytes(counters.SIZE))
        self._file = file
        # The clients are not what is examined, and run faster without the sanitizer.
        environment = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONPATH")}
        self._process = subprocess.Popen(
            [sys.executable, str(HAMMER), str(http_port), str(grpc_port), str(file)],
            stdin=subprocess.PIPE,
            env=environment,
        )

    def counts(self) -> dict[str, int]:
        return counters.read(self._file)

    def wait_for(self, names: tuple[str, ...], more: int) -> None:
        """Returns when each named counter has grown by ``more``."""
        goal = {name: count + more for name, count in self.counts().items() if name in names}
        deadline = time.monotonic() + STUCK_S
        while any(self.counts()[name] < least for name, least in goal.items()):
            if self._process.poll() is not None:
                raise CycleError(f"the clients ended with {self._process.returncode}")
            if time.monotonic() > deadline:
                raise CycleError(f"the clients are stuck: {self.counts()}, wanted {goal}")
            time.sleep(0.001)
        if self.counts()["wrong"]:
            raise CycleError(f"a client got a wrong answer: {self.counts()}")

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(STUCK_S)


class Cycles:
    """The server, its two ports, and the cycles on them."""

    def __init__(self, repository: str) -> None:
        self._repository = repository
        self._server = self._start_server()
        with self._frontends(0, 0) as (http, grpc):
            self.http_port, self.grpc_port = http.port, grpc.port

    def _start_server(self) -> Server:
        server = Server(model_repository=self._repository, metrics=False, log_error=True)
        return server.start(wait_until_ready=True, timeout=STUCK_S)

    def _make(self, http_port: int, grpc_port: int) -> tuple[KServeHttp, KServeGrpc]:
        http = KServeHttp(self._server, KServeHttp.Options(address=ADDRESS, port=http_port))
        grpc = KServeGrpc(self._server, KServeGrpc.Options(address=ADDRESS, port=grpc_port))
        return http, grpc

    @contextlib.contextmanager
    def _frontends(self, http_port: int, grpc_port: int) -> Iterator[tuple[KServeHttp, KServeGrpc]]:
        http, grpc = self._make(http_port, grpc_port)
        with http, grpc:
            yield http, grpc

    def run(self, number: int, clients: Clients) -> None:
        """One cycle; how it ends depends on its number."""
        http, grpc = self._make(self.http_port, self.grpc_port)
        http.start()
        grpc.start()
        clients.wait_for(("http_answers", "grpc_answers"), ANSWERS_PER_CYCLE)
        if number % SERVER_EVERY == 0:
            self._stop_with_server(
                http, grpc, clients, server_first=number % (2 * SERVER_EVERY) == 0
            )
        elif number % 3 == 0:
            http.stop()
            grpc.stop()
        elif number % 3 == 1:
            grpc.stop()
            http.stop()
        # Otherwise both are dropped while they run.

    def _stop_with_server(
        self, http: KServeHttp, grpc: KServeGrpc, clients: Clients, server_first: bool
    ) -> None:
        if server_first:
            self._server.stop()
            clients.wait_for(("unavailable",), ANSWERS_PER_CYCLE)
        http.stop()
        grpc.stop()
        if not server_first:
            self._server.stop()
        self._server = self._start_server()

    def close(self) -> None:
        self._server.stop()


def main() -> int:
    repository, total = sys.argv[1], int(sys.argv[2])
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        cycles = Cycles(repository)
        clients = Clients(cycles.http_port, cycles.grpc_port, Path(folder) / "counters")
        for number in range(1, total + 1):
            try:
                cycles.run(number, clients)
                passed += 1
            except Exception as error:
                print(f"cycle {number}: {type(error).__name__}: {error}", file=sys.stderr)
                failed += 1
                break
            if number % 20 == 0:
                print(f"cycle {number}/{total}: {clients.counts()}", flush=True)
        clients.stop()
        cycles.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
