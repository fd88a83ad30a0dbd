"""Output of real processes: prefixes, JSON, floods, readers that do not read, full disks."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from instance import Instance, get, running, until

from tritonfrontend.supervisor.system.log import Output


def test_prefixes(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        instance.wait_ready()
        until(lambda: "[w1] fake error" in instance.text(), "stderr")
        text = instance.text()
    assert "[w0] fake worker 0 speaks\n" in text
    assert "[supervisor] w0: ready with 1/1 models" in text


def test_every_line_of_a_reason_has_the_prefix(tmp_path: Path) -> None:
    """A model's error may be a whole traceback."""
    with (tmp_path / "log").open("w+") as file:
        output = Output(file, file)
        output.line("it failed: boom\nAt:\n  model.py(3)", 1)
        output.close()
        file.seek(0)
        lines = file.read().splitlines()
    assert lines == [
        "[supervisor] w1: it failed: boom",
        "[supervisor] w1: At:",
        "[supervisor] w1:   model.py(3)",
    ]


def test_json_has_one_object_per_line(tmp_path: Path) -> None:
    with running(tmp_path, "--log-format=json") as instance:
        instance.wait_ready()
        assert instance.stop() == 0
        found = [json.loads(line) for line in instance.text().splitlines()]
    for each in found:
        assert set(each) == {"time", "worker", "stream", "text"}
    said = {(each["worker"], each["stream"], each["text"]) for each in found}
    assert (0, "stdout", "fake worker 0 speaks") in said
    assert (1, "stderr", "fake error") in said
    assert (None, "supervisor", "signal 15: draining 2 workers") in said


def test_long_lines_are_cut_and_the_last_words_kept(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_0="dies-amid-a-line") as instance:
        dead = instance.wait("dead", lambda s: s["workers"][0]["last_exit"])
    tail = dead["workers"][0]["last_exit"]["stderr_tail"]
    assert tail[-1] == "last words"
    assert [len(line) for line in tail[-4:-1]] == [8192, 8192, 20000 - 2 * 8192]


def served(instance: Instance) -> int:
    """Requests answered by both workers while the output is in trouble."""
    port = instance.port("http")
    return len({get(port) for _ in range(40)})


def test_reader_that_does_not_read(tmp_path: Path) -> None:
    """Workers that flood both streams go on serving; the supervisor answers and stops in time."""
    read, write = os.pipe()
    with flooding(tmp_path, write) as instance:
        os.close(write)
        instance.wait_ready()
        pids = {str(worker["pid"]) for worker in (instance.worker(0), instance.worker(1))}
        for _ in range(3):
            assert served(instance) == len(pids)
        assert instance.worker(0)["restarts_total"] == 0
        assert instance.stop() == 0
    os.close(read)


def flooding(tmp_path: Path, stream: int) -> Any:
    return running(tmp_path, FAKE_MODE="floods", output=stream)


@pytest.mark.parametrize("form", ["default", "json"])
def test_full_disk(tmp_path: Path, form: str) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        running(tmp_path, f"--log-format={form}", output=full.fileno()) as instance,
    ):
        instance.wait_ready()
        assert served(instance) == 2
        os.kill(instance.worker(0)["pid"], signal.SIGKILL)
        instance.wait("back", lambda s: s["workers"][0]["restarts_total"] == 1)
        instance.wait_ready()
        assert instance.stop() == 0


def test_closed_pipe(tmp_path: Path) -> None:
    read, write = os.pipe()
    with running(tmp_path, output=write) as instance:
        os.close(write)
        os.close(read)
        instance.wait_ready()
        assert served(instance) == 2
        assert instance.stop() == 0
