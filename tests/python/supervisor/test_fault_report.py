"""The table after the tests of faults, and its JSON."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from fault_report import FaultReport, Row, table, write

pytest_plugins = ["pytester"]


class Load:
    def __init__(self, worst: float, **results: int) -> None:
        self.worst = worst
        self.results = Counter(results)


def test_rows_of_a_load() -> None:
    report = FaultReport("test_x")
    report.load("SIGKILL", Load(0.25, ok=90, failed=3, refused=2, **{"503": 1}), in_flight=4)
    assert report.rows == [Row("SIGKILL", "test_x", 94, 4, 2, 250.0, {"in_flight": 4})]


def test_table_is_aligned_and_names_what_did_not_pass() -> None:
    rows = [
        Row("SIGKILL", "test_x", 94, 4, 2, 250.4, {"in_flight": 4, "cpu": 0.123456}, "passed"),
        Row("second instance", "test_y", outcome="failed"),
    ]
    first, second, third = table(rows)
    assert first.split("  ")[0] == "fault"
    assert second.split() == [
        "SIGKILL",
        "94",
        "4",
        "2",
        "250",
        "in",
        "flight",
        "4,",
        "cpu",
        "0.1235",
        "test_x",
    ]
    assert third.split() == ["second", "instance", "test_y", "(FAILED)"]
    assert first.index("test") == second.index("test_x") == third.index("test_y")
    assert first.index("sent") + len("sent") == second.index("94") + len("94")


def test_json_replaces_an_older_report(tmp_path: Path) -> None:
    path = tmp_path / "build" / "report.json"
    write([Row("a", "test_a")], path)
    write([Row("b", "test_b", sent=1, worst_ms=2.5, outcome="passed")], path)
    expected = {"fault": "b", "test": "test_b", "sent": 1, "failed": None, "refused": None}
    expected |= {"worst_ms": 2.5, "counts": {}, "outcome": "passed"}
    assert json.loads(path.read_text()) == [expected]


@pytest.mark.parametrize(("value", "outcome"), [(0, "passed"), (1, "failed")])
def test_hooks(pytester: pytest.Pytester, value: int, outcome: str) -> None:
    folder = Path(__file__).parent
    for name in ("conftest.py", "fault_report.py"):
        (pytester.path / name).write_text((folder / name).read_text())
    pytester.makepyfile(
        f"def test_it(fault_report):\n"
        f"    fault_report.row('stop', sent=5, failed={value})\n"
        f"    assert {value} == 0\n"
    )
    result = pytester.runpytest("-o", "pythonpath=.")
    result.stdout.fnmatch_lines(["*= faults =*", "fault *worst ms*", f"stop *5 *{value} *test_it*"])
    found = json.loads((pytester.path / "build" / "fault_report.json").read_text())
    assert [(row["fault"], row["outcome"]) for row in found] == [("stop", outcome)]
