"""What people see when an instance is ready: a table and two lines to paste."""

from __future__ import annotations

import asyncio
import sys

from ..group.group import Group
from ..slots.state import State
from ..system.log import Output
from . import examples, render
from .status import status


async def announce(group: Group, output: Output) -> None:
    """The ready table and the lines to paste, once all workers serve or one does and the rest has
    had its chance.
    """
    await group.wait_ready()
    pending = (State.WAIT_GPU, State.SPAWNING, State.LOADING)
    while any(slot.state in pending for slot in group.slots) and not group.ending.begun:
        await asyncio.sleep(0.05)
    if not output.as_json:  # every line above is an event of its own
        output.write(ready_text(group, color=output.color), "out")


def _speaks_tls(group: Group) -> bool:
    name = "http" if group.options.http.enabled else "grpc"
    return bool(group.options.frontends.get(name, {}).get("use_ssl"))


def ready_text(group: Group, *, color: bool) -> str:
    """Table of workers, then commands to paste."""
    sample = next((s.report.sample for s in group.slots if s.report.sample), None)
    where = {name: (ports.spec.address, ports.port) for name, ports in group.ports.items()}
    commands = examples.lines(
        sample, where.get("http"), where.get("grpc"), sys.executable, tls=_speaks_tls(group)
    )
    table = render.table(status(group), color=color, width=render.terminal_width())
    advice = ["try:", *(f"  {line}" for line in commands), ""] if commands else []
    return "\n".join(["", table, "", *advice])
