"""Workers that grew or aged too much get a successor, one at a time. Loop thread only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from ..options.spec import ServeOptions
from ..slots.slot import Slot
from ..slots.state import State
from ..system import procfs
from ..system.words import size
from .rolling import Roller
from .rotation import Candidate, Rotation


class Renewal:
    """Looks at all slots of a group when told to."""

    def __init__(
        self, slots: Sequence[Slot], roller: Roller, note: Callable[[Slot, str], None]
    ) -> None:
        self._slots = slots
        self._roller = roller
        self._note = note
        self._rotation = Rotation(time.monotonic)
        self._task: asyncio.Task[None] | None = None

    def look(self, options: ServeOptions) -> None:
        """Begin to replace the worker that needs it most, if there is one and nothing else goes on.
        Raises what an earlier replacement raised: that is a bug and ends the group.
        """
        if self._task is not None and self._task.done():
            self._task.result()
            self._task = None
        if self._roller.busy or not (options.worker_max_rss or options.worker_max_age):
            return
        now = time.monotonic()
        candidates = [
            Candidate(
                slot.index,
                now - g.ready_at,
                _memory(g.pid),
                g.lot,
            )
            for slot in self._slots
            if slot.state is State.READY and (g := slot.generation) and g.ready_at is not None
        ]
        picked = self._rotation.pick(candidates, options.worker_max_rss, options.worker_max_age)
        if picked is not None:
            slot, reason = self._slots[picked[0]], picked[1]
            self._task = asyncio.get_running_loop().create_task(self._renew(slot, reason))

    async def _renew(self, slot: Slot, reason: str) -> None:
        why = await self._roller.renew(slot, slot.options, reason)
        limit, worker = slot.options.worker_max_rss, slot.generation
        fresh = _memory(worker.pid) if worker is not None and not why else 0
        if limit and fresh > limit:
            why = f"its successor holds {size(fresh)} before it has served; raise --worker-max-rss"
        if why:
            self._rotation.failed()
            self._note(slot, f"should be replaced ({reason}) but: {why}")


def _memory(pid: int) -> int:
    """Bytes of a worker with its Python stubs, which hold the memory of their models."""
    return procfs.rss_bytes(pid) + procfs.private_bytes_of_children(pid)
