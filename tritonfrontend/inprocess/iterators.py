"""The two iterators over the responses of one request, for threads and for asyncio.

Only one fetch may be outstanding per request. With a `response_queue` a thread or task of ours
fetches, and hands every response to that queue and to the iterator.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import Any

from .. import _native
from ..errors import AlreadyExistsError, InvalidArgumentError
from .loops import arrival
from .request import InferenceRequest
from .response import InferenceResponse, convert

__all__ = ["AsyncResponseIterator", "ResponseIterator"]


class _Responses:
    """What both iterators share: the sent request and one fetch at a time."""

    def __init__(
        self,
        request: InferenceRequest,
        responses: _native.ResponseQueue,
        call: _native.Cancellation,
        raise_on_error: bool = False,
    ) -> None:
        self._request = request
        self._responses = responses
        self._call = call
        self._raise_on_error = raise_on_error
        self._complete = False
        self._fetching = threading.Lock()

    def cancel(self) -> None:
        """Ask the core to give the request up; harmless when it is answered already.

        Models notice at different times, or never. The final response comes in any case.
        """
        self._call.cancel()

    def _begin(self) -> None:
        if not self._fetching.acquire(blocking=False):
            raise AlreadyExistsError("a response of this request is being waited for already")

    def _delivered(
        self, delivery: tuple[_native.Response | None, bool] | None
    ) -> InferenceResponse:
        native, final = (None, True) if delivery is None else delivery
        self._complete = final
        return convert(self._request, native, final)

    def _checked(self, response: InferenceResponse) -> InferenceResponse:
        if self._raise_on_error and response.error is not None:
            raise response.error
        return response


class ResponseIterator(_Responses):
    """Blocks in `next`; ends after the final response. Threads may hand it on to each other."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = self._request.response_queue
        self._fed: queue.SimpleQueue[Any] | None = None
        if user is not None:
            if not hasattr(user, "put") or isinstance(user, asyncio.Queue):
                raise InvalidArgumentError("response_queue: expected a queue.SimpleQueue")
            self._fed = queue.SimpleQueue()
            threading.Thread(
                target=_feed, args=(self, (user, self._fed)), name="triton-responses", daemon=True
            ).start()

    def __iter__(self) -> ResponseIterator:
        return self

    def __next__(self) -> InferenceResponse:
        self._begin()
        try:
            if self._complete and self._fed is None:
                raise StopIteration
            response = self._fetch() if self._fed is None else self._take(self._fed)
        finally:
            self._fetching.release()
        return self._checked(response)

    def _fetch(self) -> InferenceResponse:
        return self._delivered(self._responses.get())

    def _take(self, fed: queue.SimpleQueue[Any]) -> InferenceResponse:
        item = fed.get()
        if item is None or isinstance(item, BaseException):
            fed.put(None)  # every further call ends as well
            raise StopIteration if item is None else item
        return item  # type: ignore[no-any-return]


def _feed(responses: ResponseIterator, targets: tuple[Any, ...]) -> None:
    while not responses._complete:
        try:
            response = responses._fetch()
        except Exception as error:  # goes to whoever iterates; the user's queue gets responses only
            targets[-1].put(error)
            continue
        for target in targets:
            target.put(response)
    targets[-1].put(None)


class AsyncResponseIterator(_Responses):
    """To be iterated with `async for`; ends after the final response."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = self._request.response_queue
        self._fed: asyncio.Queue[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        if user is not None:
            if not isinstance(user, asyncio.Queue):
                raise InvalidArgumentError("response_queue: expected an asyncio.Queue")
            loop = asyncio.get_running_loop()
            self._fed = asyncio.Queue()
            self._task = loop.create_task(_feed_async(self, (user, self._fed)))

    def __aiter__(self) -> AsyncResponseIterator:
        return self

    async def __anext__(self) -> InferenceResponse:
        self._begin()
        try:
            if self._complete and self._fed is None:
                raise StopAsyncIteration
            response = await (self._fetch() if self._fed is None else self._take(self._fed))
        finally:
            self._fetching.release()
        return self._checked(response)

    async def _fetch(self) -> InferenceResponse:
        while (delivery := self._responses.try_get()) is None:
            await arrival(self._responses)
        return self._delivered(delivery)

    async def _take(self, fed: asyncio.Queue[Any]) -> InferenceResponse:
        item = await fed.get()
        if item is None or isinstance(item, BaseException):
            fed.put_nowait(None)
            raise StopAsyncIteration if item is None else item
        return item  # type: ignore[no-any-return]


async def _feed_async(responses: AsyncResponseIterator, targets: tuple[Any, ...]) -> None:
    while not responses._complete:
        try:
            response = await responses._fetch()
        except Exception as error:
            await targets[-1].put(error)
            continue
        for target in targets:
            await target.put(response)
    await targets[-1].put(None)
