"""The journal of changes, and how calls travel. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest

from tritonfrontend.supervisor.protocol.control_calls import Call, pack, received, unpack
from tritonfrontend.supervisor.replication.journal import Journal


def register(name: str, kind: str = "system", key: str = "/k") -> Call:
    return Call({"op": "register", "kind": kind, "name": name, "key": key})


def unregister(name: str, kind: str = "system") -> Call:
    return Call({"op": "unregister", "kind": kind, "name": name})


def load(name: str, *parameters: tuple[str, str]) -> Call:
    return Call({"op": "load", "name": name, "parameters": parameters})


def unload(name: str) -> Call:
    return Call({"op": "unload", "name": name, "dependents": False})


def host(name: str) -> Call:
    return Call({"op": "host", "name": name, "url": "/models/m", "target": "m"})


def unhost(name: str) -> Call:
    return Call({"op": "unhost", "name": name})


def trace(model: str = "", **settings: int | None) -> Call:
    return Call({"op": "trace", "model": model, "settings": settings})


def log(**settings: Any) -> Call:
    return Call({"op": "log", "settings": settings})


def journal(*calls: Call) -> Journal:
    made = Journal()
    for call in calls:
        made.record(call)
    return made


def heads(made: Journal) -> list[Mapping[str, Any]]:
    return [call.head for call in made.entries()]


def test_regions() -> None:
    made = journal(register("a"), register("b", "cuda"), register("c"))
    assert len(made) == 3
    made.record(unregister("a", "cuda"))  # of the other kind: no change
    made.record(unregister("nobody"))
    assert len(made) == 3
    made.record(unregister("a"))
    assert [head["name"] for head in heads(made)] == ["b", "c"]
    made.record(unregister(""))
    assert [head["name"] for head in heads(made)] == ["b"]


def test_models_are_repeated_in_the_order_of_their_last_change() -> None:
    made = journal(load("a"), unload("b"), load("c"), load("a", ("config", "{}")))
    found = [(head["op"], head["name"]) for head in heads(made)]
    assert found == [("unload", "b"), ("load", "c"), ("load", "a")]
    assert heads(made)[-1]["parameters"] == (("config", "{}"),)


def test_hosted_models_are_no_models_of_the_core() -> None:
    made = journal(host("a"), load("a"), host("b"), unhost("a"), unhost("nobody"))
    assert [(head["op"], head["name"]) for head in heads(made)] == [("load", "a"), ("host", "b")]
    assert str(host("a")) == "load of hosted model 'a'"
    assert str(unhost("a")) == "unload of hosted model 'a'"


def test_settings_are_merged() -> None:
    made = journal(
        trace(trace_rate=5, trace_count=3),
        trace("m", trace_rate=7),
        trace(trace_rate=None),
        log(log_info=True),
        log(log_info=False, log_verbose_level=2),
    )
    settings = [(head.get("model"), head["settings"]) for head in heads(made)]
    assert ("m", {"trace_rate": 7}) in settings
    assert ("", {"trace_count": 3}) in settings
    assert (None, {"log_info": False, "log_verbose_level": 2}) in settings
    made.record(trace("m", trace_rate=None))
    assert len(made) == 2


@pytest.mark.parametrize(
    ("before", "call", "loaded", "inverse"),
    [
        ([], register("r", "cuda"), False, unregister("r", "cuda")),
        ([register("r")], unregister("r"), False, None),
        ([], load("m"), False, unload("m")),
        ([], load("m"), True, None),
        ([load("m", ("config", "1"))], load("m"), True, load("m", ("config", "1"))),
        ([load("m", ("config", "1"))], unload("m"), False, load("m", ("config", "1"))),
        ([unload("m")], unload("m"), False, None),
        ([], host("m"), False, unhost("m")),
        ([load("m"), host("m")], unhost("m"), True, host("m")),
        ([], trace("m", trace_rate=1), False, trace("m", trace_rate=None)),
        ([trace(trace_rate=9)], trace(trace_rate=1), False, trace(trace_rate=9)),
        ([], log(log_info=True), False, log(log_info=False)),
    ],
)
def test_what_takes_a_change_back(
    before: list[Call], call: Call, loaded: bool, inverse: Call | None
) -> None:
    previous = {"log_info": False, "log_error": True}
    found = journal(*before).inverse(call, loaded, previous)
    assert (found.head if found else None) == (inverse.head if inverse else None)


def test_restored_and_dropped() -> None:
    made = journal(load("a"), load("b"))
    saved = made.saved("models")
    made.record(load("a"))
    made.restore("models", saved)
    assert [head["name"] for head in heads(made)] == ["a", "b"]
    entry = made.entries()[0]
    made.record(load("a"))
    made.drop(entry)  # was replaced
    assert len(made) == 2
    made.drop(made.entries()[0])
    assert len(made) == 1


def test_small_calls_travel_in_the_message() -> None:
    call = pack({"op": "register", "kind": "system", "name": "\udcff", "byte_size": 2**63})
    assert call.fds == []
    again = unpack(received(call.fields, []))
    assert again == {"op": "register", "kind": "system", "name": "\udcff", "byte_size": 2**63}


@pytest.mark.parametrize(
    "parameters",
    [
        [["file:1/a", b"\0\xff" * 100_000], ["config", "{}"], ["file:1/b", b""]],
        [["config", "x" * 100_000]],
    ],
)
def test_large_calls_travel_in_a_file(parameters: list[Any]) -> None:
    wanted = {"op": "load", "name": "m", "parameters": parameters}
    call = pack(wanted)
    assert call.fields == {}
    copies = [os.dup(fd) for fd in call.fds]
    arrived = received({}, copies)
    assert copies == []  # it is the call's now
    assert unpack(arrived) == wanted
    assert unpack(arrived) == wanted
    fd = arrived.fds[0]
    del arrived
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


@pytest.mark.parametrize("fields", [{}, {"call": []}, {"call": {"op": "explode"}}])
def test_what_is_no_call(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a control call"):
        received(fields, [])
