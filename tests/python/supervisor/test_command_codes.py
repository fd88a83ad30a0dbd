"""Exit codes of commands: 1 for what is refused or fails, 2 for usage, 3 if nothing runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance import Instance, command, running

COMMANDS = (
    *(("status",), ("events",), ("events", "--follow"), ("wait-ready", "--timeout=0")),
    *(("drain", "0"), ("undrain", "0"), ("start", "0"), ("restart", "0")),
    *(("reload",), ("reload", "--dry-run"), ("upgrade",), ("stop",)),
)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running(tmp_path_factory.mktemp("codes")) as made:
        made.wait_ready()
        yield made


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_nothing_runs(tmp_path: Path, words: tuple[str, ...]) -> None:
    answer = command(tmp_path, *words)
    assert (answer.returncode, answer.stderr) == (3, "error: no tritonfrontend instance runs\n")


@pytest.mark.parametrize(
    "words", [("drain",), ("drain", "-1"), ("drain", "x"), ("nap",), ("status", "--watch=x"), ()]
)
def test_usage(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert command(tmp_path, *words).returncode == 2


@pytest.mark.parametrize("op", ["drain", "undrain", "start", "restart"])
def test_a_slot_that_does_not_exist(instance: Instance, op: str) -> None:
    answer = command(instance.root, op, "7")
    assert (answer.returncode, answer.stderr) == (1, "error: slot 7 is not one of 0..1\n")


def test_a_supervisor_that_does_not_answer(instance: Instance) -> None:
    """What was asked for may happen all the same, when it goes on."""
    instance.popen.send_signal(signal.SIGSTOP)
    try:
        asked = command(instance.root, "restart", "1")
        looked = command(instance.root, "status")
    finally:
        instance.popen.send_signal(signal.SIGCONT)
    text = "error: no answer from the supervisor (timed out)"
    assert asked.returncode == looked.returncode == 1
    assert asked.stderr == f"{text}; the request may still be carried out\n"
    assert looked.stderr == f"{text}\n"
    instance.wait("carried out", lambda s: s["workers"][1]["generation"] == 2)
    instance.wait_ready()


def test_a_stop_that_takes_too_long(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE="drain-hangs") as instance:
        instance.wait_ready()
        answer = command(tmp_path, "stop", "--timeout=0")
        assert answer.returncode == 1
        assert answer.stderr == "error: test: still running after 0 s\n"
        refused = command(tmp_path, "restart", "0")
        assert (refused.returncode, refused.stderr) == (1, "error: the instance is stopping\n")


def test_one_that_was_killed(tmp_path: Path) -> None:
    """Its run directory is left, and nobody is there."""
    with running(tmp_path) as instance:
        instance.wait_ready()
        os.kill(instance.popen.pid, signal.SIGKILL)
        instance.popen.wait()
        assert command(tmp_path, "status").returncode == 3
        assert command(tmp_path, "status", f"--run-dir={instance.socket.parent}").returncode == 3
