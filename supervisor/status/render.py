"""Status as a person reads it: tables and lines, from the JSON form. Pure: returns text."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from ..system.words import duration, names, size

_STYLE = {
    "READY": "bold green",
    "DEGRADED": "yellow",
    "FAILED": "bold red",
    "SUSPECT": "magenta",
    "KILLING": "red",
    "BACKOFF": "red",
    "DISABLED": "dim",
}
#: Of a dead worker; --json has all.
_LINES_SHOWN = 3
_REQUESTS_SHOWN = 5
#: Where the output is no terminal: wide enough for the table in a log file.
_PLAIN_WIDTH = 140


def terminal_width() -> int:
    """Columns of the terminal, or a fixed width for files and pipes."""
    return shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns


def table(status: Mapping[str, Any], *, color: bool, width: int) -> str:
    """`view` as text. No trailing newline."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, force_terminal=color, no_color=not color, width=width, highlight=False
    )
    console.print(view(status, width))
    return buffer.getvalue().rstrip("\n")


def view(status: Mapping[str, Any], width: int = _PLAIN_WIDTH) -> Group:
    """Workers as a table, the group's line above and what is wrong below. A narrow table leaves out
    what matters least.
    """
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    columns = [column for column in _COLUMNS if width >= column.needs]
    for column in columns:
        grid.add_column(column.title, justify=column.justify, overflow="fold")
    for worker in status["workers"]:
        grid.add_row(*(column.text(worker) for column in columns))
    troubles = [
        Text(f"w{worker['slot']}: {line}", overflow="fold")
        for worker in status["workers"]
        for line in _troubles(worker)
    ]
    return Group(_headline(status["supervisor"]), grid, *troubles)


@dataclass(frozen=True)
class _Column:
    """`needs`: shown if the terminal has so many columns."""

    title: str
    text: Callable[[Mapping[str, Any]], Text | str]
    justify: Literal["left", "right"] = "right"
    needs: int = 0


def _state(worker: Mapping[str, Any]) -> Text:
    state = str(worker["state"])
    return Text(state, style=_STYLE.get(state, ""))


def _number(key: str, form: str = "{}") -> Callable[[Mapping[str, Any]], str]:
    def text(worker: Mapping[str, Any]) -> str:
        value = worker.get(key)
        return "-" if value is None else form.format(value)

    return text


_COLUMNS = (
    _Column("worker", lambda worker: f"w{worker['slot']}", "left"),
    _Column("state", _state, "left"),
    _Column("device", lambda worker: _device(worker), "left"),
    _Column("pid", lambda worker: str(worker["pid"] or "-"), needs=90),
    _Column("models", lambda worker: f"{worker['models_ready']}/{worker['models_total']}"),
    _Column("conns", _number("conns"), needs=100),
    _Column("in flight", _number("inflight")),
    _Column("requests", _number("completed"), needs=110),
    _Column("req/s", _number("rps_1m", "{:.1f}")),
    _Column("restarts", _number("restarts_total"), needs=80),
    _Column("uptime", lambda worker: duration(worker["uptime_s"])),
    _Column("cpu", _number("cpu_percent", "{:.0f}%"), needs=100),
    _Column("memory", lambda worker: size(worker["rss"]), needs=70),
)


def _headline(supervisor: Mapping[str, Any]) -> Text:
    ports = "  ".join(
        f"{name} {where['address']}:{where['port']}" for name, where in supervisor["ports"].items()
    )
    return Text(
        f"{supervisor['name']}: {supervisor['group_state']}, "
        f"{supervisor['ready']} of {supervisor['total']} workers ready, "
        f"up {duration(supervisor['uptime_s'])}, pid {supervisor['pid']}\n{ports}",
        overflow="fold",
    )


def _device(worker: Mapping[str, Any]) -> str:
    gpu = worker.get("gpu")
    if not gpu:
        return str(worker["device"])
    parts = [str(worker["device"]), str(gpu["name"])]
    if gpu.get("mem_total"):
        parts.append(f"{size(gpu['mem_used'])}/{size(gpu['mem_total'])}")
    if gpu["stale"]:
        parts.append("(stale)")
    return " ".join(part for part in parts if part)


def _troubles(worker: Mapping[str, Any]) -> list[str]:
    """Why a worker is not simply ready, and how the last one ended."""
    lines = []
    if worker["state"] != "READY" and worker["reason"]:
        again = worker["next_try_in_s"]
        suffix = f" (next try in {again:.0f} s)" if again is not None else ""
        lines.append(f"{worker['reason']}{suffix}")
    if worker["state"] == "LOADING" and worker["loading"]:
        lines.append(f"loading {names(worker['loading'], worker['models_total'])}")
    lines += [
        f"model {model['name']} version {model['version']}: {model['reason']}"
        for model in worker["models"]
        if model.get("failed")
    ]
    last = worker["last_exit"]
    if last is not None:
        told = last["reason"].startswith(last["text"])
        text = last["reason"] if told else f"{last['text']}: {last['reason']}"
        lines.append(f"last exit: {text}, after {duration(last['uptime_s'])}")
        if last["code"] != 0:
            lines += _last_words(last)
    return lines


def _last_words(last: Mapping[str, Any]) -> list[str]:
    """What the dead worker was computing and what it said last."""
    lines = []
    for request in (last.get("inflight") or ())[:_REQUESTS_SHOWN]:
        name = f" id {request['id']!r}" if request["id"] else ""
        lines.append(f"  in flight: {request['model']}{name} for {duration(request['age_s'])}")
    if (more := len(last.get("inflight") or ()) - _REQUESTS_SHOWN) > 0:
        lines.append(f"  in flight: and {more} more")
    return lines + [f"  | {line}" for line in last.get("stderr_tail", ())[-_LINES_SHOWN:]]


def event_line(event: Mapping[str, Any]) -> str:
    """Time in the local zone, worker, kind and text in columns."""
    at = datetime.fromtimestamp(event["at"]).astimezone()
    worker = "-" if event["worker"] is None else f"w{event['worker']}"
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} {worker:<4} {event['text']}"
