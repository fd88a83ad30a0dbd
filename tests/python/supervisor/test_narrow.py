"""The table of `status` in terminals that are narrow or low."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from test_text import shown, status_of, worker

from tritonfrontend.supervisor.status import render

GPU = {"name": "NVIDIA H100 80GB HBM3", "mem_used": 3 << 30, "mem_total": 80 << 30, "stale": False}
WORKERS = (
    worker(slot=0, device="gpu:0", gpu=GPU, pid=1234567),
    worker(slot=1, device="gpu:1", gpu=GPU, state="DEGRADED", completed=10**9),
    worker(slot=2, state="BACKOFF", pid=None, uptime_s=None, rps_1m=None, rss=None),
)
ALL = "worker state device pid models conns in flight requests req/s restarts uptime cpu memory"


def rows(width: int, *workers: dict[str, Any]) -> list[str]:
    """Header and rows of the table alone."""
    lines = shown(*workers, width=width).splitlines()
    (first,) = (n for n, line in enumerate(lines) if line.startswith("worker"))
    return lines[first : first + 1 + len(workers)]


def titles(width: int) -> str:
    return " ".join(rows(width, *WORKERS)[0].split())


@pytest.mark.parametrize("width", [16, 20, 30, 40, 50, 60, 80, 100, 120, 140, 160, 200])
def test_no_word_is_split(width: int) -> None:
    """Whatever is shown is whole, and one line for each worker."""
    header, *lines = rows(width, *WORKERS)
    assert [title for title in ALL.split() if title in header.split()] == header.split()
    assert [line.split()[:2] for line in lines] == [
        ["w0", "READY"],
        ["w1", "DEGRADED"],
        ["w2", "BACKOFF"],
    ]
    assert all(len(line) <= width for line in (header, *lines))


def test_what_matters_least_is_left_out_first() -> None:
    assert titles(200) == ALL
    assert titles(80) == "worker state device models in flight req/s restarts uptime memory"
    assert titles(50) == "worker state device models in flight req/s"
    assert titles(40) == "worker state device models"
    assert titles(16) == "worker state"
    assert "gpu:0 NVIDIA H100 80GB HBM3 3.0 GiB/80.0 GiB" in shown(*WORKERS, width=200)
    assert "gpu:0 " in shown(*WORKERS, width=60)


def drawn(height: int, count: int, **last: Any) -> list[str]:
    """As in a terminal of 100 columns; the last of `count` workers is in trouble."""
    workers = [worker(slot=slot) for slot in range(count - 1)]
    workers.append(worker(slot=count - 1, state="BACKOFF", reason="crash", **last))
    buffer = io.StringIO()
    console = Console(file=buffer, width=100)
    console.print(render.view(status_of(*workers), 100, height))
    return [line.rstrip() for line in buffer.getvalue().splitlines()]


def test_a_low_terminal_says_what_it_does_not_show() -> None:
    assert not any("not shown" in line for line in drawn(8, 4))
    lines = drawn(7, 4)
    assert len(lines) == 7
    assert lines[-1] == "not shown: 1 worker, 1 line about them"
    assert [line.split()[0] for line in lines[3:-1]] == ["w0", "w1", "w3"]
    lines = drawn(10, 60)
    assert len(lines) == 10
    assert lines[-1] == "not shown: 54 workers, 1 line about them"
    assert lines[-2].startswith("w59 ")
