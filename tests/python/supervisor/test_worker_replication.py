"""The worker's part in replication: what it passes on, makes and answers. The supervisor is the
other end of a channel, the server a dictionary.
"""

from __future__ import annotations

import os
import queue
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tritonfrontend.supervisor.protocol.channel import Channel, Message
from tritonfrontend.supervisor.protocol.control_calls import Outcome, received, unpack
from tritonfrontend.supervisor.protocol.outbox import Outbox
from tritonfrontend.supervisor.worker.client_loads import ClientLoads
from tritonfrontend.supervisor.worker.replication import WorkerReplication


class Server:
    """What `_native.Replication` is for one server. Names that begin with "bad" are refused."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.waiting: list[tuple[int, Mapping[str, Any]]] = []
        self.answers: list[tuple[int, Outcome | None]] = []
        self.made: list[tuple[Mapping[str, Any], str]] = []
        self.ended = False

    def take(self) -> list[tuple[int, Mapping[str, Any]]]:
        taken, self.waiting = self.waiting, []
        return taken

    def finish(self, id: int, outcome: Outcome | None) -> None:
        self.answers.append((id, outcome))

    def apply(self, call: Mapping[str, Any], origin: str) -> Outcome | None:
        self.made.append((call, origin))
        name = str(call.get("name", ""))
        return (3, f"it is {name}") if name.startswith("bad") else None

    def loaded(self, model: str) -> bool:
        return model == "loaded"

    def log_settings(self) -> Mapping[str, Any]:
        return {"log_info": True}

    def end(self) -> None:
        self.ended = True


class Rig:
    def __init__(self) -> None:
        self.supervisor, theirs = Channel.pair()
        self.channel = Channel(theirs)
        self.posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.server = Server()
        self.loads = ClientLoads()
        self.outbox = Outbox(lambda op, fds, args: self.channel.send(op, fds, **args))
        self.worker = WorkerReplication(self.outbox, self.posted.put, self.loads)
        self.worker.begin(self.server)

    def ask(self, number: int, **call: Any) -> None:
        self.server.waiting.append((number, call))
        self.worker.turn()

    def turn(self) -> None:
        """Until one change was made."""
        self.posted.get(timeout=60)()

    def tell(self, op: str, **args: Any) -> None:
        self.supervisor.send(op, **args)
        message = self.channel.receive()
        assert message is not None
        {"APPLY": self.worker.on_apply, "REPLIED": self.worker.on_replied}[op](message)

    def heard(self) -> Message:
        message = self.supervisor.receive()
        assert message is not None
        return message


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.supervisor.close()
    made.channel.close()
    os.close(made.server.fd)


REGION = {"op": "register", "kind": "system", "name": "r"}


def test_from_the_client_and_back(rig: Rig) -> None:
    rig.ask(4, **REGION)
    message = rig.heard()
    assert (message.op, message.args["id"], message.args["call"]) == ("REPLICATE", 4, REGION)
    assert rig.server.made == []
    rig.tell("APPLY", seq=1, replay=False, id=4)
    rig.turn()
    assert rig.server.made == [(REGION, "client")]
    assert rig.heard().args == {"seq": 1, "outcome": None}
    assert rig.server.answers == []
    rig.tell("REPLIED", id=4, outcome=[3, "another cannot"])
    assert rig.server.answers == [(4, (3, "another cannot"))]


def test_calls_with_files(rig: Rig) -> None:
    call = {"op": "load", "name": "m", "parameters": [["file:1/x", b"\0" * 200_000]]}
    rig.ask(1, **call)
    message = rig.heard()
    arrived = received(message.args, message.fds)
    assert unpack(arrived) == call
    rig.supervisor.send("APPLY", arrived.fds, seq=1, replay=True)
    told = rig.channel.receive()
    assert told is not None
    rig.worker.on_apply(told)
    rig.turn()
    assert rig.server.made == [(call, "replay")]
    assert rig.loads.parameters("m") == {"file:1/x": b"\0" * 200_000}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            {"op": "load", "name": "loaded", "parameters": []},
            {"outcome": None, "loaded": True},
        ),
        (
            {"op": "load", "name": "bad", "parameters": []},
            {"outcome": [3, "it is bad"], "loaded": False},
        ),
        ({"op": "log", "settings": {}}, {"outcome": None, "previous": {"log_info": True}}),
    ],
)
def test_what_is_needed_to_take_it_back(
    rig: Rig, call: dict[str, Any], said: dict[str, Any]
) -> None:
    rig.tell("APPLY", seq=9, replay=False, call=call)
    rig.turn()
    assert rig.heard().args == {"seq": 9, **said}


def test_what_a_client_makes_an_error_quote_fits_into_a_message(rig: Rig) -> None:
    rig.ask(1, **{**REGION, "name": "bad" + "\u4f60" * 12_000})
    assert rig.heard().op == "REPLICATE"
    rig.tell("APPLY", seq=1, id=1)
    rig.turn()
    code, text = rig.heard().args["outcome"]
    assert code == 3
    assert text.startswith("it is bad\u4f60")


def test_unloading_again_what_is_not_loaded(rig: Rig) -> None:
    call = {"op": "unload", "name": "bad", "dependents": False}
    rig.tell("APPLY", seq=1, replay=True, call=call)
    rig.turn()
    assert rig.heard().args == {"seq": 1, "outcome": None}


def test_a_core_that_stops_refuses_nothing(rig: Rig) -> None:
    rig.worker.leaving = True
    rig.tell("APPLY", seq=1, replay=False, call={**REGION, "name": "bad"})
    rig.turn()
    assert rig.heard().args["gone"] is True


def test_alone(rig: Rig) -> None:
    for number in (1, 2, 3):
        rig.ask(number, **{**REGION, "name": ("good", "bad", "bad too")[number - 1]})
    rig.tell("APPLY", seq=1, replay=False, id=1)
    rig.turn()  # made, not answered
    rig.tell("APPLY", seq=2, replay=False, id=2)  # begun
    rig.server.waiting.append((4, {**REGION, "name": "last"}))  # not even passed on
    rig.worker.alone()
    assert rig.server.ended
    assert rig.server.answers == [(1, None)]
    for _ in range(3):
        rig.turn()
    refused = [(2, (3, "it is bad")), (3, (3, "it is bad too"))]
    assert rig.server.answers[1:] == [*refused, (4, None)]
    assert len(rig.server.made) == 4  # each of them once


def test_a_full_channel_loses_nothing(rig: Rig) -> None:
    rig.channel._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    for number in range(100):
        rig.ask(number, **{**REGION, "name": "x" * 1000})
    assert rig.outbox.waiting
    arrived: list[int] = []
    while len(arrived) < 100:
        arrived += [message.args["id"] for message in rig.supervisor.drain()]
        rig.outbox.flush()
    assert arrived == list(range(100))
    assert not rig.outbox.waiting


def test_no_memory_for_a_change(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(name: str, flags: int) -> int:
        raise OSError("no space")

    monkeypatch.setattr(os, "memfd_create", full)
    rig.ask(1, op="load", name="m", parameters=[["file:1/x", b"\0"]])
    (answer,) = rig.server.answers
    assert answer == (1, (1, "no memory for the change: no space"))
    assert rig.supervisor.receive() is None
    rig.ask(2, **REGION)
    assert rig.heard().args["id"] == 2
