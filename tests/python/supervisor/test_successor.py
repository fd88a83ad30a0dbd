"""How long a successor may load, with a fake clock. No process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tritonfrontend.supervisor.options.spec import Device, ServeOptions, Timeouts
from tritonfrontend.supervisor.protocol.channel import Message
from tritonfrontend.supervisor.slots.generation import Generation
from tritonfrontend.supervisor.slots.report import SlotReport
from tritonfrontend.supervisor.slots.successor import Successor

CPU = Device("cpu", 0)
MODELS = str(Path(__file__).parents[3] / "examples" / "models")


class Process:
    """What a generation is to its successor: it says what the test says."""

    say: Callable[[Message], None]

    def hand_over(self, on_message: Callable[[Message], None], on_exit: Any) -> None:
        self.say = on_message


@pytest.mark.parametrize(
    ("trouble", "exit_on_error", "left"),
    [
        ("", True, 300),  # it goes on
        ("a stub cannot be executed", True, 150),
        ("a stub cannot be executed", False, 300),  # another model may go on
    ],
)
def test_a_load_that_does_not_go_on_is_not_waited_for(
    trouble: str, exit_on_error: bool, left: float
) -> None:
    now = [1000.0]
    options = ServeOptions(
        model_repository=(MODELS,),
        timeouts=Timeouts(start=1800, start_stall=300),
        exit_on_error=exit_on_error,
    )

    async def main() -> str:
        successor = Successor(options, SlotReport(), CPU, lambda: now[0], lambda *_: None)
        process = Process()
        successor.started(cast(Generation, process))
        process.say(Message("HELLO", {}))
        now[0] += 150
        process.say(Message("PROGRESS", {"models": ["m"], "total": 1, "trouble": trouble}))
        now[0] += left - 1
        waiting = asyncio.create_task(successor.ready())
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        now[0] += 1
        return await successor.ready()

    assert asyncio.run(main()).endswith(trouble)
