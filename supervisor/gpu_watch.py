"""Last known values of the GPUs in use; never waits for NVML. Loop thread only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from .nvml import GpuSample, Nvml

#: Seconds between samples: status is for people, and NVML takes driver locks.
SAMPLE_EVERY = 5
_PRESENT_WAIT = 2.0


class GpuWatch:
    """Last known values of the GPUs in use; never waits for NVML."""

    def __init__(self, nvml: Nvml, uuids: Sequence[str]) -> None:
        self._nvml = nvml
        self._uuids = list(uuids)
        self._pending: asyncio.Future[dict[str, GpuSample]] | None = None
        self.samples: dict[str, GpuSample] = {}
        self.updated_at: float | None = None

    @property
    def stale(self) -> bool:
        limit = 3 * SAMPLE_EVERY
        return self.updated_at is None or time.monotonic() - self.updated_at > limit

    def refresh(self) -> None:
        """Ask for new values unless the last question is still unanswered."""
        if self._uuids and self._pending is None:
            self._pending = asyncio.wrap_future(self._nvml.sample(self._uuids))
            self._pending.add_done_callback(self._arrived)

    async def present(self, uuid: str) -> bool:
        """Does NVML list the GPU? True as well if NVML does not answer: the worker will know."""
        self.refresh()
        if self._pending is not None:
            await asyncio.wait({self._pending}, timeout=_PRESENT_WAIT)
        return self.stale or uuid in self.samples

    def _arrived(self, future: asyncio.Future[dict[str, GpuSample]]) -> None:
        self._pending = None
        if not future.cancelled() and future.exception() is None:
            self.samples = future.result()
            self.updated_at = time.monotonic()
