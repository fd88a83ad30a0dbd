"""Makes a change that one client asked one worker for on all workers, and keeps it for new ones.

A change is made on the worker that was asked, first. What it refuses is refused. Else the change is
recorded in the journal and sent to all others at once; the client is answered when they have it. If
one refuses, the change is taken back where it was made, or the answer says who has it. Whoever ends
meanwhile, or does not answer in time, counts as dead: its successor gets the journal before it
serves, and a worker that is late is restarted for it.

The order of changes is the supervisor's: one at a time per lane (protocol/control_calls.py), the
same on all workers. Loop thread only; `run` is one task of the group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..protocol.control_calls import LANES, Call, Outcome
from ..system.memory_file import MemoryFile
from .journal import Journal
from .replica import Applied, Replica

#: The codes of cpp/base/status.h that the supervisor uses of its own.
_NOT_FOUND, _UNAVAILABLE = 2, 4


@dataclass(frozen=True)
class CallState:
    """A change that a client made, see `control_calls.Call`. `fd`: its memory file, or -1."""

    head: dict[str, Any]
    fd: int


@dataclass(frozen=True)
class ReplicationState:
    """What clients have changed, in the order to repeat it in, and the counters."""

    journal: list[CallState] = field(default_factory=list)
    replicated_total: int = 0
    failed_total: int = 0


class Host(Protocol):
    """What replication needs of the group."""

    def replication_event(self, slot: int, text: str) -> None: ...

    def give_up(self, slot: int, number: int, reason: str) -> None: ...  # restart it


@dataclass
class _Change:
    origin: Replica
    request: int
    call: Call


@dataclass
class _Refusal:
    by: set[Replica]
    first: Replica
    outcome: Outcome


class Replication:
    """The changes of one group."""

    def __init__(
        self, host: Host, timeout: Callable[[], float], patience: Callable[[], float]
    ) -> None:
        """`timeout`: seconds that the other workers have longer than the one that was asked, until
        its client is answered; `patience`: that they have then.
        """
        self.journal = Journal()
        self.replicated_total = 0
        self.failed_total = 0
        self._host = host
        self._timeout = timeout
        self._patience = patience
        self._replicas: set[Replica] = set()  # that have the journal, or are being sent it
        self._making = 0
        self._lanes: dict[str, asyncio.Queue[_Change]] = {
            lane: asyncio.Queue() for lane in LANES.values()
        }

    @property
    def status(self) -> dict[str, int]:
        return {
            "replicated_total": self.replicated_total,
            "replication_failed_total": self.failed_total,
            "replication_journal": len(self.journal),
        }

    def replica(
        self, slot: int, number: int, send: Callable[[str, Sequence[int], Mapping[str, Any]], bool]
    ) -> Replica:
        """For a worker process that was just started."""
        return Replica(slot, number, send, self._ask, self._replicas.discard)

    def replay(self, replica: Replica, then: Callable[[], None]) -> None:
        """Bring a worker that has loaded to the state of the others; `then` it may serve.

        From this moment it gets every change, so none falls between.
        """
        self._replicas.add(replica)
        for call in self.journal.entries():
            self._unattended(replica, call, replay=True)
        asyncio.get_running_loop().call_soon(self._replayed, replica, then)

    # -- an upgrade in place ---------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """A change is on its way: only this process knows which."""
        waiting = any(not lane.empty() for lane in self._lanes.values())
        return waiting or self._making > 0 or not all(each.idle for each in self._replicas)

    def saved(self) -> ReplicationState:
        """For `resume`, while it is not busy. The descriptors stay ours."""
        calls = self.journal.entries()
        return ReplicationState(
            [CallState(dict(call.head), call.file.fd if call.file else -1) for call in calls],
            self.replicated_total,
            self.failed_total,
        )

    def resume(self, state: ReplicationState) -> None:
        """Go on where another supervisor stopped. Owns the descriptors."""
        self.replicated_total, self.failed_total = state.replicated_total, state.failed_total
        for call in state.journal:
            self.journal.record(Call(call.head, MemoryFile(call.fd) if call.fd >= 0 else None))

    def rejoin(self, replica: Replica | None) -> None:
        """A worker that had everything before."""
        if replica is not None:
            replica.serving = True
            self._replicas.add(replica)

    # -- life ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. An exception here is a bug."""
        await asyncio.gather(*map(self._work, self._lanes))

    # -- inside ----------------------------------------------------------------------------

    def _ask(self, replica: Replica, request: int, call: Call) -> None:
        self._lanes[call.lane].put_nowait(_Change(replica, request, call))

    async def _work(self, lane: str) -> None:
        while True:
            change = await self._lanes[lane].get()
            self._making += 1
            await self._make(change)
            self._making -= 1

    async def _make(self, change: _Change) -> None:
        origin, call = change.origin, change.call
        began = asyncio.get_running_loop().time()
        # How long a load takes is the model's business, as without a supervisor.
        limit = None if call.lane == "models" else self._timeout()
        first = await self._within(origin, origin.apply(call, request=change.request), limit)
        if first.gone:  # nobody else has heard of it
            text = f"{origin.label} is being restarted, the change is not made"
            origin.reply(change.request, (_UNAVAILABLE, text))
            return
        if first.outcome is not None and not self._settled(call, first.outcome):
            origin.reply(change.request, first.outcome)
            return
        took = asyncio.get_running_loop().time() - began
        inverse = self.journal.inverse(call, first.loaded, first.previous)
        saved = self.journal.saved(call.lane)
        self.journal.record(call)
        limit = took + self._timeout()
        refusal = await self._spread(change, limit)
        if refusal is None:
            self.replicated_total += 1
            origin.reply(change.request, None)
            return
        self.failed_total += 1
        if inverse is not None:  # before anything is waited for: a worker that starts now
            self.journal.restore(call.lane, saved)
        origin.reply(change.request, await self._undo(call, refusal, inverse, limit))

    def _settled(self, call: Call, outcome: Outcome) -> bool:
        """The worker that was asked had not been able to load what the others have to unload."""
        return outcome[0] == _NOT_FOUND and self.journal.loaded_by_client(call)

    async def _spread(self, change: _Change, limit: float) -> _Refusal | None:
        """Have all others make the change."""
        others = [each for each in self._replicas if each is not change.origin]
        for each in others:
            if not each.serving:
                self._unattended(each, change.call)
        asked = [each for each in others if each.serving]
        answers = await asyncio.gather(
            *(self._patiently(each, each.apply(change.call), limit) for each in asked)
        )
        refused = [
            (each, answer.outcome)
            for each, answer in zip(asked, answers, strict=True)
            if answer.outcome is not None and not answer.gone
        ]
        return _Refusal({each for each, _ in refused}, *refused[0]) if refused else None

    async def _undo(
        self, call: Call, refusal: _Refusal, inverse: Call | None, limit: float
    ) -> Outcome:
        """Take the change back where it was made, or say where that is."""
        having = sorted(
            (each for each in self._replicas if each not in refusal.by), key=lambda each: each.slot
        )
        names = ", ".join(each.label for each in having)
        code, text = refusal.outcome
        text = f"{refusal.first.label} could not do the same: {text}"
        if inverse is None:
            text += f" ({names} did)"
        else:
            await self._take_back(inverse, having, limit)
            text += f" (undone on {names})"
        self._host.replication_event(refusal.first.slot, f"{call}: {text}")
        return code, text

    async def _take_back(self, inverse: Call, having: Sequence[Replica], limit: float) -> None:
        """Whoever cannot take it back is restarted: the journal knows nothing of the change."""
        for each in having:
            if not each.serving:
                self._unattended(each, inverse)
        asked = [each for each in having if each.serving]
        answers = await asyncio.gather(
            *(self._within(each, each.apply(inverse, replay=True), limit) for each in asked)
        )
        for each, answer in zip(asked, answers, strict=True):
            if answer.outcome is not None:
                self._give_up(each, f"could not take back a change: {answer.outcome[1]}")

    async def _patiently(
        self, replica: Replica, answer: asyncio.Future[Applied], limit: float
    ) -> Applied:
        """The client waits for `limit` only. The worker has longer: a model that loads may hold its
        interpreter for minutes, in which its loops serve. Later changes wait behind this one.
        """
        await asyncio.wait({answer}, timeout=limit)
        if answer.done():
            return answer.result()
        text = f"has not made a change of the server within {limit:.3g} s; it is waited for"
        self._host.replication_event(replica.slot, text)
        loop = asyncio.get_running_loop()
        loop.call_later(self._patience(), self._lost_patience, replica, answer)
        answer.add_done_callback(lambda done: self._late(replica, done.result()))
        return Applied(gone=True)

    def _late(self, replica: Replica, applied: Applied) -> None:
        if applied.outcome is not None and not applied.gone:
            self._give_up(replica, f"could not make a change of the server: {applied.outcome[1]}")

    def _lost_patience(self, replica: Replica, answer: asyncio.Future[Applied]) -> None:
        if not answer.done():
            self._give_up(replica, "did not make a change of the server, and does not answer")

    async def _within(
        self, replica: Replica, answer: asyncio.Future[Applied], limit: float | None
    ) -> Applied:
        await asyncio.wait({answer}, timeout=limit)
        if answer.done():
            return answer.result()
        self._give_up(replica, f"did not make a change of the server within {limit:.3g} s")
        return Applied(gone=True)

    def _give_up(self, replica: Replica, reason: str) -> None:
        """Its state is not known: a successor starts from the journal."""
        self._host.replication_event(replica.slot, reason)
        self._host.give_up(replica.slot, replica.number, reason)
        replica.give_up()

    def _unattended(self, replica: Replica, call: Call, *, replay: bool = False) -> None:
        """For a worker that does not serve yet: no client waits for it."""
        answer = replica.apply(call, replay=True)
        answer.add_done_callback(lambda done: self._noted(replica, call, done.result(), replay))

    def _noted(self, replica: Replica, call: Call, applied: Applied, replay: bool) -> None:
        if applied.outcome is None or applied.gone:
            return
        self.failed_total += 1
        # A load may have failed for lack of memory, and the others have the model.
        kept = call.op in ("load", "host")
        if replay and not kept:
            self.journal.drop(call)
        fate = "tried again at the next start" if kept else "dropped"
        self._host.replication_event(
            replica.slot, f"{call} cannot be repeated, {fate}: {applied.outcome[1]}"
        )

    def _replayed(self, replica: Replica, then: Callable[[], None]) -> None:
        if replica.gone:
            return
        if replica.idle:
            replica.serving = True
            then()
        else:
            replica.when_idle(lambda: self._replayed(replica, then))
