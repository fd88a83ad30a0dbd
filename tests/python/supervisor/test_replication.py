"""The order of changes, who gets them, and what happens when a worker cannot: workers are queues
that the test answers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any

from tritonfrontend.supervisor.protocol.channel import TEXT_BYTES, Message
from tritonfrontend.supervisor.replication.replica import Replica
from tritonfrontend.supervisor.replication.replication import Replication


class Worker:
    """What one worker was sent; says what the test wants it to."""

    def __init__(self, group: Group, slot: int) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.full = False
        self.served = 0
        self.replica: Replica = group.replication.replica(slot, 1, self._send)

    def _send(self, op: str, fds: Sequence[int], args: Mapping[str, Any]) -> bool:
        if self.full:
            return False
        self.sent.append((op, dict(args)))
        return True

    def ask(self, request: int, call: Mapping[str, Any]) -> None:
        """A client of this worker wants a change."""
        self.replica.take(Message("REPLICATE", {"id": request, "call": dict(call)}))

    async def next(self, op: str = "APPLY") -> dict[str, Any]:
        """Wait for the next message, which is an `op`."""
        for _ in range(1000):
            if self.sent:
                found, args = self.sent.pop(0)
                assert found == op, (found, args)
                return args
            await asyncio.sleep(0.01)
        raise AssertionError(f"no {op} came")

    async def next_is_there(self) -> None:
        while not self.sent:
            await asyncio.sleep(0.01)

    def said(self, message: Mapping[str, Any], text: str = "", **more: Any) -> None:
        outcome = [more.pop("code", 3), text] if text else None
        args = {"seq": message["seq"], "outcome": outcome, **more}
        self.replica.take(Message("APPLIED", args))

    async def make(self, text: str = "", **more: Any) -> dict[str, Any]:
        message = await self.next()
        self.said(message, text, **more)
        return message


class Group:
    def __init__(self, timeout: float, patience: float) -> None:
        self.events: list[tuple[int, str]] = []
        self.given_up: list[int] = []
        self.replication = Replication(self, lambda: timeout, lambda: patience)

    def replication_event(self, slot: int, text: str) -> None:
        self.events.append((slot, text))

    def give_up(self, slot: int, number: int, reason: str) -> None:
        self.given_up.append(slot)

    def worker(self, slot: int) -> Worker:
        worker = Worker(self, slot)

        def then() -> None:
            worker.served += 1

        self.replication.replay(worker.replica, then)
        return worker

    async def workers(self, count: int) -> list[Worker]:
        made = [self.worker(slot) for slot in range(count)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert all(worker.served == 1 for worker in made)
        return made


def asynchronous(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), 60))

    del run.__wrapped__  # pytest would await nothing
    return run


@asynccontextmanager
async def group(timeout: float = 30.0, patience: float = 30.0) -> AsyncIterator[Group]:
    made = Group(timeout, patience)
    task = asyncio.create_task(made.replication.run())
    yield made
    assert not task.done()
    task.cancel()


def register(name: str) -> dict[str, Any]:
    return {"op": "register", "kind": "system", "name": name}


def load(name: str) -> dict[str, Any]:
    return {"op": "load", "name": name, "parameters": []}


@asynchronous
async def test_the_one_that_was_asked_is_first() -> None:
    async with group() as made:
        one, two, three = await made.workers(3)
        one.ask(7, register("r"))
        message = await one.next()
        assert message["id"] == 7
        assert not two.sent
        one.said(message)
        assert (await two.make())["call"] == register("r")
        await asyncio.sleep(0.05)
        assert not one.sent  # not answered before the last one has it
        await three.make()
        assert await one.next("REPLIED") == {"id": 7, "outcome": None}
        assert made.replication.status == {
            "replicated_total": 1,
            "replication_failed_total": 0,
            "replication_journal": 1,
        }


@asynchronous
async def test_what_is_refused_goes_nowhere() -> None:
    async with group() as made:
        one, two = await made.workers(2)
        one.ask(1, register("r"))
        await one.make("no such object")
        assert await one.next("REPLIED") == {"id": 1, "outcome": (3, "no such object")}
        assert not two.sent
        assert len(made.replication.journal) == 0


@asynchronous
async def test_one_change_of_a_lane_at_a_time_in_the_same_order() -> None:
    async with group() as made:
        one, two = await made.workers(2)
        one.ask(1, register("a"))
        two.ask(1, register("b"))
        two.ask(2, load("m"))  # another lane
        assert (await two.next())["id"] == 2
        await one.make()
        assert (await two.make())["call"] == register("a")
        await one.next("REPLIED")
        assert (await two.make())["id"] == 1
        assert (await one.make())["call"] == register("b")
        await two.next("REPLIED")


@asynchronous
async def test_taken_back_when_another_refuses() -> None:
    async with group() as made:
        one, two, three = await made.workers(3)
        one.ask(1, load("m"))
        await one.make(loaded=False)
        await two.make("out of memory")
        await three.make()
        await one.next_is_there()
        four = made.worker(3)  # starts now, and hears nothing of it
        for worker in (one, three):
            assert (await worker.make())["call"]["op"] == "unload"
        outcome = (await one.next("REPLIED"))["outcome"]
        text = "worker 1 could not do the same: out of memory (undone on worker 0, worker 2)"
        assert outcome == (3, text)
        assert made.events == [(1, f"load of model 'm': {text}")]
        assert len(made.replication.journal) == 0
        assert not two.sent
        assert not four.sent
        assert made.given_up == []


@asynchronous
async def test_who_has_it_is_said_where_nothing_takes_it_back() -> None:
    async with group() as made:
        one, two = await made.workers(2)
        one.ask(1, load("m"))
        await one.make(loaded=True)
        await two.make("out of memory")
        outcome = (await one.next("REPLIED"))["outcome"]
        assert outcome == (3, "worker 1 could not do the same: out of memory (worker 0 did)")


@asynchronous
async def test_who_cannot_take_it_back_is_restarted() -> None:
    async with group() as made:
        one, two = await made.workers(2)
        one.ask(1, register("r"))
        await one.make()
        await two.make("refused")
        await one.make("cannot")
        assert (await one.next("REPLIED"))["outcome"] is not None
        assert made.given_up == [0]


@asynchronous
async def test_a_worker_that_dies_is_not_waited_for() -> None:
    async with group() as made:
        one, two = await made.workers(2)
        one.ask(1, register("r"))
        await one.make()
        await two.next()
        two.replica.end()
        assert await one.next("REPLIED") == {"id": 1, "outcome": None}
        assert made.given_up == []
        # The one that was asked: the others have not heard of it, and the next change goes on.
        three = made.worker(1)
        await three.make()
        three.ask(1, register("s"))
        await three.next()
        three.replica.end()
        one.ask(2, register("t"))
        assert (await one.make())["id"] == 2
        assert await one.next("REPLIED") == {"id": 2, "outcome": None}


@asynchronous
async def test_a_worker_that_is_late_catches_up() -> None:
    """As one whose model holds the interpreter while it loads: the client does not wait for it."""
    async with group(timeout=0.05) as made:
        one, two = await made.workers(2)
        one.ask(1, register("r"))
        await one.make()
        late = await two.next()
        assert await one.next("REPLIED") == {"id": 1, "outcome": None}
        one.ask(2, register("s"))
        await one.make()
        assert await one.next("REPLIED") == {"id": 2, "outcome": None}
        assert not two.sent  # behind the other
        two.said(late)
        assert (await two.make())["call"] == register("s")
        assert made.given_up == []
        assert [slot for slot, _ in made.events] == [1, 1]
        assert made.events[0][1].endswith("it is waited for")


@asynchronous
async def test_a_worker_that_refuses_late_is_given_up() -> None:
    async with group(timeout=0.05) as made:
        one, two = await made.workers(2)
        one.ask(1, register("r"))
        await one.make()
        late = await two.next()
        assert await one.next("REPLIED") == {"id": 1, "outcome": None}
        two.said(late, "no such object")
        await asyncio.sleep(0)
        assert made.given_up == [1]
        assert made.events[-1] == (1, "could not make a change of the server: no such object")


@asynchronous
async def test_a_worker_that_is_late_is_given_up() -> None:
    async with group(timeout=0.05, patience=0.05) as made:
        one, two = await made.workers(2)
        one.ask(1, register("r"))
        await one.make()
        message = await two.next()
        assert await one.next("REPLIED") == {"id": 1, "outcome": None}
        while not made.given_up:
            await asyncio.sleep(0.01)
        assert made.given_up == [1]
        two.said(message)  # too late, and no harm
        one.ask(2, register("s"))
        await one.make()
        assert await one.next("REPLIED") == {"id": 2, "outcome": None}
        assert not two.sent
        # What its own clients ask for is refused, as it will not be there for long.
        two.ask(1, register("t"))
        assert (await two.next("REPLIED"))["outcome"][0] == 4


@asynchronous
async def test_a_load_takes_as_long_as_it_takes() -> None:
    async with group(timeout=0.02) as made:
        one, two = await made.workers(2)
        one.ask(1, load("m"))
        message = await one.next()
        await asyncio.sleep(0.2)
        assert made.given_up == []
        one.said(message)
        message = await two.next()
        await asyncio.sleep(0.1)  # less than the first one took
        assert made.given_up == []
        two.said(message)
        assert await one.next("REPLIED") == {"id": 1, "outcome": None}


@asynchronous
async def test_a_new_worker_gets_the_journal_and_what_comes_meanwhile() -> None:
    async with group() as made:
        (one,) = await made.workers(1)
        for number, call in enumerate((register("a"), register("b"), load("m"))):
            one.ask(number, call)
            await one.make()
            await one.next("REPLIED")
        two = made.worker(1)
        first, second = await two.next(), await two.next()  # one of each lane
        assert {first["call"]["op"], second["call"]["op"]} == {"register", "load"}
        one.ask(9, register("c"))
        await one.make()
        assert await one.next("REPLIED") == {"id": 9, "outcome": None}  # nobody waits for it
        two.said(first)
        two.said(second)
        assert (await two.make())["call"] == register("b")
        assert two.served == 0
        assert (await two.make())["call"] == register("c")
        await asyncio.sleep(0.05)
        assert two.served == 1


@asynchronous
async def test_what_a_new_worker_cannot_repeat() -> None:
    async with group() as made:
        (one,) = await made.workers(1)
        for number, call in enumerate((register("a"), load("m"))):
            one.ask(number, call)
            await one.make()
            await one.next("REPLIED")
        two = made.worker(1)
        await two.make("no")
        await two.make("no")
        await asyncio.sleep(0.05)
        assert two.served == 1
        texts = sorted(text for _, text in made.events)
        assert texts == [
            "load of model 'm' cannot be repeated, tried again at the next start: no",
            "register of shared memory 'a' cannot be repeated, dropped: no",
        ]
        assert [call.op for call in made.replication.journal.entries()] == ["load"]


def host(op: str) -> dict[str, Any]:
    return {"op": op, "name": "0a1b", "url": "/m", "target": "m"}


@asynchronous
async def test_a_model_that_one_could_not_load_is_unloaded_by_the_others() -> None:
    async with group() as made:
        one, two = await made.workers(2)
        one.ask(1, host("host"))
        await one.make()
        await two.make()
        await one.next("REPLIED")
        two.replica.end()
        three = made.worker(1)
        await three.make("out of memory")
        three.ask(1, host("unhost"))
        await three.make("it is not loaded", code=2)
        assert (await one.make())["call"]["op"] == "unhost"
        assert await three.next("REPLIED") == {"id": 1, "outcome": None}
        assert len(made.replication.journal) == 0
        three.ask(2, host("unhost"))
        await three.make("it is not loaded", code=2)
        assert (await three.next("REPLIED"))["outcome"] == (2, "it is not loaded")


@asynchronous
async def test_errors_are_cut_to_what_fits_into_a_message() -> None:
    async with group() as made:
        one, two = await made.workers(2)
        one.ask(1, load("m"))
        await one.make()
        await two.make("\u4f60" * 1350)  # with what is said around it, too long
        await one.make()
        text = (await one.next("REPLIED"))["outcome"][1]
        assert text.startswith("worker 1 could not do the same: \u4f60")
        assert len(json.dumps(text)) <= TEXT_BYTES


@asynchronous
async def test_a_full_channel_is_tried_again() -> None:
    async with group() as made:
        one, two = await made.workers(2)
        two.full = True
        one.ask(1, register("r"))
        await one.make()
        await asyncio.sleep(0.1)
        assert not two.sent
        two.full = False
        await two.make()
        assert await one.next("REPLIED") == {"id": 1, "outcome": None}


@asynchronous
async def test_another_supervisor_goes_on() -> None:
    async with group() as made:
        one, two = await made.workers(2)
        one.ask(1, register("r"))
        assert made.replication.busy
        await one.make()
        assert made.replication.busy
        await two.make()
        await one.next("REPLIED")
        assert not made.replication.busy
        before = made.replication.saved()
    async with group() as after:
        after.replication.resume(before)
        three = Worker(after, 0)
        after.replication.rejoin(three.replica)
        four = after.worker(1)
        assert (await four.make())["call"] == register("r")
        four.ask(1, register("s"))
        await four.make()
        assert (await three.make())["call"] == register("s")
        await four.next("REPLIED")
        assert after.replication.status["replicated_total"] == 2
