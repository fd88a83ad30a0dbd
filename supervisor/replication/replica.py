"""One worker process as the supervisor's replication sees it: changes on their way to it, and what
it said to them. Loop thread only.

At most one change of a lane is on its way; the next follows when the worker has answered, so a
worker applies them in the order of `apply`. A control channel that is full is tried again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..protocol.channel import Message, cut
from ..protocol.control_calls import Call, Outcome, received
from ..protocol.outbox import RETRY, Outbox, Send


@dataclass(frozen=True)
class Applied:
    """What became of a change on one worker. `gone`: the worker ended before it said so."""

    outcome: Outcome | None = None
    loaded: bool = False  # the model could be used before
    previous: Mapping[str, Any] = field(default_factory=dict)  # log settings before
    gone: bool = False


@dataclass
class _Job:
    call: Call
    request: int | None
    replay: bool
    answer: asyncio.Future[Applied]


class Asked(Protocol):
    """Takes the change that a client of a worker asks for."""

    def __call__(self, replica: Replica, request: int, call: Call) -> None: ...


class Replica:
    """The changes of one generation. `slot` and `number` say which."""

    def __init__(
        self,
        slot: int,
        number: int,
        send: Send,
        asked: Asked,
        left: Callable[[Replica], None],
    ) -> None:
        """`left` is called once, at the end."""
        self.slot = slot
        self.number = number
        self.serving = False  # has all of the journal; else it has not taken a request yet
        self.gone = False  # the process ended, or was given up
        self._ended = False
        self._asked = asked
        self._left = left
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, deque[_Job]] = {}
        self._sent: dict[int, _Job] = {}
        self._last = 0
        self._outbox = Outbox(send)
        self._retry: asyncio.TimerHandle | None = None
        self._when_idle: Callable[[], None] | None = None

    @property
    def label(self) -> str:
        return f"worker {self.slot}"

    @property
    def idle(self) -> bool:
        return not self._sent and not any(self._waiting.values())

    def when_idle(self, action: Callable[[], None]) -> None:
        """Call `action` when nothing is on its way any more. One at a time."""
        self._when_idle = action

    def apply(
        self, call: Call, *, request: int | None = None, replay: bool = False
    ) -> asyncio.Future[Applied]:
        """Have the worker make the change. `request`: its client asked for it, it has the call."""
        answer: asyncio.Future[Applied] = self._loop.create_future()
        if self.gone:
            answer.set_result(Applied(gone=True))
            return answer
        lane = self._waiting.setdefault(call.lane, deque())
        lane.append(_Job(call, request, replay, answer))
        self._next(call.lane)
        return answer

    def reply(self, request: int, outcome: Outcome | None) -> None:
        """Tell the worker what its client is to be answered."""
        if outcome is not None:
            outcome = (outcome[0], cut(outcome[1]))
        self._put("REPLIED", None, {"id": request, "outcome": outcome})

    def take(self, message: Message) -> None:
        """REPLICATE or APPLIED. ValueError and the like for what they have wrong."""
        args = message.args
        if message.op == "REPLICATE":
            self._asked(self, int(args["id"]), received(args, message.fds))
            return
        job = self._sent.pop(int(args["seq"]), None)
        if job is None:  # given up meanwhile
            return
        outcome = args.get("outcome")
        applied = Applied(
            (int(outcome[0]), str(outcome[1])) if outcome else None,
            bool(args.get("loaded")),
            dict(args.get("previous") or {}),
            bool(args.get("gone")),
        )
        if not job.answer.done():
            job.answer.set_result(applied)
        self._next(job.call.lane)
        if self.idle and self._when_idle is not None:
            action, self._when_idle = self._when_idle, None
            self._loop.call_soon(action)

    def end(self) -> None:
        """The process is gone: nothing is sent any more. Idempotent."""
        self._ended = True
        self._outbox.clear()
        if self._retry is not None:
            self._retry.cancel()
        self.give_up()

    def give_up(self) -> None:
        """No change is sent any more; its clients can still be answered. Idempotent."""
        if self.gone:
            return
        self.gone = True
        jobs = [*self._sent.values(), *(job for lane in self._waiting.values() for job in lane)]
        self._sent.clear()
        self._waiting.clear()
        for job in jobs:
            if not job.answer.done():
                job.answer.set_result(Applied(gone=True))
        self._left(self)

    def _next(self, lane: str) -> None:
        waiting = self._waiting.get(lane)
        if not waiting or any(job.call.lane == lane for job in self._sent.values()):
            return
        job = waiting.popleft()
        self._last += 1
        self._sent[self._last] = job
        args = {"seq": self._last, "replay": job.replay}
        if job.request is not None:
            self._put("APPLY", None, {**args, "id": job.request})
        else:
            self._put("APPLY", job.call, {**args, **job.call.fields})

    def _put(self, op: str, call: Call | None, args: dict[str, Any]) -> None:
        if not self._ended:
            self._outbox.put(op, args, call)
            self._try_again()

    def _try_again(self) -> None:
        if self._outbox.flush():
            return
        if self._retry is not None:
            self._retry.cancel()
        self._retry = self._loop.call_later(RETRY, self._try_again)
