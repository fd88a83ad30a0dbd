"""What a worker is asked that it answers later: its page of metrics, to load its models again.

Loop thread only.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, TypeGuard

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
        self._page: asyncio.Future[str] | None = None
        self._page_seq = 0
        self._refresh: asyncio.Future[str] | None = None
        self._refresh_seq = 0

    async def metrics_page(self, seconds: float) -> str | None:
        """The worker's metrics text, or None if it does not answer in time."""
        self.seq += 1
        self._page_seq = self.seq
        self._page = future = asyncio.get_running_loop().create_future()
        try:
            if not self._send("METRICS", seq=self.seq):
                return None
            return await asyncio.wait_for(future, seconds)
        except asyncio.TimeoutError:
            return None
        finally:
            self._page = None

    async def refresh(self, *, everything: bool, seconds: float) -> str:
        """Let it load the models again that have changed, or all. "" or what went wrong."""
        self.seq += 1
        self._refresh_seq = self.seq
        self._refresh = future = asyncio.get_running_loop().create_future()
        try:
            if not self._send("REFRESH", seq=self.seq, everything=everything):
                return "its control channel is full or closed"
            return await asyncio.wait_for(future, seconds)
        except asyncio.TimeoutError:
            return f"its models were not loaded again within {seconds:g} s"
        finally:
            self._refresh = None

    def take(self, message: Message) -> bool:
        """Is it an answer? One that comes too late is for nobody."""
        seq = int(message.args.get("seq", 0))
        match message.op:
            case "METRICS":
                if seq == self._page_seq and message.fds and _waits(self._page):
                    text = content(message.fds[0]).decode("utf-8", "replace")
                    self._page.set_result(text)
            case "REFRESHED":
                if seq == self._refresh_seq and _waits(self._refresh):
                    self._refresh.set_result(str(message.args["failed"]))
            case _:
                return False
        return True

    def end(self) -> None:
        """It answers no more."""
        if _waits(self._refresh):
            self._refresh.set_result("the worker ended meanwhile")


def _waits(future: asyncio.Future[str] | None) -> TypeGuard[asyncio.Future[str]]:
    return future is not None and not future.done()
