"""Dataclasses to JSON and back; the options of `serve` on that way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from tritonfrontend.supervisor.options.serve_flags import parser, serve_options
from tritonfrontend.supervisor.options.spec import Device, ServeOptions
from tritonfrontend.supervisor.protocol.flights import Flight
from tritonfrontend.supervisor.slots.report import LastExit, SlotReport
from tritonfrontend.supervisor.system.exits import ExitInfo
from tritonfrontend.supervisor.system.records import RecordError, dump, load


class Color(str, Enum):
    RED = "red"


@dataclass(frozen=True)
class Leaf:
    x: float
    on: bool = False


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    pair: tuple[str, int]
    by_number: dict[int, Leaf] = field(default_factory=dict)
    color: Color | None = None
    anything: Any = None
    limit: float | str = "auto"


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(dump(value)))


@pytest.mark.parametrize(
    "value",
    [
        Tree((), ("a", 1)),
        Tree((), ("a", 1), limit=1.5),
        Tree((Leaf(1), Leaf(2.5, True)), ("b", 2), {3: Leaf(0)}, Color.RED, {"k": [1, None]}),
        SlotReport(
            2,
            1,
            5.5,
            "why",
            LastExit(ExitInfo(None, 9, "m"), "r", 1, 2, ("l",), (Flight("a", "", 1),)),
        ),
        Device("gpu", 1, "GPU-1", "n", "p", 0, (1, 2)),
    ],
)
def test_round_trip(value: Any) -> None:
    assert load(type(value), through_json(value)) == value


def test_options_with_everything_set(tmp_path: Path) -> None:
    """Equal after the way, or a reload would find changes where there are none."""
    flags = [
        f"--model-repository={tmp_path}",
        "--name=n",
        "--http-port=0",
        "--backend-config=python,shm-region-prefix-name=x",
        "--model-control-mode=explicit",
        "--load-model=a",
        "--load-model=b",
        "--trace-config=level=TIMESTAMPS",
        "--trace-config=triton,file=/tmp/x",
        "--rate-limit-resource=R1:10:0",
        "--host-policy=0,numa-node=0",
        "--cache-config=local,size=1048576",
        "--http-restricted-api=model-repository:k=v",
        "--http-header-forward-pattern=x.*",
        "--worker-command=python -m x",
        "--min-ready=1",
    ]
    options = serve_options(parser().parse_args(flags))
    assert load(ServeOptions, through_json(options)) == options


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"leaves": 1}, "state.leaves: expected a list"),
        ({"leaves": [{"x": "1"}]}, r"state.leaves\[0\].x: expected float"),
        ({"leaves": [{"x": 1, "on": 1}]}, r"state.leaves\[0\].on: expected bool"),
        ({"leaves": [{}]}, r"state.leaves\[0\]: .*missing"),
        ({"pair": ["a"]}, "state.pair: expected 2 values"),
        ({"by_number": {"x": {"x": 1}}}, "state.by_number: expected numbers as keys"),
        ({"color": "blue"}, "state.color: expected one of red"),
        ({"limit": True}, "state.limit: expected float or str, found 'True'"),
        ({"limit": None}, "state.limit: expected float or str, found 'None'"),
        ({"more": 1}, "state.more: expected no such field"),
    ],
)
def test_what_does_not_fit(change: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError, match=said):
        load(Tree, {"leaves": [], "pair": ["a", 1], **change})
