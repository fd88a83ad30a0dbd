"""The worker's part in replication: passes on to the supervisor what its clients want to change,
and makes the changes that the supervisor asks for.

Belongs to the main loop. Changes can block, so each lane has a thread; what it says comes back
through `post`. Without a supervisor everything is made here, as in a server of its own.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from .channel import Channel, Message
from .client_loads import ClientLoads
from .control_calls import Call, pack, received, unpack

#: Before a message that did not fit into the channel is tried again.
_RETRY = 0.02
_MAX_TEXT = 16 * 1024
_INTERNAL = 1  # base::Code of cpp/base/status.h

Outcome = tuple[int, str]


class Native(Protocol):
    """`_native.Replication`."""

    @property
    def fd(self) -> int: ...
    def take(self) -> Sequence[tuple[int, Mapping[str, Any]]]: ...
    def finish(self, id: int, outcome: Outcome | None) -> None: ...
    def apply(self, call: Mapping[str, Any], replay: bool) -> Outcome | None: ...
    def loaded(self, model: str) -> bool: ...
    def log_settings(self) -> Mapping[str, Any]: ...
    def end(self) -> None: ...


class WorkerReplication:
    """Off until `begin`."""

    def __init__(
        self,
        channel: Channel,
        post: Callable[[Callable[[], None]], None],
        loads: ClientLoads,
    ) -> None:
        """`post` runs something on the main loop; `loads` is told what clients load."""
        self._channel = channel
        self._loads = loads
        self._post = post
        self._native: Native | None = None
        self._asked: dict[int, Call] = {}  # of our clients, not answered yet
        self._begun: set[int] = set()  # of these, the ones that are being made here, or were
        self._made: dict[int, Outcome | None] = {}  # and how that ended
        self._alone = False
        self.leaving = False  # the core stops: nothing that fails now is a refusal
        self._lanes: dict[str, queue.SimpleQueue[Callable[[], None]]] = {}
        self._out: deque[tuple[str, Call | None, dict[str, Any]]] = deque()
        self._busy = 0

    def begin(self, native: Native) -> None:
        self._native = native

    @property
    def fds(self) -> list[int]:
        return [] if self._native is None else [self._native.fd]

    @property
    def timeout(self) -> float:
        """Seconds after which `turn` is due."""
        return _RETRY if self._out else float("inf")

    @property
    def busy(self) -> bool:
        """A change is being made."""
        return self._busy > 0

    def turn(self) -> None:
        """Send on what clients want, and what did not fit before."""
        if self._native is None:
            return
        for number, call in self._take(self._native):
            self._put("REPLICATE", call, {"id": number, **call.fields})
        self._flush()

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
        self._run(call, bool(args.get("replay")), then)

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
        self._out.clear()
        self._take(self._native)
        for number, call in list(self._asked.items()):
            if number in self._made:
                self._answer(number, self._made[number])
            elif number not in self._begun:
                self._run(call, False, partial(self._answer_with, number))

    # -- inside ----------------------------------------------------------------------------

    def _take(self, native: Native) -> list[tuple[int, Call]]:
        """What our clients ask for since the last time."""
        taken = []
        for number, wanted in native.take():
            try:
                call = self._asked[number] = pack(wanted)
            except OSError as error:
                native.finish(number, (_INTERNAL, f"no memory for the change: {error}"))
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
            self._out.append((op, call, args))
            self._flush()

    def _flush(self) -> None:
        while self._out and self._channel.fileno() >= 0:
            op, call, args = self._out[0]
            if not self._channel.send(op, call.fds if call else (), **args):
                return
            self._out.popleft()

    def _run(self, call: Call, replay: bool, then: Callable[[dict[str, Any]], None]) -> None:
        """Make a change on the thread of its lane; `then` on the main loop."""
        lane = self._lanes.get(call.lane)
        if lane is None:
            lane = self._lanes[call.lane] = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(lane,), daemon=True).start()
        self._busy += 1

        def work() -> None:
            said = self._make(call, replay)
            self._post(lambda: done(said))

        def done(said: dict[str, Any]) -> None:
            self._busy -= 1
            then({**said, "gone": True} if self.leaving else said)

        lane.put(work)

    def _make(self, call: Call, replay: bool) -> dict[str, Any]:
        native = self._native
        if native is None:  # it was told before it had a core
            return {"outcome": None, "gone": True}
        said: dict[str, Any] = {}
        with contextlib.suppress(Exception):  # only for taking it back
            if call.op == "load":
                said["loaded"] = native.loaded(call.head["name"])
            elif call.op == "log":
                said["previous"] = dict(native.log_settings())
            elif call.op == "unload" and replay and not native.loaded(call.head["name"]):
                return {"outcome": None}
        try:
            outcome = self._apply(native, call, replay)
        except Exception as error:
            outcome = (_INTERNAL, f"{type(error).__name__}: {error}")
        if outcome is not None:
            outcome = (outcome[0], outcome[1][:_MAX_TEXT])
        return {"outcome": outcome, **said}

    def _apply(self, native: Native, call: Call, replay: bool) -> Outcome | None:
        if call.lane != "models":
            return native.apply(unpack(call), replay)
        with self._loads.lock:
            outcome = native.apply(unpack(call), replay)
            if outcome is None:
                self._loads.made(call)
            return outcome


def _serve(lane: queue.SimpleQueue[Callable[[], None]]) -> None:
    while True:
        lane.get()()
