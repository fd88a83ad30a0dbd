"""Commands whose output nobody takes, and `status --watch` of an instance that ends."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator

import pytest
from instance import CLI, DEADLINE, Instance, environment, running, started

WATCHERS = [
    "status",
    "status --json",
    "status --watch=0.05",
    "status --watch=0.05 --json",
    "events",
    "events --follow",
    "wait-ready",
]


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running(tmp_path_factory.mktemp("output")) as made:
        made.wait_ready()
        yield made


def shell(instance: Instance, words: str, after: str) -> tuple[int, str]:
    """Exit code and errors of a command in bash, followed by `after`."""
    line = f"set -o pipefail; {shlex.join(CLI)} {words} {after}"
    done = subprocess.run(
        ["bash", "-c", line],
        env=environment(instance.root),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        timeout=DEADLINE,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", WATCHERS)
def test_output_that_cannot_be_written(instance: Instance, words: str) -> None:
    full = shell(instance, words, ">/dev/full")
    assert full == (1, "error: standard output: No space left on device\n")
    assert shell(instance, words, ">&-") == (1, "error: standard output is closed\n")


@pytest.mark.parametrize("words", WATCHERS)
def test_a_reader_that_has_seen_enough(instance: Instance, words: str) -> None:
    """`pipefail`: the code is that of the command."""
    assert shell(instance, words, "| true") == (0, "")


def test_what_is_done_is_done_without_an_output(instance: Instance) -> None:
    before = instance.worker(1)["generation"]
    assert shell(instance, "restart 1", ">&-") == (0, "")
    instance.wait("restarted", lambda s: s["workers"][1]["generation"] == before + 1)
    instance.wait_ready()


def test_an_instance_that_ends_while_it_is_watched(instance: Instance) -> None:
    with running(instance.root, "--name=other") as other:
        other.name = "other"
        other.wait_ready()
        watch = ("status", "--watch=0.01", "--name=other")
        with started(instance.root, *watch) as watcher:
            assert watcher.stdout is not None
            os.read(watcher.stdout.fileno(), 100)
            assert other.stop() == 0
            _, errors = watcher.communicate(timeout=DEADLINE)
    assert (watcher.returncode, errors) == (3, "error: the instance other has ended\n")
