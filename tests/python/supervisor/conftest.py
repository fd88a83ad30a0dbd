"""What tests of faults share: their report, a table after the last test; a model that breaks."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from fault_report import FaultReport, Row, table, write
from sick_model import Victim, started

#: Below the root of the repository; the rows of the last run that had any.
REPORT = "build/fault_report.json"
_ROWS = pytest.StashKey[list[Row]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ROWS] = []


@pytest.fixture
def fault_report(request: pytest.FixtureRequest) -> Iterator[FaultReport]:
    """`fault_report.row(...)`: what this test counted, for the table of the whole run."""
    report = FaultReport(request.node.name)
    request.node.stash[_ROWS] = report.rows
    yield report
    request.config.stash[_ROWS].extend(report.rows)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        for row in item.stash.get(_ROWS, []):
            row.outcome = report.outcome
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    rows = config.stash[_ROWS]
    if not rows:
        return
    terminalreporter.section("faults")
    for line in table(rows):
        terminalreporter.write_line(line)
    path = config.rootpath / REPORT
    write(rows, path)
    terminalreporter.write_line(f"as JSON: {path}")


@pytest.fixture
def sick(tmp_path: Path, backends_dir: Path) -> Path:
    """Where a test says which worker's model is broken, see `sick_model`."""
    return tmp_path / "sick"


@pytest.fixture
def victim(tmp_path: Path, sick: Path) -> Iterator[Victim]:
    """Of two workers."""
    with started(tmp_path, sick) as instance:
        made = Victim(instance, sick)
        yield made
        made.close()
