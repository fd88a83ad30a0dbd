"""A small task group for Python 3.10: one owner, no task left behind, the first failure wins.

(`asyncio.TaskGroup` came with 3.11; unlike it, this one does not wait for tasks at the end of the
block: a supervisor's tasks run for ever and are cancelled when its work is done.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any


class TaskOwner:
    """`async with TaskOwner() as tasks`: tasks started in it are cancelled and awaited at exit."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self.failed.done():
            self.failed.set_result(error)

    async def __aenter__(self) -> TaskOwner:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def every(seconds: float, action: Callable[[], None]) -> None:
    """Call `action` now and `seconds` after the end of each call, until cancelled. Raises what it
    raises.

    For what happens many times a second: a turn of the loop each, where a sleeping task takes two.
    """
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    timer: asyncio.TimerHandle | None = None

    def turn() -> None:
        nonlocal timer
        try:
            action()
        except Exception as error:
            failed.set_exception(error)
        else:
            timer = loop.call_later(seconds, turn)

    try:
        turn()
        await failed
    finally:
        if timer is not None:
            timer.cancel()


class Pulse:
    """Wakes everybody who waits at this moment; whoever comes later waits for the next one."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def pulse(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        await self._event.wait()
