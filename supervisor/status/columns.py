"""Columns of the table of workers, and which of them a terminal has room for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.cells import cell_len
from rich.text import Text

from ..system.words import duration, size

#: Columns between two columns.
GAP = 2

_STYLE = {
    "READY": "bold green",
    "DEGRADED": "yellow",
    "FAILED": "bold red",
    "SUSPECT": "magenta",
    "KILLING": "red",
    "BACKOFF": "red",
    "DISABLED": "dim",
}

_Worker = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """`rank`: what has the highest is left out first, 0 never. `instead` then takes its place."""

    title: str
    text: Callable[[_Worker], Text | str]
    justify: Literal["left", "right"] = "right"
    rank: int = 0
    instead: Column | None = None

    def width(self, workers: Sequence[_Worker]) -> int:
        cells = [self.title, *(str(self.text(worker)) for worker in workers)]
        return max(cell_len(cell) for cell in cells)


def fitting(workers: Sequence[_Worker], width: int) -> list[Column]:
    """As many columns as fit side by side with no word split."""
    columns = list(_COLUMNS)
    while sum(column.width(workers) + GAP for column in columns) - GAP > width:
        worst = max(columns, key=lambda column: column.rank)
        if not worst.rank:
            break
        at = columns.index(worst)
        columns[at : at + 1] = [worst.instead] if worst.instead else []
    return columns


def _state(worker: _Worker) -> Text:
    state = str(worker["state"])
    return Text(state, style=_STYLE.get(state, ""))


def _number(key: str, form: str = "{}") -> Callable[[_Worker], str]:
    def text(worker: _Worker) -> str:
        value = worker.get(key)
        return "-" if value is None else form.format(value)

    return text


def _device(worker: _Worker) -> str:
    gpu = worker.get("gpu")
    if not gpu:
        return str(worker["device"])
    parts = [str(worker["device"]), str(gpu["name"])]
    if gpu.get("mem_total"):
        parts.append(f"{size(gpu['mem_used'])}/{size(gpu['mem_total'])}")
    if gpu["stale"]:
        parts.append("(stale)")
    return " ".join(part for part in parts if part)


_DEVICE = Column("device", lambda worker: str(worker["device"]), "left", 1)

_COLUMNS = (
    Column("worker", lambda worker: f"w{worker['slot']}", "left"),
    Column("state", _state, "left"),
    Column("device", _device, "left", 8, _DEVICE),
    Column("pid", lambda worker: str(worker["pid"] or "-"), rank=9),
    Column("models", lambda worker: f"{worker['models_ready']}/{worker['models_total']}", rank=2),
    Column("conns", _number("conns"), rank=10),
    Column("in flight", _number("inflight"), rank=3),
    Column("requests", _number("completed"), rank=12),
    Column("req/s", _number("rps_1m", "{:.1f}"), rank=4),
    Column("restarts", _number("restarts_total"), rank=7),
    Column("uptime", lambda worker: duration(worker["uptime_s"]), rank=5),
    Column("cpu", _number("cpu_percent", "{:.0f}%"), rank=11),
    Column("memory", lambda worker: size(worker["rss"]), rank=6),
)
