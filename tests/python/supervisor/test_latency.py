"""Quantiles of the last minute from a histogram, and instances by configuration."""

from __future__ import annotations

from typing import Any

import pytest

from tritonfrontend.supervisor.worker.instance_counts import counted
from tritonfrontend.supervisor.worker.latency import WINDOW, LatencyWindow

BOUNDS = [0.001, 0.01, 0.1, 1.0]


def test_nothing_yet() -> None:
    window = LatencyWindow(BOUNDS)
    assert window.quantile(0.5) is None
    window.sample(0, [0, 0, 0, 0])
    assert window.quantile(0.5) is None


def test_quantiles_are_upper_bounds() -> None:
    window = LatencyWindow(BOUNDS)
    window.sample(0, [50, 49, 1, 0])
    assert window.quantile(0.5) == 0.001
    assert window.quantile(0.51) == 0.01
    assert window.quantile(0.99) == 0.01
    assert window.quantile(0.995) == 0.1
    assert window.quantile(1.0) == 0.1


def test_only_the_last_minute_counts() -> None:
    window = LatencyWindow(BOUNDS)
    for second in range(30):
        window.sample(second, [0, 0, 0, 100])
    for second in range(30, 40):
        window.sample(second, [second - 29, 0, 0, 100])
    assert window.quantile(0.5) == 1.0
    for second in range(40, 100):
        window.sample(second, [10, 0, 0, 100])
    assert window.quantile(0.5) == 0.001
    window.sample(100 + WINDOW, [10, 0, 0, 100])
    assert window.quantile(0.5) is None


@pytest.mark.parametrize(
    ("config", "stubs", "expected"),
    [
        ({}, 0, (0, 0)),
        ({"instance_group": [{"count": 2, "kind": "KIND_CPU"}]}, 0, (2, 2)),
        ({"instance_group": [{"count": 2, "kind": "KIND_GPU", "gpus": [0, 1]}]}, 0, (4, 4)),
        ({"instance_group": [{"count": 1}, {"count": 2}]}, 0, (3, 3)),
        ({"backend": "python", "instance_group": [{"count": 3}]}, 2, (2, 3)),
        ({"backend": "python", "instance_group": [{"count": 3}]}, 6, (3, 3)),
    ],
)
def test_instances(config: dict[str, Any], stubs: int, expected: tuple[int, int]) -> None:
    assert counted(config, stubs, ready=True) == expected
    assert counted(config, stubs, ready=False) == (0, expected[1])
