"""Wakes asyncio event loops when responses arrive, without the GIL in the core's threads.

One descriptor per loop, watched by the loop. Everything here runs on the loop's own thread, except
that different loops live in different threads.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import weakref

from .. import _native

__all__ = ["arrival"]

_lock = threading.Lock()
_wakers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Waker] = weakref.WeakKeyDictionary()


class _Waker:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._native = _native.LoopWaker.create()
        self._tokens = itertools.count()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        loop.add_reader(self._native.fd, self._wake)

    async def wait(self, responses: _native.ResponseQueue) -> None:
        token = next(self._tokens)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[token] = future
        responses.watch(self._native, token)
        try:
            await future
        finally:
            del self._waiting[token]
            responses.unwatch()

    def _wake(self) -> None:
        for token in self._native.drain():
            future = self._waiting.get(token)
            if future is not None and not future.done():
                future.set_result(None)


async def arrival(responses: _native.ResponseQueue) -> None:
    """Returns when something may have arrived in `responses`."""
    loop = asyncio.get_running_loop()
    with _lock:
        waker = _wakers.get(loop)
        if waker is None:
            waker = _wakers[loop] = _Waker(loop)
    await waker.wait(responses)
