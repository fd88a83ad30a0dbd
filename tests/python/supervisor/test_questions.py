"""What a worker is asked and answers later. No process."""

from __future__ import annotations

import asyncio

from tritonfrontend.supervisor.protocol.channel import Message
from tritonfrontend.supervisor.slots.questions import Questions


class Worker:
    """Takes questions; `full`: its channel has no room."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []
        self.full = False

    def send(self, op: str, **args: float) -> bool:
        if not self.full:
            self.asked.append((op, args["seq"]))
        return not self.full


def refreshed(seq: float, failed: str = "") -> Message:
    return Message("REFRESHED", {"seq": seq, "failed": failed})


def test_an_answer_that_comes_too_late_is_for_nobody() -> None:
    async def main() -> None:
        worker = Worker()
        questions = Questions(worker.send)
        assert "not loaded again" in await questions.refresh(everything=True, seconds=0.01)
        again = asyncio.create_task(questions.refresh(everything=True, seconds=30))
        await asyncio.sleep(0)
        (_, first), (_, second) = worker.asked
        assert questions.take(refreshed(first, "of the one before"))
        await asyncio.sleep(0)
        assert not again.done()
        assert questions.take(refreshed(second))
        assert await again == ""

    asyncio.run(main())


def test_a_worker_that_ends_or_cannot_be_told() -> None:
    async def main() -> None:
        worker = Worker()
        questions = Questions(worker.send)
        asked = asyncio.create_task(questions.refresh(everything=False, seconds=30))
        await asyncio.sleep(0)
        questions.end()
        assert await asked == "the worker ended meanwhile"
        worker.full = True
        told = await questions.refresh(everything=False, seconds=30)
        assert told == "its control channel is full or closed"
        assert await questions.metrics_page(30) is None
        assert not questions.take(Message("HELLO", {}))

    asyncio.run(main())
