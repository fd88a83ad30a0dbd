"""The ring of events, what is recorded in it, and the commands that read it."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from instance import CLI, Instance, command, environment, running

from tritonfrontend.supervisor.cli import watch_commands
from tritonfrontend.supervisor.cli.target import CommandError, NotRunning
from tritonfrontend.supervisor.group.events import BATCH, MAX_TEXT, EventRing
from tritonfrontend.supervisor.group.recorder import Recorder
from tritonfrontend.supervisor.slots.report import LastExit, SlotReport
from tritonfrontend.supervisor.slots.state import State
from tritonfrontend.supervisor.status import render
from tritonfrontend.supervisor.system.exits import describe


def ring_of(count: int, capacity: int = 10) -> EventRing:
    ring = EventRing(capacity, lambda: 1.0)
    for number in range(count):
        ring.add("k", f"t{number}")
    return ring


def test_numbers_and_fields() -> None:
    ring = ring_of(1)
    ring.add("state", "READY", 3, pid=7)
    assert ring.after(0).events == [
        {"seq": 1, "at": 1.0, "kind": "k", "worker": None, "text": "t0"},
        {"seq": 2, "at": 1.0, "kind": "state", "worker": 3, "text": "READY", "pid": 7},
    ]
    ring.add("k", "x" * 2 * MAX_TEXT)
    assert len(ring.after(2).events[0]["text"]) == MAX_TEXT


@pytest.mark.parametrize(
    ("count", "since", "first", "lost", "last"),
    [
        (0, 0, None, 0, 0),
        (3, 0, 1, 0, 3),
        (3, 2, 3, 0, 3),
        (3, 3, None, 0, 3),
        (3, 99, None, 0, 3),  # a number of another run
        (3, -5, 1, 0, 3),
        (10, 0, 1, 0, 10),
        (11, 0, 2, 1, 11),
        (25, 4, 16, 11, 25),
        (25, 15, 16, 0, 25),
        (25, 20, 21, 0, 25),
    ],
)
def test_what_a_reader_gets(
    count: int, since: int, first: int | None, lost: int, last: int
) -> None:
    batch = ring_of(count).after(since)
    assert (batch.events[0]["seq"] if batch.events else None) == first
    assert (batch.lost, batch.last) == (lost, last)
    assert [e["seq"] for e in batch.events] == list(range(first or 0, last + 1) if first else [])


def test_long_history_comes_in_pieces() -> None:
    ring = ring_of(BATCH + 5, capacity=2 * BATCH)
    batch = ring.after(0)
    assert (len(batch.events), batch.last) == (BATCH, BATCH)
    assert len(ring.after(batch.last).events) == 5


def test_followers_wake_and_slow_ones_are_told() -> None:
    async def main() -> None:
        ring = ring_of(2)
        reader = ring.follow(1)
        assert (await anext_of(reader)).last == 2
        waiting = asyncio.ensure_future(anext_of(reader))
        await asyncio.sleep(0)
        assert not waiting.done()
        ring.add("k", "new")
        assert (await waiting).events[0]["text"] == "new"
        for number in range(30):  # while the reader is busy
            ring.add("k", str(number))
        batch = await anext_of(reader)
        assert (batch.lost, len(batch.events)) == (20, 10)

    asyncio.run(main())


async def anext_of(iterator: Any) -> Any:
    return await iterator.__anext__()


def test_recorder_sees_changes_only() -> None:
    ring = EventRing(100)
    recorder = Recorder(ring)
    generation = SimpleNamespace(pid=7)
    slot: Any = SimpleNamespace(
        index=1, state=State.LOADING, report=SlotReport(), generation=generation
    )
    recorder.slot(slot)
    recorder.slot(slot)
    slot.state, slot.report.reason = State.RECLAIM, "gone"
    slot.report.last_exit = LastExit(describe(-11), "poisoned", 1.0, 2.5, ())
    recorder.slot(slot)
    recorder.slot(slot)
    recorder.group("starting")
    recorder.group("starting")
    recorder.group("ready")
    assert [(e["kind"], e["worker"], e["text"]) for e in ring.after(0).events] == [
        ("state", 1, "LOADING"),
        ("exit", 1, "signal SIGSEGV (crash): poisoned"),
        ("state", 1, "LOADING -> RECLAIM: gone"),
        ("group", None, "starting"),
        ("group", None, "starting -> ready"),
    ]
    assert ring.after(1).events[0]["signal"] == signal.SIGSEGV


def test_recorder_names_lost_gpus() -> None:
    ring = EventRing(100)
    recorder = Recorder(ring)
    watch: Any = SimpleNamespace(updated_at=None, stale=True, samples={})
    recorder.gpus(watch, ["GPU-1"])
    watch.updated_at, watch.stale, watch.samples = 1.0, False, {"GPU-1": object()}
    recorder.gpus(watch, ["GPU-1"])
    assert ring.last == 0
    watch.samples = {}
    recorder.gpus(watch, ["GPU-1"])
    recorder.gpus(watch, ["GPU-1"])
    watch.samples, watch.stale = {"GPU-1": object()}, True
    recorder.gpus(watch, ["GPU-1"])
    assert [event["text"] for event in ring.after(0).events] == [
        "GPU-1 is gone",
        "GPU values are stale",
        "GPU-1 is back",
    ]


def test_line_for_people() -> None:
    line = render.event_line({"at": 0.25, "worker": 1, "kind": "state", "text": "READY"})
    assert line.endswith(".250 w1   READY")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running(tmp_path_factory.mktemp("events"), "--event-history=50") as made:
        made.wait_ready()
        yield made


def test_events_of_a_crash(instance: Instance) -> None:
    pid = instance.worker(0)["pid"]
    since = json.loads(command(instance.root, "events", "--json").stdout.splitlines()[-1])["seq"]
    with subprocess.Popen(
        [*CLI, "events", "--json", "--follow", "--since", str(since)],
        env=environment(instance.root),
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as follower:
        subprocess.run(["kill", "-SEGV", str(pid)], check=True)
        assert follower.stdout is not None
        found = []
        for line in follower.stdout:
            found.append(json.loads(line))
            if found[-1]["kind"] == "group" and found[-1]["to"] == "ready":
                break
        follower.terminate()
    states = [event["to"] for event in found if event["kind"] == "state"]
    assert states[0] == "RECLAIM"
    assert states[-1] == "READY"
    (exit_event,) = (event for event in found if event["kind"] == "exit")
    assert (exit_event["worker"], exit_event["signal"]) == (0, signal.SIGSEGV)
    assert [event["seq"] for event in found] == list(range(since + 1, found[-1]["seq"] + 1))
    text = command(instance.root, "events").stdout
    assert "RECLAIM" in text
    assert "signal SIGSEGV (crash)" in text


def test_a_reader_that_does_not_read_holds_up_nobody(instance: Instance) -> None:
    """Its own answers wait; the instance goes on, and other clients are answered."""
    with socket.socket(socket.AF_UNIX) as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        stuck.connect(str(instance.socket))
        stuck.sendall(b'{"op":"events","follow":true}\n')
        before = instance.worker(1)["restarts_total"]
        for number in range(1, 9):
            assert command(instance.root, "restart", "1").returncode == 0
            instance.wait(
                "restarted",
                lambda s, n=number: (  # type: ignore[misc]
                    s["workers"][1]["restarts_total"] == before + n
                    and s["workers"][1]["state"] == "READY"
                ),
            )
    answer = json.loads(command(instance.root, "events", "--json").stdout.splitlines()[0])
    assert answer["lost"] > 0, "the ring holds 50"


def test_wait_ready(instance: Instance, tmp_path: Path) -> None:
    instance.wait_ready()
    answer = command(instance.root, "wait-ready")
    assert (answer.returncode, answer.stdout) == (0, "test: 2 of 2 workers ready\n")
    assert command(instance.root, "wait-ready", "--min-ready=2").returncode == 0
    answer = command(instance.root, "wait-ready", "--min-ready=3")
    assert (answer.returncode, answer.stderr) == (1, "error: test has only 2 workers\n")
    assert command(instance.root, "drain", "0").returncode == 0
    answer = command(instance.root, "wait-ready", "--min-ready=2", "--timeout=0.2")
    assert answer.returncode == 1
    assert (
        "1 of 2 workers ready after 0.2 s: w0 DISABLED (drained by the operator)" in answer.stderr
    )
    assert command(instance.root, "start", "0").returncode == 0
    assert command(instance.root, "wait-ready", "--min-ready=2").returncode == 0
    answer = command(tmp_path, "wait-ready", "--timeout=0")
    assert (answer.returncode, answer.stderr) == (3, "error: no tritonfrontend instance runs\n")


def test_wait_ready_of_one_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was there and is gone: waiting on would mean another instance."""
    group = {"name": "n", "ready": 0, "total": 1, "min_ready": 1, "group_state": "starting"}
    answers: list[Any] = [
        {"status": {"supervisor": group}},
        CommandError("no answer"),  # a busy machine
        NotRunning("nothing runs"),
    ]

    def request(target: Any, op: str) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, CommandError):
            raise answer
        return answer

    monkeypatch.setattr(watch_commands, "find", lambda arguments: None)
    monkeypatch.setattr(watch_commands, "request", request)
    arguments = argparse.Namespace(timeout=600.0, min_ready=None)
    with pytest.raises(CommandError, match="ended before it was ready") as caught:
        watch_commands.run_wait_ready(arguments)
    assert caught.value.code == 3


def test_status_that_is_watched(instance: Instance) -> None:
    """In a pipe one table after another, or one JSON object per line; ends with the reader."""
    for flags, start in (((), "test: "), (("--json",), "{")):
        with subprocess.Popen(
            [*CLI, "status", "--watch=0.05", *flags],
            env=environment(instance.root),
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
        ) as watcher:
            assert watcher.stdout is not None
            seen = 0
            while seen < 3:
                line = watcher.stdout.readline()
                assert line or watcher.poll() is None
                seen += line.startswith(start)
            watcher.terminate()
