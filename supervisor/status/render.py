"""Status as a person reads it: tables and lines, from the JSON form. Pure: returns text."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from ..system.words import duration, names
from .columns import GAP, fitting

#: Of a dead worker; --json has all.
_LINES_SHOWN = 3
_REQUESTS_SHOWN = 5
#: Where the output is no terminal: wide enough for the table in a log file.
_PLAIN_WIDTH = 160


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


def view(status: Mapping[str, Any], width: int = _PLAIN_WIDTH, height: int | None = None) -> Group:
    """Workers as a table, the group's line above and what is wrong below. A narrow table leaves out
    what matters least. If all of it has more than `height` lines, the last one says so.
    """
    head, workers = _headline(status["supervisor"]), list(status["workers"])
    troubles = [
        Text(f"w{worker['slot']}: {line}", overflow="fold")
        for worker in workers
        for line in _troubles(worker)
    ]
    if height is None:
        return Group(head, _grid(workers, width), *troubles)
    room = height - _lines(head, width) - 1
    workers, troubles, note = _cut(workers, troubles, width, room)
    return Group(head, _grid(workers, width), *troubles, *note)


def _grid(workers: Sequence[Mapping[str, Any]], width: int) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    columns = fitting(workers, width)
    for column in columns:
        grid.add_column(column.title, justify=column.justify, no_wrap=True)
    for worker in workers:
        grid.add_row(*(column.text(worker) for column in columns))
    return grid


def _cut(
    workers: list[Any], troubles: list[Text], width: int, room: int
) -> tuple[list[Any], list[Text], list[Text]]:
    """What of it fits into `room` lines, those that are not ready first, and a line about the rest
    if there is a rest.
    """
    if len(workers) + sum(_lines(text, width) for text in troubles) <= room:
        return workers, troubles, []
    room = max(0, room - 1)
    telling = sorted(workers, key=lambda worker: (worker["state"] == "READY", worker["slot"]))
    shown = sorted(telling[:room], key=lambda worker: int(worker["slot"]))
    room -= len(shown)
    told: list[Text] = []
    for text in troubles:
        room -= _lines(text, width)
        if room < 0:
            break
        told.append(text)
    hidden, untold = len(workers) - len(shown), len(troubles) - len(told)
    parts = [_count(hidden, "worker"), _count(untold, "line about them", "lines about them")]
    note = f"not shown: {', '.join(filter(None, parts))}"
    return shown, told, [Text(note, no_wrap=True, overflow="ellipsis")]


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}" if number else ""


def _lines(text: Text, width: int) -> int:
    return len(text.wrap(Console(file=io.StringIO(), width=width), width))


def _headline(supervisor: Mapping[str, Any]) -> Text:
    ports = "  ".join(
        f"{name} {where['address']}:{where['port']}" for name, where in supervisor["ports"].items()
    )
    spares = ", ".join(
        f"{spare['device']} ({spare['quarantine']})" if spare["quarantine"] else spare["device"]
        for spare in supervisor.get("spare_devices", ())
    )
    return Text(
        f"{supervisor['name']}: {supervisor['group_state']}, "
        f"{supervisor['ready']} of {supervisor['total']} workers ready, "
        f"up {duration(supervisor['uptime_s'])}, pid {supervisor['pid']}\n{ports}"
        + (f"\nspare: {spares}" if spares else ""),
        overflow="fold",
    )


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
