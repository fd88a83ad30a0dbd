"""What happened in this instance: a bounded ring of events with sequence numbers. Loop thread only.

A reader holds nothing here but the number of the last event it has seen. One that is slow, or asks
for what is too old, is told how many events it has missed; nobody waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

#: A reason may quote a model's whole traceback; status and log have the rest of it.
MAX_TEXT = 2000
#: Events in one answer: some 100 KB at most of ordinary ones.
BATCH = 500


@dataclass(frozen=True)
class EventsState:
    """The ring of events. `last` is the number of the newest."""

    last: int
    events: list[dict[str, Any]]


@dataclass(frozen=True)
class Batch:
    """`events` in order; `lost` were dropped before the first; `last` is to be asked for next."""

    events: list[dict[str, Any]]
    lost: int
    last: int


class EventRing:
    """The last `capacity` events. Each is {"seq", "at" (Unix time), "kind", "worker", "text"} and
    the fields of its kind; sequence numbers begin at 1.
    """

    def __init__(self, capacity: int, clock: Callable[[], float] = time.time) -> None:
        self._ring: deque[dict[str, Any]] = deque(maxlen=capacity)
        self._clock = clock
        self._last = 0
        self._news = asyncio.Event()

    @property
    def last(self) -> int:
        """Sequence number of the newest event, 0 before the first."""
        return self._last

    def add(self, kind: str, text: str, worker: int | None = None, **fields: Any) -> None:
        """Record one event and wake those who follow."""
        self._last += 1
        if len(text) > MAX_TEXT:
            text = text[: MAX_TEXT - 3] + "..."
        head = {"seq": self._last, "at": round(self._clock(), 3), "kind": kind, "worker": worker}
        self._ring.append({**head, "text": text, **fields})
        self._news.set()
        self._news = asyncio.Event()

    def saved(self) -> EventsState:
        """For `resume`."""
        return EventsState(self._last, list(self._ring))

    def resume(self, state: EventsState) -> None:
        """The events of another supervisor of this instance; numbers go on after them."""
        self._last = state.last
        self._ring.extend(state.events)

    def after(self, since: int, limit: int = BATCH) -> Batch:
        """Events with numbers above `since`, the oldest `limit` of them."""
        since = min(max(0, since), self._last)
        first = self._last - len(self._ring) + 1
        lost = max(0, first - since - 1)
        start = max(since + 1, first) - first
        events = list(islice(self._ring, start, start + limit))
        return Batch(events, lost, events[-1]["seq"] if events else self._last)

    async def follow(self, since: int) -> AsyncIterator[Batch]:
        """Batches after `since`, for ever; waits while there is nothing new."""
        while True:
            news = self._news
            batch = self.after(since)
            if batch.events or batch.lost:
                since = batch.last
                yield batch
            else:
                await news.wait()
