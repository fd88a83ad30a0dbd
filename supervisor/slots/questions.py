"""What a worker is asked that it answers later: its page of metrics, to load its models again.

Loop thread only.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from ..protocol.channel import Message
from ..system.memory_file import content


class Send(Protocol):
    """False: the channel is full or closed."""

    def __call__(self, op: str, **args: float) -> bool: ...


class Questions:
    """To one worker. `seq` is the number of the last question."""

    def __init__(self, send: Send, seq: int = 0) -> None:
        self._send = send
        self.seq = seq
        self._open: dict[int, asyncio.Future[str | None]] = {}

    async def metrics_page(self, seconds: float) -> str | None:
        """The worker's metrics text, or None if it does not answer in time."""
        try:
            return await self._ask("METRICS", seconds)
        except (asyncio.TimeoutError, ConnectionError):
            return None

    async def refresh(self, *, everything: bool, seconds: float) -> str:
        """Let it load the models again that have changed, or all. "" or what went wrong."""
        try:
            failed = await self._ask("REFRESH", seconds, everything=everything)
        except ConnectionError as error:
            return str(error)
        except asyncio.TimeoutError:
            return f"its models were not loaded again within {seconds:g} s"
        return "the worker ended meanwhile" if failed is None else failed

    def take(self, message: Message) -> bool:
        """Is it an answer? One that comes too late is for nobody."""
        if message.op not in ("METRICS", "REFRESHED"):
            return False
        future = self._open.get(int(message.args["seq"]))
        if future is not None and not future.done():
            future.set_result(_text(message))
        return True

    def end(self) -> None:
        """It answers no more."""
        for future in self._open.values():
            if not future.done():
                future.set_result(None)

    async def _ask(self, op: str, seconds: float, **args: float) -> str | None:
        """The text of the answer, None if the worker ends before it. Raises TimeoutError of
        asyncio, or ConnectionError if it cannot be asked.
        """
        self.seq += 1
        seq = self.seq
        if not self._send(op, seq=seq, **args):
            raise ConnectionError("its control channel is full or closed")
        self._open[seq] = future = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(future, seconds)
        finally:
            del self._open[seq]


def _text(message: Message) -> str | None:
    if message.op == "REFRESHED":
        return str(message.args["failed"])
    return content(message.fds[0]).decode("utf-8", "replace") if message.fds else None
