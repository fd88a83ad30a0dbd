"""Clients that keep asking and count: every request they sent gets a good answer, or is a failure.

A refused connection is no failed request (nothing was asked), it is counted apart. Each kind of
client runs closed-loop on threads of its own and ends at `stop()`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

_BODY = json.dumps(
    {"inputs": [{"name": "INPUT0", "datatype": "BYTES", "shape": [1, 1], "data": ["x"]}]}
)
_PER_STREAM = 5


class Refused(Exception):
    """No connection was made, so no request was sent."""


class Load:
    """`results` counts "ok", "failed" and "refused"; `errors` has the texts of the failures."""

    def __init__(self, http_port: int, grpc_port: int) -> None:
        self.results: Counter[str] = Counter()
        self.by_kind: Counter[str] = Counter()
        self.errors: list[str] = []
        self._http, self._grpc = http_port, grpc_port
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self, **counts: int) -> Load:
        """Threads per kind: keep_alive, short, triton_http, unary, stream."""
        for kind, count in counts.items():
            for _ in range(count):
                thread = threading.Thread(target=self._run, args=(kind,), daemon=True)
                thread.start()
                self._threads.append(thread)
        return self

    def stop(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _run(self, kind: str) -> None:
        client = getattr(self, f"_{kind}")()
        one: Callable[[], int] = client[0]
        while not self._done.is_set():
            try:
                answered = one()
            except Refused:
                self._count(kind, "refused", 1)
                time.sleep(0.01)
            except Exception as error:
                self._count(kind, "failed", 1)
                self.errors.append(f"{kind}: {type(error).__name__}: {error}")
            else:
                self._count(kind, "ok", answered)
        client[1]()

    def _count(self, kind: str, what: str, number: int) -> None:
        with self._lock:
            self.results[what] += number
            self.by_kind[f"{kind} {what}"] += number

    # -- kinds: one request (returns how many answers), and the end ------------------------

    def _keep_alive(self, close: bool = False) -> tuple[Callable[[], int], Callable[[], None]]:
        """A client that never sends a request twice."""
        connection = http.client.HTTPConnection("127.0.0.1", self._http, timeout=30)
        headers = {"Content-Type": "application/json", **({"Connection": "close"} if close else {})}

        def one() -> int:
            if connection.sock is None:
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    raise Refused from None
            try:
                connection.request("POST", "/v2/models/identity/infer", _BODY, headers)
                answer = connection.getresponse()
                body = answer.read()
            except BaseException:
                connection.close()
                raise
            assert answer.status == 200, body
            return 1

        return one, connection.close

    def _short(self) -> tuple[Callable[[], int], Callable[[], None]]:
        return self._keep_alive(close=True)

    def _triton_http(self) -> tuple[Callable[[], int], Callable[[], None]]:
        client = httpclient.InferenceServerClient(f"127.0.0.1:{self._http}")
        tensor = text_tensor(httpclient)

        def one() -> int:
            try:
                client.infer("identity", [tensor])
            except ConnectionRefusedError:
                raise Refused from None
            return 1

        return one, client.close

    def _unary(self) -> tuple[Callable[[], int], Callable[[], None]]:
        client = grpc_client(self._grpc)
        tensor = text_tensor(grpcclient)

        def one() -> int:
            try:
                client.infer("identity", [tensor])
            except Exception as error:
                raise _grpc_error(error) from None
            return 1

        return one, client.close

    def _stream(self) -> tuple[Callable[[], int], Callable[[], None]]:
        client = grpc_client(self._grpc)
        tensor = text_tensor(grpcclient)

        def one() -> int:
            answers: queue.Queue[Any] = queue.Queue()
            client.start_stream(lambda result, error: answers.put(error or result))
            try:
                with contextlib.suppress(InferenceServerException):  # told by the callback too
                    for _ in range(_PER_STREAM):
                        client.async_stream_infer("identity", [tensor])
                for _ in range(_PER_STREAM):
                    answer = answers.get(timeout=30)
                    if isinstance(answer, Exception):
                        raise _grpc_error(answer)
            finally:
                client.stop_stream()
            return _PER_STREAM

        return one, client.close


def grpc_client(port: int) -> Any:
    # A pool of its own: else all channels of the process share one connection.
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100)]
    return grpcclient.InferenceServerClient(f"127.0.0.1:{port}", channel_args=options)


def _grpc_error(error: Exception) -> Exception:
    """Refused, if the channel never got a connection for this call."""
    code = getattr(error, "status", lambda: None)()
    text = str(error)
    unavailable = str(grpc.StatusCode.UNAVAILABLE) in (code, str(code))
    return Refused() if unavailable and "onnection refused" in text else error


def text_tensor(module: Any) -> Any:
    tensor = module.InferInput("INPUT0", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([["x"]], dtype=object))
    return tensor
