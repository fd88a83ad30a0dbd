"""Status as a person reads it: tables and lines, from the JSON form. Pure: returns text."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from .slot import Slot

_STYLE = {
    "READY": "bold green",
    "DEGRADED": "yellow",
    "FAILED": "bold red",
    "KILLING": "red",
    "BACKOFF": "red",
    "DISABLED": "dim",
}
_NAMES_SHOWN = 4
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
    console.print(view(status))
    return buffer.getvalue().rstrip("\n")


def view(status: Mapping[str, Any]) -> Group:
    """Workers as a table, the group's line above and what is wrong below."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title, right in _COLUMNS:
        grid.add_column(title, justify="right" if right else "left", overflow="fold")
    for worker in status["workers"]:
        grid.add_row(*_row(worker))
    troubles = [
        Text(f"w{worker['slot']}: {line}", overflow="fold")
        for worker in status["workers"]
        for line in _troubles(worker)
    ]
    return Group(_headline(status["supervisor"]), grid, *troubles)


_COLUMNS = (
    ("worker", False),
    ("state", False),
    ("device", False),
    ("pid", True),
    ("models", True),
    ("conns", True),
    ("in flight", True),
    ("requests", True),
    ("restarts", True),
    ("uptime", True),
    ("memory", True),
)


def _row(worker: Mapping[str, Any]) -> list[Text | str]:
    state = str(worker["state"])
    return [
        f"w{worker['slot']}",
        Text(state, style=_STYLE.get(state, "")),
        _device(worker),
        str(worker["pid"] or "-"),
        f"{worker['models_ready']}/{worker['models_total']}",
        str(worker["conns"]),
        str(worker["inflight"]),
        str(worker["completed"]),
        str(worker["restarts_total"]),
        duration(worker["uptime_s"]),
        size(worker["rss"]),
    ]


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
    return lines


def event_line(event: Mapping[str, Any]) -> str:
    """Time in the local zone, worker, kind and text in columns."""
    at = datetime.fromtimestamp(event["at"]).astimezone()
    worker = "-" if event["worker"] is None else f"w{event['worker']}"
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} {worker:<4} {event['text']}"


def progress_line(slots: Sequence[Slot]) -> str:
    """One line over all workers while nobody serves yet."""
    parts = []
    for slot in slots:
        report = slot.report
        part = f"w{slot.index} {str(slot.state).lower()}"
        if report.elapsed and slot.state == "LOADING":
            part += f" {report.elapsed:.0f} s"
        if report.loading_total and slot.state == "LOADING":
            part += f" ({names(report.loading, report.loading_total)})"
        parts.append(part)
    return " | ".join(parts)


def names(shown: Sequence[str], total: int) -> str:
    """A short enumeration: "a, b, c, d and 6 more"."""
    head = list(shown[:_NAMES_SHOWN])
    rest = max(total, len(shown)) - len(head)
    return ", ".join(head) + (f" and {rest} more" if rest > 0 else "")


def duration(seconds: float | None) -> str:
    """Two units at most: 7s, 3m12s, 5h03m, 2d4h."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def size(count: int | None) -> str:
    """Binary units: 812 MiB, 1.5 GiB."""
    if count is None:
        return "-"
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
