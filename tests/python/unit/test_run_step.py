"""tools/run_step.py: logs, counters and exit codes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import run_step


def step(log: Path, source: str) -> int:
    return run_step.main(["[1/2] step", str(log), "--", sys.executable, "-c", source])


def test_success_is_one_line_and_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "logs" / "step.log"
    assert step(log, "print('detail')") == 0
    assert log.read_text() == "detail\n"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[1/2] step ..."
    assert lines[-1].startswith("[1/2] step ... done in ")
    assert len(lines) == 2


def test_counters_show_that_it_moves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = "for i in range(1, 101): print(f'  [{i}/100] Building')"
    assert step(tmp_path / "log", source) == 0
    counters = [line.rpartition(" ")[2] for line in capsys.readouterr().out.splitlines()[1:-1]]
    assert counters == ["20/100", "40/100", "60/100", "80/100", "100/100"]


@pytest.mark.parametrize("line", ["[3/8] Building", "  [3/8] x", " 3/8 Test  #3: base.Chain"])
def test_counter_formats(line: str) -> None:
    match = run_step.COUNTER.match(line)
    assert match is not None
    assert match.groups() == ("3", "8")


@pytest.mark.parametrize("line", ["3/8", "see [3/8]", "/3/8] x", "[a/8] x"])
def test_other_lines_are_no_counters(line: str) -> None:
    assert run_step.COUNTER.match(line) is None


def test_failure_prints_the_end_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "import sys; [print('line', i) for i in range(100)]; sys.exit(7)"
    assert step(tmp_path / "log", source) == 7
    printed = capsys.readouterr()
    assert "failed with exit code 7" in printed.out
    assert printed.err.splitlines()[0] == f"line {100 - run_step.TAIL_LINES}"
    assert "line 99" in printed.err


def test_a_killed_command_fails(tmp_path: Path) -> None:
    assert step(tmp_path / "log", "import os; os.kill(os.getpid(), 9)") == 1


def test_an_unknown_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_step.main(["x", str(tmp_path / "log"), "--", "/no/such/program"]) == 127
    assert "/no/such/program" in capsys.readouterr().err


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_step.main(["label", "log", "command"]) == 2
    assert "usage" in capsys.readouterr().err
