"""The worker's part in questions that mean the whole group: asks the others through the supervisor
(gathering.py) when a client asks this worker, sums up, and answers when another one was asked.

Belongs to the main loop; what the core says and the sums are made on a thread, whose results come
back through `post`. Without a supervisor clients hear of this worker alone.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..protocol.channel import Channel, Message
from ..system.memory_file import content, written
from .group_sums import merged

Answer = bytes | tuple[int, str]


class Native(Protocol):
    """`_native.GroupQueries`."""

    @property
    def fd(self) -> int: ...
    def take(self) -> Sequence[tuple[int, Mapping[str, Any]]]: ...
    def finish(self, id: int, json: bytes) -> None: ...
    def fail(self, id: int, code: int, message: str) -> None: ...
    def answer(self, query: Mapping[str, Any]) -> Answer: ...
    def end(self) -> None: ...


@dataclass
class _Question:
    op: str
    parts: list[bytes]
    due: float
    expected: int | None = None  # answers of others

    @property
    def complete(self) -> bool:
        return self.expected is not None and len(self.parts) > self.expected


class WorkerGathering:
    """Off until `begin`."""

    def __init__(
        self, channel: Channel, post: Callable[[Callable[[], None]], None], limit: float
    ) -> None:
        """`limit`: seconds that the others have."""
        self._channel = channel
        self._post = post
        self._limit = limit
        self._native: Native | None = None
        self._open: dict[int, _Question] = {}
        self._jobs: queue.SimpleQueue[Callable[[], None]] | None = None
        self._alone = False

    def begin(self, native: Native) -> None:
        self._native = native

    @property
    def fds(self) -> list[int]:
        return [] if self._native is None else [self._native.fd]

    @property
    def timeout(self) -> float:
        """Seconds until `turn` is wanted next."""
        due = min((question.due for question in self._open.values()), default=float("inf"))
        return max(0.0, due - time.monotonic())

    def turn(self) -> None:
        """Take what clients ask; answer those who have waited long enough."""
        if self._native is None:
            return
        for number, query in self._native.take():
            self._ask(self._native, number, query)
        now = time.monotonic()
        for number in [number for number, each in self._open.items() if each.due <= now]:
            self._sum_up(number)

    def on_message(self, message: Message) -> None:
        """GATHER, GATHERING or GATHERED. ValueError and the like for what they have wrong."""
        args = message.args
        if message.op == "GATHER":
            self._answer(int(args["seq"]), args["query"])
            return
        number = int(args["id"])
        question = self._open.get(number)
        if question is None:  # it was answered without this
            return
        if message.op == "GATHERING":
            question.expected = (question.expected or 0) + int(args["count"])
        elif message.fds:
            question.parts.append(content(message.fds[0]))
        else:  # a worker that has nothing to say
            question.expected = (question.expected or 0) - 1
        if question.complete:
            self._sum_up(number)

    def alone(self) -> None:
        """The supervisor is gone."""
        if self._native is None:
            return
        self._alone = True
        self._native.end()
        self.turn()
        for number in list(self._open):
            self._sum_up(number)

    # -- inside ----------------------------------------------------------------------------

    def _ask(self, native: Native, number: int, query: Mapping[str, Any]) -> None:
        def work() -> None:
            own = _safely(native, query)
            self._post(lambda: self._asked(native, number, query, own))

        self._do(work)

    def _asked(self, native: Native, number: int, query: Mapping[str, Any], own: Answer) -> None:
        if isinstance(own, tuple):
            native.fail(number, *own)
            return
        self._open[number] = _Question(query["op"], [own], time.monotonic() + self._limit)
        if self._alone or not self._channel.send("GATHER", id=number, query=dict(query)):
            self._sum_up(number)

    def _sum_up(self, number: int) -> None:
        question, native = self._open.pop(number), self._native
        if native is None:
            return

        def work() -> None:
            try:
                total = merged(question.op, question.parts)
            except ValueError:
                total = question.parts[0]
            native.finish(number, total)

        self._do(work)

    def _answer(self, seq: int, query: Mapping[str, Any]) -> None:
        native = self._native

        def work() -> None:
            found = _safely(native, query) if native is not None else (0, "")
            self._post(lambda: self._send(seq, found))

        self._do(work)

    def _send(self, seq: int, found: Answer) -> None:
        file = None
        if isinstance(found, bytes):
            with contextlib.suppress(OSError):  # no memory, no descriptors: nothing to say
                file = written("answer", found)
        self._channel.send("GATHERED", fds=[file.fd] if file else (), seq=seq)

    def _do(self, work: Callable[[], None]) -> None:
        if self._jobs is None:
            self._jobs = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self._jobs,), daemon=True).start()
        self._jobs.put(work)


def _safely(native: Native, query: Mapping[str, Any]) -> Answer:
    try:
        return native.answer(query)
    except Exception as error:
        return (1, f"{type(error).__name__}: {error}")


def _serve(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
    while True:
        jobs.get()()
