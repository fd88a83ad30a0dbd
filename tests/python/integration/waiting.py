"""Waits for a state of the server that follows from an event, without a length of time in it."""

from __future__ import annotations

import time
from collections.abc import Callable

from rawhttp import call

PATIENCE_S = 30.0  # far more than any wait needs; only a failure takes as long


def until(condition: Callable[[], bool], what: str) -> None:
    """Returns when ``condition`` holds; fails the test if it never does."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.01)


def failures(http_port: int, model: str) -> int:
    """Requests of ``model`` that have failed, cancelled ones included."""
    answer = call(http_port, "GET", f"/v2/models/{model}/stats")
    (stats,) = answer.json()["model_stats"]
    count: int = stats["inference_stats"]["fail"]["count"]
    return count
