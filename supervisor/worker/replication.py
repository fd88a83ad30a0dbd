"""The worker's part in replication: passes on to the supervisor what its clients want to change,
and makes the changes that the supervisor asks for.

Belongs to the main loop. Changes can block, so each lane has a thread; what it says comes back
through `post`. Without a supervisor everything is made here, as in a server of its own.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..protocol.channel import Message
from ..protocol.control_calls import Call, Outcome, pack, received
from ..protocol.outbox import Outbox
from .changes import INTERNAL, Changes, Native
from .client_loads import ClientLoads


class WorkerReplication:
    """Off until `begin`."""

    def __init__(
        self, outbox: Outbox, post: Callable[[Callable[[], None]], None], loads: ClientLoads
    ) -> None:
        """`post` runs something on the main loop; `loads` is told what clients load."""
        self._outbox = outbox
        self._loads = loads
        self._post = post
        self._native: Native | None = None
        self._changes: Changes | None = None
        self._asked: dict[int, Call] = {}  # of our clients, not answered yet
        self._begun: set[int] = set()  # of these, the ones that are being made here, or were
        self._made: dict[int, Outcome | None] = {}  # and how that ended
        self._alone = False
        self.leaving = False  # the core stops: nothing that fails now is a refusal
        self._lanes: dict[str, queue.SimpleQueue[Callable[[], None]]] = {}
        self._busy = 0

    def begin(self, native: Native) -> None:
        self._native = native
        self._changes = Changes(native, self._loads)

    @property
    def fds(self) -> list[int]:
        return [] if self._native is None else [self._native.fd]

    @property
    def busy(self) -> bool:
        """A change is being made."""
        return self._busy > 0

    def turn(self) -> None:
        """Send on what clients want."""
        if self._native is None:
            return
        for number, call in self._take(self._native):
            self._put("REPLICATE", call, {"id": number, **call.fields})

    def on_apply(self, message: Message) -> None:
        """APPLY: make a change, then say how it went."""
        args = message.args
        seq, request = int(args["seq"]), args.get("id")
        call = self._asked.get(int(request)) if request is not None else None
        if call is None:
            call = received(args, message.fds)

        def then(said: dict[str, Any]) -> None:
            if request is not None and int(request) in self._asked:
                self._made[int(request)] = said["outcome"]
                if self._alone:
                    self._answer(int(request), said["outcome"])
            self._put("APPLIED", None, {"seq": seq, **said})

        if request is not None:
            self._begun.add(int(request))
        origin = "replay" if args.get("replay") else "repeated" if request is None else "client"
        self._run(call, origin, then)

    def on_replied(self, message: Message) -> None:
        """REPLIED: answer our client."""
        number, outcome = int(message.args["id"]), message.args.get("outcome")
        self._answer(number, (int(outcome[0]), str(outcome[1])) if outcome else None)

    def alone(self) -> None:
        """The supervisor is gone: what clients want, also those who wait already, is made here."""
        if self._native is None:
            return
        self._alone = True
        self._native.end()
        self._take(self._native)
        for number, call in list(self._asked.items()):
            if number in self._made:
                self._answer(number, self._made[number])
            elif number not in self._begun:
                self._run(call, "client", partial(self._answer_with, number))

    # -- inside ----------------------------------------------------------------------------

    def _take(self, native: Native) -> list[tuple[int, Call]]:
        """What our clients ask for since the last time."""
        taken = []
        for number, wanted in native.take():
            try:
                call = self._asked[number] = pack(wanted)
            except OSError as error:
                native.finish(number, (INTERNAL, f"no memory for the change: {error}"))
            else:
                taken.append((number, call))
        return taken

    def _answer(self, number: int, outcome: Outcome | None) -> None:
        self._asked.pop(number, None)
        self._begun.discard(number)
        self._made.pop(number, None)
        if self._native is not None:
            self._native.finish(number, outcome)

    def _answer_with(self, number: int, said: Mapping[str, Any]) -> None:
        self._answer(number, said["outcome"])

    def _put(self, op: str, call: Call | None, args: dict[str, Any]) -> None:
        if not self._alone:
            self._outbox.put(op, args, call)

    def _run(self, call: Call, origin: str, then: Callable[[dict[str, Any]], None]) -> None:
        """Make a change on the thread of its lane; `then` on the main loop."""
        lane = self._lanes.get(call.lane)
        if lane is None:
            lane = self._lanes[call.lane] = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(lane,), daemon=True).start()
        self._busy += 1

        def work() -> None:
            said = self._make(call, origin)
            self._post(lambda: done(said))

        def done(said: dict[str, Any]) -> None:
            self._busy -= 1
            then({**said, "gone": True} if self.leaving else said)

        lane.put(work)

    def _make(self, call: Call, origin: str) -> dict[str, Any]:
        if self._changes is None:  # it was told before it had a core
            return {"outcome": None, "gone": True}
        return self._changes.make(call, origin)


def _serve(lane: queue.SimpleQueue[Callable[[], None]]) -> None:
    while True:
        lane.get()()
