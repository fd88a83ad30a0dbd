"""Questions of clients that mean the whole group (statistics, index of models): from the worker
that was asked to all others, and their answers back. The worker that was asked sums up, so the
supervisor passes descriptors on and reads nothing.

    up    GATHER {id, query}        the worker that was asked
    down  GATHER {seq, query}       all others that serve
    down  GATHERING {id, count}     so many answers will come
    up    GATHERED {seq} + file     an answer, without a file if there is none
    down  GATHERED {id} + file      the same, for the worker that was asked

Loop thread only. Nothing is waited for: the worker that was asked has a time limit of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..protocol.channel import Message
from ..protocol.outbox import Send


class Member:
    """One worker process."""

    def __init__(self, gathering: Gathering, send: Send, serves: Callable[[], bool]) -> None:
        self.send = send
        self.serves = serves
        self._gathering = gathering

    def take(self, message: Message) -> None:
        """GATHER or GATHERED. ValueError and the like for what they have wrong."""
        if message.op == "GATHER":
            self._gathering.ask(self, int(message.args["id"]), dict(message.args["query"]))
        else:
            self._gathering.answered(self, int(message.args["seq"]), message.fds)

    def end(self) -> None:
        """The process is gone, or about to be: it is not waited for. Idempotent."""
        self._gathering.left(self)


@dataclass(frozen=True)
class _Question:
    origin: Member
    id: int
    asked: Member


class Gathering:
    """The questions of one group."""

    def __init__(self) -> None:
        self._members: set[Member] = set()
        self._open: dict[int, _Question] = {}
        # Another supervisor of these workers, before an upgrade in place, had lower numbers.
        self._last = time.monotonic_ns()

    def member(self, send: Send, serves: Callable[[], bool]) -> Member:
        """For a worker process; `serves`: it has what the others have."""
        made = Member(self, send, serves)
        self._members.add(made)
        return made

    def ask(self, origin: Member, id: int, query: dict[str, object]) -> None:
        count = 0
        for other in self._members:
            if other is origin or not other.serves():
                continue
            self._last += 1
            if other.send("GATHER", (), {"seq": self._last, "query": query}):
                self._open[self._last] = _Question(origin, id, other)
                count += 1
        origin.send("GATHERING", (), {"id": id, "count": count})

    def answered(self, member: Member, seq: int, fds: list[int]) -> None:
        question = self._open.get(seq)
        if question is not None and question.asked is member:
            del self._open[seq]
            question.origin.send("GATHERED", fds, {"id": question.id})

    def left(self, member: Member) -> None:
        self._members.discard(member)
        for seq, question in list(self._open.items()):
            if member in (question.asked, question.origin):
                del self._open[seq]
            if question.asked is member and question.origin in self._members:
                question.origin.send("GATHERED", (), {"id": question.id})
