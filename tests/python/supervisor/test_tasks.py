"""Tasks with an owner, and what happens again and again."""

from __future__ import annotations

import asyncio

import pytest

from tritonfrontend.supervisor.system.tasks import TaskOwner, every


def test_every_calls_until_cancelled() -> None:
    calls: list[int] = []

    async def main() -> None:
        enough = asyncio.Event()

        def action() -> None:
            calls.append(len(calls))
            if len(calls) == 5:
                enough.set()

        async with TaskOwner() as tasks:
            tasks.start(every(0.001, action), "test")
            await enough.wait()
        seen = len(calls)
        await asyncio.sleep(0.02)
        assert len(calls) == seen

    asyncio.run(main())
    assert calls[:5] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("failing", [1, 3])
def test_every_ends_with_the_first_failure(failing: int) -> None:
    calls: list[int] = []

    def action() -> None:
        calls.append(len(calls))
        if len(calls) == failing:
            raise ValueError("as you wish")

    async def main() -> str:
        async with TaskOwner() as tasks:
            tasks.start(every(0.001, action), "test")
            return str(await tasks.failed)

    assert asyncio.run(main()) == "as you wish"
    assert len(calls) == failing


def test_owner_ends_what_it_started() -> None:
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async def main() -> None:
        async with TaskOwner() as tasks:
            for name in ("a", "b"):
                tasks.start(work(name), name)
            await asyncio.sleep(0)
        assert sorted(ended) == ["a", "b"]
        assert not tasks.failed.done()

    asyncio.run(main())
