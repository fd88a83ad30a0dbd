"""From samples to a table: medians, ratios and their spread. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One run of one case against one server.

    ``server_cpu``: CPU microseconds of the server per request. ``other_load``: how busy everything
    but the two servers and the generator kept the machine, in cores.
    """

    rate: float
    server_cpu: float
    other_load: float


@dataclass(frozen=True)
class Row:
    """One case. Sample i of ``ours`` and of ``reference`` were taken one after the other."""

    name: str
    ours: Sequence[Sample]
    reference: Sequence[Sample]

    @property
    def ratios(self) -> list[float]:
        """Our requests per second over the reference's, pair by pair."""
        pairs = zip(self.ours, self.reference, strict=True)
        return [mine.rate / theirs.rate for mine, theirs in pairs]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    def median(self, side: str, field: str) -> float:
        values = [float(getattr(sample, field)) for sample in getattr(self, side)]
        return statistics.median(values)


HEADINGS = (
    *("case", "ratio", "min..max", "ours/s", "reference/s"),
    *("CPU us/req ours", "reference", "other load"),
)


def cells(row: Row) -> list[str]:
    others = [sample.other_load for sample in (*row.ours, *row.reference)]
    return [
        row.name,
        f"{row.ratio:.2f}x",
        f"{min(row.ratios):.2f}..{max(row.ratios):.2f}",
        f"{row.median('ours', 'rate'):,.0f}",
        f"{row.median('reference', 'rate'):,.0f}",
        f"{row.median('ours', 'server_cpu'):.1f}",
        f"{row.median('reference', 'server_cpu'):.1f}",
        f"{statistics.median(others):.2f}",
    ]


def table(rows: Sequence[Row]) -> str:
    """A Markdown table, aligned for reading as it is."""
    lines = [list(HEADINGS), *(cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    text = [
        "| " + " | ".join(_pad(cell, width, i) for i, (cell, width) in enumerate(pairs)) + " |"
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    rule = "|" + "|".join("-" * (width + 1) + ("-" if i == 0 else ":") for i, width in
                          enumerate(widths)) + "|"  # fmt: skip
    return "\n".join([text[0], rule, *text[1:]])


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def as_json(row: Row) -> dict[str, object]:
    return {
        "case": row.name,
        "ratio": row.ratio,
        "ratios": row.ratios,
        "ours": [vars(sample) for sample in row.ours],
        "reference": [vars(sample) for sample in row.reference],
    }
