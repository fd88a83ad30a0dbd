"""Questions to all workers: who is asked, whose answers arrive, and who is waited for. Both ends,
with the messages between them; the cores are dictionaries.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from instance import until

from tritonfrontend.supervisor.protocol.channel import Channel
from tritonfrontend.supervisor.replication.gathering import Gathering, Member
from tritonfrontend.supervisor.worker.gathering import Answer, WorkerGathering

QUERY = {"op": "statistics", "model": "", "version": -1}


class Core:
    """What `_native.GroupQueries` is for one server."""

    def __init__(self, count: int) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.waiting: list[tuple[int, Mapping[str, Any]]] = []
        self.answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.error: tuple[int, str] | None = None
        self._count = count

    def take(self) -> Sequence[tuple[int, Mapping[str, Any]]]:
        taken, self.waiting = self.waiting, []
        return taken

    def finish(self, id: int, text: bytes) -> None:
        (row,) = json.loads(text)["model_stats"]
        self.answers.put((id, row["inference_count"]))

    def fail(self, id: int, code: int, message: str) -> None:
        self.answers.put((id, code, message))

    def answer(self, query: Mapping[str, Any]) -> Answer:
        assert query == QUERY
        row = {"name": "m", "version": "1", "inference_count": self._count}
        return self.error or json.dumps({"model_stats": [row]}).encode()

    def end(self) -> None:
        pass


class Worker:
    def __init__(self, gathering: Gathering, count: int, limit: float) -> None:
        self.supervisor, theirs = Channel.pair()
        self.channel = Channel(theirs)
        self.posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.core = Core(count)
        self.serves = True
        self.stopped = False
        self.part = WorkerGathering(self.channel, self.posted.put, limit)
        self.part.begin(self.core)

        def send(op: str, fds: Sequence[int], args: Mapping[str, Any]) -> bool:
            return self.supervisor.send(op, fds, **args)

        self.member: Member = gathering.member(send, lambda: self.serves)

    def turn(self) -> None:
        """One of the worker's main loop, and what the supervisor makes of it."""
        if self.stopped:
            return
        while not self.posted.empty():
            self.posted.get()()
        for message in self.channel.drain():
            self.part.on_message(message)
            message.close()
        self.part.turn()
        for message in self.supervisor.drain():
            self.member.take(message)
            message.close()


class Group:
    def __init__(self) -> None:
        self.gathering = Gathering()
        self.workers: list[Worker] = []

    def add(self, *counts: int, limit: float = 60.0) -> list[Worker]:
        made = [Worker(self.gathering, count, limit) for count in counts]
        self.workers += made
        return made

    def ask(self, worker: Worker, number: int = 1) -> Any:
        """What the client of a worker is answered."""
        worker.core.waiting.append((number, QUERY))
        return self.answer(worker)

    def answer(self, worker: Worker) -> Any:
        deadline = time.monotonic() + 60
        while worker.core.answers.empty():
            assert time.monotonic() < deadline
            for each in self.workers:
                each.turn()
            time.sleep(0.001)
        return worker.core.answers.get()


@pytest.fixture
def group() -> Iterator[Group]:
    made = Group()
    before = len(os.listdir("/proc/self/fd"))
    yield made
    for worker in made.workers:
        worker.supervisor.close()
        worker.channel.close()
        os.close(worker.core.fd)
    until(lambda: len(os.listdir("/proc/self/fd")) <= before, "everything is closed")


def test_all_that_serve_are_summed_up(group: Group) -> None:
    one, two, three = group.add(1, 10, 100)
    assert group.ask(one) == (1, 111)
    assert group.ask(three, 7) == (7, 111)
    two.serves = False
    assert group.ask(one, 8) == (8, 101)


def test_one_worker_is_asked_alone(group: Group) -> None:
    (one,) = group.add(5)
    assert group.ask(one) == (1, 5)


def test_several_questions_at_once(group: Group) -> None:
    one, two = group.add(1, 10)
    one.core.waiting += [(number, QUERY) for number in range(50)]
    two.core.waiting += [(number, QUERY) for number in range(50)]
    for worker in (one, two):
        assert sorted(group.answer(worker) for _ in range(50)) == [(n, 11) for n in range(50)]


def test_what_the_core_refuses_is_refused(group: Group) -> None:
    one, two = group.add(1, 10)
    one.core.error = (2, "no such model")
    assert group.ask(one) == (1, 2, "no such model")
    assert group.ask(two) == (1, 10)  # one of them has nothing to say


def test_a_worker_that_ends_is_not_waited_for(group: Group) -> None:
    one, two = group.add(1, 10)
    two.stopped = True
    one.core.waiting.append((1, QUERY))
    for _ in range(100):
        one.turn()
        time.sleep(0.001)
    assert one.core.answers.empty()
    two.member.end()
    assert group.answer(one) == (1, 1)


def test_a_worker_that_is_late_is_left_out(group: Group) -> None:
    one, two = group.add(1, 10, limit=0.05)
    two.stopped = True
    assert group.ask(one) == (1, 1)
    two.stopped = False
    for _ in range(100):  # its answer comes too late, and does no harm
        two.turn()
        one.turn()
        time.sleep(0.001)
    assert one.core.answers.empty()
    assert group.ask(one, 2) == (2, 11)


def test_a_full_channel_is_not_waited_for(group: Group) -> None:
    one, two = group.add(1, 10)
    two.supervisor._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    two.stopped = True
    while two.supervisor.send("GATHER", seq=1, query=QUERY):
        pass
    assert group.ask(one) == (1, 1)


def test_without_a_supervisor(group: Group) -> None:
    one, two = group.add(1, 10)
    two.stopped = True
    one.core.waiting.append((1, QUERY))
    for _ in range(50):
        one.turn()
        time.sleep(0.001)
    one.core.waiting.append((2, QUERY))
    one.part.alone()
    assert {group.answer(one), group.answer(one)} == {(1, 1), (2, 1)}


def test_another_supervisor_takes_no_old_answer_for_a_new_one(group: Group) -> None:
    one, two = group.add(1, 10)
    two.channel.send("GATHERED", seq=1)
    two.channel.send("GATHERED", seq=2)
    assert group.ask(one) == (1, 11)
