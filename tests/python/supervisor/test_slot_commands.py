"""`drain`, `undrain`, `start`, `restart`: what they wait for, and what they say."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance import DEADLINE, Instance, command, running, started

from tritonfrontend.supervisor.cli import slot_commands
from tritonfrontend.supervisor.cli.main import main

SHOWS = "; tritonfrontend status shows it\n"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running(tmp_path_factory.mktemp("slots")) as made:
        made.wait_ready()
        yield made


def said(instance: Instance, *arguments: str) -> str:
    answer = command(instance.root, *arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@contextlib.contextmanager
def stopped_worker(instance: Instance, slot: int) -> Iterator[None]:
    """It takes part in nothing until the block ends: a drain cannot end meanwhile."""
    pid = instance.worker(slot)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_worker_is_drained_and_comes_back(instance: Instance) -> None:
    instance.wait_ready()
    assert said(instance, "undrain", "0") == "w0: nothing to do, it is READY\n"
    assert said(instance, "start", "0") == "w0: nothing to do, it is READY\n"
    assert said(instance, "drain", "0") == "w0: draining\nw0: drained\n"
    assert instance.worker(0)["state"] == "DISABLED"
    assert said(instance, "drain", "0") == "w0: nothing to do, it is empty\n"
    assert said(instance, "undrain", "0") == f"w0: starting{SHOWS}"
    instance.wait_ready()
    before = instance.worker(0)["generation"]
    assert said(instance, "restart", "0") == f"w0: restarting{SHOWS}"
    instance.wait("restarted", lambda s: s["workers"][0]["generation"] == before + 1)
    instance.wait_ready()


def test_a_drain_that_is_not_waited_for(instance: Instance) -> None:
    instance.wait_ready()
    with stopped_worker(instance, 1):
        assert said(instance, "drain", "1", "--no-wait") == f"w1: draining{SHOWS}"
        late = command(instance.root, "drain", "1", "--timeout=0")
        assert late.returncode == 1
        assert late.stderr == "error: w1: still DRAINING after 0 s; the drain goes on\n"
        assert (
            said(instance, "start", "1") == f"w1: it is DRAINING and starts again after that{SHOWS}"
        )
    instance.wait_ready()


def test_a_slot_that_somebody_fills_while_it_drains(instance: Instance) -> None:
    instance.wait_ready()
    with contextlib.ExitStack() as held, contextlib.ExitStack() as ended:
        held.enter_context(stopped_worker(instance, 1))
        drain = ended.enter_context(started(instance.root, "drain", "1"))
        assert drain.stdout is not None
        assert drain.stdout.readline() == "w1: draining\n"
        instance.wait_state(1, "DRAINING")
        instance.ask("undrain", slot=1)
        held.close()
        _, errors = drain.communicate(timeout=DEADLINE)
        assert drain.returncode == 1
        assert errors.startswith("error: w1: somebody has filled the slot meanwhile, it is ")
    instance.wait_ready()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("drain", "1"), "w1: the drain goes on; tritonfrontend status shows it\n"),
        (("stop",), "test: the stop goes on\n"),
    ],
)
def test_ctrl_c_ends_the_command_and_not_the_drain(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    with running(tmp_path) as instance:
        instance.wait_ready()
        with stopped_worker(instance, 1), started(tmp_path, *words) as waiting:
            assert waiting.stdout is not None
            assert waiting.stdout.readline().endswith(": draining\n")
            waiting.send_signal(signal.SIGINT)
            assert (waiting.wait(DEADLINE), waiting.communicate()[1]) == (130, told)
        if words == ("stop",):
            assert instance.popen.wait(DEADLINE) == 0
        else:
            instance.wait_state(1, "DISABLED")


def test_a_supervisor_that_is_older_than_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(slot_commands, "find", lambda arguments: None)
    monkeypatch.setattr(slot_commands, "request", lambda target, op, **args: {})
    assert main(["drain", "1"]) == 0
    assert capsys.readouterr().out == f"w1: drain asked for{SHOWS}"
