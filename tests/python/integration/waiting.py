"""Waits for a state of the server that follows from an event, without a length of time in it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

from rawhttp import RawHttp, call

PATIENCE_S = 30.0  # far more than any wait needs; only a failure takes as long


def until(condition: Callable[[], bool], what: str) -> None:
    """Returns when ``condition`` holds; fails the test if it never does."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.01)


def begun(connection: RawHttp, data: bytes) -> None:
    """Sends a request and returns when the server has read it: a reset would take it back."""
    connection.send(data)
    until(lambda: _unread(connection) == 0, "the server has read the request")


def _unread(connection: RawHttp) -> int:
    """Bytes that wait at the server's end of a connection over IPv4; see proc_net_tcp(5)."""
    ours, theirs = connection.socket.getsockname()[1], connection.socket.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if (local[-4:], remote[-4:]) == (f"{theirs:04X}", f"{ours:04X}"):
            return int(queues.partition(":")[2], 16)
    return 0


def failures(http_port: int, model: str) -> int:
    """Requests of ``model`` that have failed, cancelled ones included."""
    answer = call(http_port, "GET", f"/v2/models/{model}/stats")
    (stats,) = answer.json()["model_stats"]
    count: int = stats["inference_stats"]["fail"]["count"]
    return count


def failures_by_reason(metrics_port: int, model: str) -> dict[str, int]:
    """The same as the core's metrics tell it: REJECTED, CANCELED, BACKEND and OTHER."""
    text = call(metrics_port, "GET", "/metrics").body.decode()
    sample = rf'^nv_inference_request_failure{{model="{model}",reason="(\w+)",version="1"}} (\d+)$'
    return {reason: int(count) for reason, count in re.findall(sample, text, re.MULTILINE)}


def settled_failures(http_port: int, model: str) -> int:
    """``failures`` once everything has ended that earlier clients left with ``model``.

    The model has one instance and works in the order of arrival, so an inference behind the others
    is answered when they are over.
    """
    tensor = {"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}
    body = json.dumps({"parameters": {"delay_ms": 0}, "inputs": [tensor]}).encode()
    assert call(http_port, "POST", f"/v2/models/{model}/infer", body).status == 200
    return failures(http_port, model)
