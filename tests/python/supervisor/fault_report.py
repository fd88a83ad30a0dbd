"""What the tests of faults counted, as one table at the end of the run and as JSON beside it.

Figures are told, never judged: a test asserts what happens, and hands over its counts for people.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

_HEADINGS = ("fault", "sent", "failed", "refused", "worst ms", "further counts", "test")


class Counts(Protocol):
    """As much of a load generator as a row needs: how many requests ended as "ok", "failed", ..."""

    @property
    def results(self) -> Mapping[str, int]: ...


@dataclass
class Row:
    """One fault and what clients saw of it. None: the test does not count this."""

    fault: str
    test: str
    sent: int | None = None
    failed: int | None = None
    refused: int | None = None
    worst_ms: float | None = None
    counts: dict[str, int | float | str] = field(default_factory=dict)
    outcome: str = "not finished"


@dataclass
class FaultReport:
    """Rows of one test; the fixture `fault_report`."""

    test: str
    rows: list[Row] = field(default_factory=list)

    def row(
        self,
        fault: str,
        *,
        sent: int | None = None,
        failed: int | None = None,
        refused: int | None = None,
        worst_ms: float | None = None,
        **counts: int | float | str,
    ) -> None:
        """Add a row. Call it before the assertions, so that a failed test has its figures too."""
        self.rows.append(Row(fault, self.test, sent, failed, refused, worst_ms, counts))

    def load(self, fault: str, load: Counts, **counts: int | float | str) -> None:
        """Add a row from a load generator (`clients.Load`, `closed_loop.Load`).

        A refused connection carried no request. An answer with a status other than 200 is a
        failure.
        """
        refused = load.results.get("refused", 0)
        sent = sum(load.results.values()) - refused
        worst = getattr(load, "worst", None)
        self.row(
            fault,
            sent=sent,
            failed=sent - load.results.get("ok", 0),
            refused=refused,
            worst_ms=None if worst is None else worst * 1000,
            **counts,
        )


def write(rows: Sequence[Row], path: Path) -> None:
    """JSON: a list of the fields of `Row`. An older report is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def table(rows: Sequence[Row]) -> list[str]:
    """Lines of text, columns aligned; figures to the right."""
    cells = [list(_HEADINGS), *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    return [_aligned(line, widths) for line in cells]


def _cells(row: Row) -> list[str]:
    worst = "" if row.worst_ms is None else f"{row.worst_ms:.0f}"
    figures = ["" if each is None else str(each) for each in (row.sent, row.failed, row.refused)]
    test = row.test if row.outcome == "passed" else f"{row.test} ({row.outcome.upper()})"
    return [row.fault, *figures, worst, _further(row.counts.items()), test]


def _further(counts: Iterable[tuple[str, int | float | str]]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_short(value)}" for name, value in counts)


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    figures = range(1, 5)
    padded = [
        text.rjust(width) if column in figures else text.ljust(width)
        for column, (text, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
