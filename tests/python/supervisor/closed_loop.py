"""Closed-loop clients with a connection for each request, and what became of their requests."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any

from instance import DEADLINE, until
from other_process import OPEN, cell, stopped

_BODY = json.dumps(
    {"inputs": [{"name": "INPUT0", "shape": [1, 1], "datatype": "BYTES", "data": ["x"]}]}
)
INFER = ("POST", "/v2/models/identity/infer", _BODY)
ANY = ("GET", "/", None)


class Load:
    """`with Load(port) as load:` runs until the end of the block.

    `begin` is called on the thread of each client before it connects to `host`. `worst`: seconds;
    `slow`: begin and end, by the monotonic clock, of requests that took longer than `SLOW` seconds.
    """

    SLOW = 0.05

    def __init__(
        self,
        port: int,
        clients: int = 8,
        request: tuple[Any, ...] = ANY,
        host: str = "127.0.0.1",
        begin: Callable[[], None] | None = None,
    ) -> None:
        self.results: Counter[str] = Counter()
        self.worst = 0.0
        self.slow: list[tuple[float, float]] = []
        self.errors: list[str] = []
        self._port = port
        self._host = host
        self._begin = begin
        self._request = request
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]

    @property
    def ok(self) -> int:
        return self.results["ok"]

    @property
    def failed(self) -> int:
        return self.results["failed"]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        self.more(20)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()
        print(f"load: {dict(self.results)}, worst {self.worst * 1000:.0f} ms {self.errors[:5]}")

    def more(self, count: int) -> None:
        """Until so many more requests were answered."""
        before = self.ok
        until(lambda: self.ok >= before + count, f"{count} answers: {self.results} {self.errors}")

    def _client(self) -> None:
        if self._begin is not None:
            self._begin()
        while not self._done.is_set():
            begin = time.monotonic()
            result = self._one()
            end = time.monotonic()
            with self._lock:
                self.results[result] += 1
                self.worst = max(self.worst, end - begin)
                if end - begin > self.SLOW:
                    self.slow.append((begin, end))

    def _one(self) -> str:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=DEADLINE)
        try:
            method, path, body = self._request
            connection.request(method, path, body, {"Connection": "close"})
            answer = connection.getresponse()
            answer.read()
            return "ok" if answer.status == 200 else str(answer.status)
        except ConnectionRefusedError:
            return "refused"
        except (OSError, http.client.HTTPException) as error:
            self.errors.append(repr(error))
            return "failed"
        finally:
            connection.close()


def kill_and_count(pid: int, slot: int, ports: int = 2) -> int:
    """SIGKILL a worker. How many connections it had accepted and not closed at that moment."""
    try:
        return stop_and_count(pid, slot, ports)
    finally:
        os.kill(pid, signal.SIGKILL)


def stop_and_count(pid: int, slot: int, ports: int = 2) -> int:
    """SIGSTOP a worker. How many connections it had accepted and not closed at that moment."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: stopped(pid), "stopped")
    pages = range(2 * slot * ports, 2 * (slot + 1) * ports)  # two of each port
    return sum(cell(pid, page, OPEN) for page in pages)
