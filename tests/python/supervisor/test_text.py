"""Text for people: tables, lines to paste, meanings of exits, lines of workers."""

from __future__ import annotations

import errno
import io
import json
import os
import shlex
import signal
import threading
import time
from typing import Any

import pytest

from tritonfrontend.supervisor.status import examples, render
from tritonfrontend.supervisor.system import words
from tritonfrontend.supervisor.system.exits import describe, label
from tritonfrontend.supervisor.system.log import (
    MAX_BYTES_PER_SECOND,
    MAX_LINE_BYTES,
    MAX_QUEUED_BYTES,
    LineReader,
    Output,
    json_line,
)


def sample(datatype: str = "FP32", shape: tuple[int, ...] = (-1, 4)) -> dict[str, Any]:
    tensor = {"datatype": datatype, "shape": list(shape)}
    return {
        "name": "m",
        "inputs": [{"name": "A", **tensor}, {"name": "B", **tensor}],
        "outputs": [{"name": "SUM", **tensor}],
    }


HTTP, GRPC = ("0.0.0.0", 8000), ("::", 8001)


def test_curl_line_is_a_whole_request() -> None:
    words = shlex.split(examples.lines(sample(), HTTP, GRPC)[0])
    assert words[:3] == ["curl", "-s", "http://localhost:8000/v2/models/m/infer"]
    assert json.loads(words[4])["inputs"][1] == {
        "name": "B",
        "shape": [1, 4],
        "datatype": "FP32",
        "data": [0.0, 1.0, 2.0, 3.0],
    }


@pytest.mark.parametrize("datatype", ["BYTES", "BOOL", "INT64", "FP64", "UINT8"])
def test_client_line_is_python(datatype: str) -> None:
    line = examples.lines(sample(datatype), HTTP, GRPC, "/usr/bin/python3")[1]
    words = shlex.split(line)
    assert words[:2] == ["/usr/bin/python3", "-c"]
    compile(words[2], "line", "exec")
    assert "tritonclient.http" in words[2]


def test_grpc_alone() -> None:
    (line,) = examples.lines(sample(), None, GRPC)
    assert "tritonclient.grpc" in line
    assert '"localhost:8001"' in line


@pytest.mark.parametrize("model", [sample("FP16"), sample(shape=(-1, 3, 224, 224))])
def test_model_that_no_line_can_feed(model: dict[str, Any]) -> None:
    assert examples.lines(model, HTTP, GRPC) == ["curl -s http://localhost:8000/v2/models/m"]


def test_tls() -> None:
    (line,) = examples.lines(sample(), HTTP, GRPC, tls=True)
    assert line.startswith("curl -sk https://localhost:8000/v2/models/m/infer ")
    assert examples.lines(None, HTTP, None, tls=True) == [
        "curl -ik https://localhost:8000/v2/health/ready"
    ]
    assert examples.lines(sample(), None, GRPC, tls=True) == []


def test_no_model_and_addresses() -> None:
    assert examples.lines(None, ("10.0.0.1", 1), None) == [
        "curl -i http://10.0.0.1:1/v2/health/ready"
    ]
    assert "http://[fe80::1]:1/" in examples.lines(None, ("fe80::1", 1), None)[0]


def worker(**changes: Any) -> dict[str, Any]:
    return {
        "slot": 0,
        "state": "READY",
        "reason": "",
        "device": "cpu:0",
        "gpu": None,
        "pid": 77,
        "models": [],
        "models_ready": 2,
        "models_total": 2,
        "loading": [],
        "conns": 3,
        "inflight": 1,
        "completed": 12345,
        "rps_1m": 2.5,
        "cpu_percent": 150.4,
        "restarts_total": 0,
        "uptime_s": 3723.0,
        "rss": 900 << 20,
        "next_try_in_s": None,
        "last_exit": None,
        **changes,
    }


def status_of(*workers: dict[str, Any]) -> dict[str, Any]:
    return {
        "supervisor": {
            "name": "blue",
            "group_state": "degraded",
            "ready": 1,
            "total": 2,
            "uptime_s": 61.0,
            "pid": 7,
            "ports": {"http": {"address": "0.0.0.0", "port": 8000}},
        },
        "workers": list(workers),
    }


def shown(*workers: dict[str, Any], color: bool = False, width: int = 140) -> str:
    return render.table(status_of(*workers), color=color, width=width)


def test_table() -> None:
    inflight = [{"model": "m", "id": str(n), "age_s": 2.0} for n in range(7)]
    last = {
        "text": "signal SIGSEGV (crash)",
        "code": None,
        "reason": "it said [bold]",
        "uptime_s": 5.0,
        "inflight": inflight,
        "stderr_tail": ["one", "two", "three", "four [red]"],
    }
    gpu = {"name": "H100", "mem_used": 3 << 30, "mem_total": 80 << 30, "stale": True}
    failed = {"name": "m", "version": 1, "reason": "no such file", "failed": True}
    text = shown(
        worker(),
        worker(
            slot=1, state="BACKOFF", reason="crash", next_try_in_s=4.2, pid=None, last_exit=last
        ),
        worker(slot=2, device="gpu:2", gpu=gpu, models=[failed]),
    )
    assert "blue: degraded, 1 of 2 workers ready, up 1m01s, pid 7" in text
    row = next(line for line in text.splitlines() if line.startswith("w0"))
    assert " ".join(row.split()) == "w0 READY cpu:0 77 2/2 3 1 12345 2.5 0 1h02m 150% 900 MiB"
    assert "w1: crash (next try in 4 s)" in text
    assert "w1: last exit: signal SIGSEGV (crash): it said [bold], after 5s" in text
    assert "w1:   in flight: m id '0' for 2s" in text
    assert "w1:   in flight: and 2 more" in text
    assert "w1:   | two\nw1:   | three\nw1:   | four [red]" in text
    assert "gpu:2 H100 3.0 GiB/80.0 GiB (stale)" in text
    assert "w2: model m version 1: no such file" in text
    assert "\x1b" not in text
    assert "\x1b" in shown(worker(), color=True)


def test_units() -> None:
    assert [words.duration(s) for s in (None, 0, 59, 60, 3600, 90000)] == [
        *("-", "0s", "59s", "1m00s", "1h00m", "1d1h")
    ]
    assert [words.size(n) for n in (None, 0, 2048, 5 << 20, 3 << 30)] == [
        *("-", "0 B", "2 KiB", "5 MiB", "3.0 GiB")
    ]
    assert words.names(["a", "b", "c", "d", "e"], 9) == "a, b, c, d and 5 more"
    assert words.names(["a"], 1) == "a"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "exit code 0 (drained)"),
        (11, "exit code 11 (a model cannot load)"),
        (1, "exit code 1 (unknown error)"),
        (-signal.SIGSEGV, "signal SIGSEGV (crash)"),
        (-signal.SIGTERM, "signal SIGTERM (ended by a signal)"),
        (-signal.SIGKILL, "signal SIGKILL (killed from outside)"),
        (-64, "signal SIGRTMAX (ended by a signal)"),
        (-63, "signal 63 (ended by a signal)"),
    ],
)
def test_meaning_of_an_exit(code: int, text: str) -> None:
    assert str(describe(code)) == text


def test_who_killed() -> None:
    assert describe(-9, oom=True).meaning == "out of memory"
    assert describe(-9, oom=True, killed_by_us="hung").meaning == "hung"
    assert describe(10).permanent
    assert describe(11).permanent
    assert not describe(12).permanent


def test_labels_of_metrics_are_few() -> None:
    for code in (0, 10, 11, 12, 13, 14, 15, 20, 1, -signal.SIGSEGV, -signal.SIGTERM):
        info = describe(code)
        assert label(info, was_ready=True) == label(info, was_ready=False) == info.meaning
    for oom, meaning in ((False, "killed from outside"), (True, "out of memory")):
        assert label(describe(-9, oom=oom), was_ready=True) == meaning
    killed = describe(-9, killed_by_us="hangs: silent for 10.1 s")
    assert label(killed, was_ready=True) == "hung"
    assert label(killed, was_ready=False) == "not ready in time"


def lines_of(*chunks: bytes) -> list[str]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    found: list[str] = []
    reader = LineReader(read, found.append)
    for chunk in chunks:
        os.write(write, chunk)
        reader.read()
    os.close(write)
    assert reader.read() == -1
    os.close(read)
    return found


def test_worker_lines() -> None:
    assert lines_of(b"one\ntw", b"o\n", b"\xff\r\nrest") == [
        "one",
        "two",
        "\N{REPLACEMENT CHARACTER}",
        "rest",
    ]
    assert lines_of(b"a" * (MAX_LINE_BYTES + 5) + b"\n")[1] == "aaaaa"
    assert [len(line) for line in lines_of(b"a" * 3 * MAX_LINE_BYTES)] == [MAX_LINE_BYTES] * 3


def test_flood_is_dropped_and_counted() -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    found: list[str] = []
    now = [5.0]
    reader = LineReader(read, found.append, lambda: now[0])
    block = b"x" * 1023 + b"\n"
    for _ in range(MAX_BYTES_PER_SECOND // 1024 + 10):
        os.write(write, block)
        reader.read()
    assert len(found) == MAX_BYTES_PER_SECOND // 1024
    now[0] = 6.0
    os.write(write, b"later\n")
    reader.read()
    assert found[-2:] == ["(10 lines dropped: too many at once)", "later"]
    os.close(write)
    os.close(read)


class Stuck(io.StringIO):
    """A terminal that takes nothing until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def write(self, text: str) -> int:
        self.released.wait()
        return super().write(text)


def test_output_drops_instead_of_blocking() -> None:
    stuck = Stuck()
    output = Output(stuck, stuck)
    for _ in range(100):
        output.write("x" * (MAX_QUEUED_BYTES // 20))
    stuck.released.set()
    output.close(30)
    assert "lines dropped: the output was blocked" in stuck.getvalue()
    assert len(stuck.getvalue()) < 2 * MAX_QUEUED_BYTES


def test_lines_have_a_prefix_or_are_objects() -> None:
    plain, objects = io.StringIO(), io.StringIO()
    for target, as_json in ((plain, False), (objects, True)):
        output = Output(target, target, as_json=as_json)
        output.line('say "hi"\t\N{SNOWMAN}', 1, "stdout")
        output.line("crashed", 1)
        output.line("stopping")
        output.write("a table\nof two lines")
        output.close(30)
    assert plain.getvalue().splitlines() == [
        '[w1] say "hi"\t\N{SNOWMAN}',
        "[supervisor] w1: crashed",
        "[supervisor] stopping",
        "a table",
        "of two lines",
    ]
    found = [json.loads(line) for line in objects.getvalue().splitlines()]
    assert [(each["worker"], each["stream"], each["text"]) for each in found] == [
        (1, "stdout", 'say "hi"\t\N{SNOWMAN}'),
        (1, "supervisor", "crashed"),
        (None, "supervisor", "stopping"),
        (None, "supervisor", "a table"),
        (None, "supervisor", "of two lines"),
    ]
    line = json_line(0.0625, 0, "stderr", "x")
    assert json.loads(line)["time"] == "1970-01-01T00:00:00.062Z"


class Full(io.StringIO):
    """A disk that is full for a while."""

    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "no space")
        return super().write(text)


def test_full_disk_loses_lines_and_says_so() -> None:
    disk = Full()
    output = Output(disk, disk, as_json=True)
    for _ in range(3):
        output.line("lost")
    while output._dropped < 3:
        time.sleep(0.01)
    disk.full = False
    output.line("kept")
    output.close(30)
    told, kept = (json.loads(line)["text"] for line in disk.getvalue().splitlines())
    assert told == "3 lines dropped: the output was blocked"
    assert kept == "kept"


def test_footer_stays_last() -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    output = Output(terminal, terminal)
    output.footer("loading")
    output.write("line")
    output.footer("")
    output.close(30)
    assert terminal.getvalue() == "loading\r\x1b[Kline\nloading\r\x1b[K"
