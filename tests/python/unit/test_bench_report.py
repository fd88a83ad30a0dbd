"""bench/report.py and the parsing in bench/load.py: from the generators' output to a table."""

from __future__ import annotations

import load
import pytest
from report import Row, Sample, as_json, table


def samples(*rates: float) -> list[Sample]:
    return [Sample(rate, 10.0, 0.05) for rate in rates]


def test_ratios_are_formed_pair_by_pair() -> None:
    row = Row("case", samples(200, 300, 100), samples(100, 100, 100))
    assert row.ratios == [2.0, 3.0, 1.0]
    assert row.ratio == 2.0


def test_pairs_must_be_complete() -> None:
    with pytest.raises(ValueError, match="argument 2 is longer"):
        _ = Row("case", samples(1), samples(1, 2)).ratios


def test_table() -> None:
    text = table([Row("one", samples(2000, 3000), samples(1000, 1000))])
    head, rule, line = text.splitlines()
    assert len({len(head), len(rule), len(line)}) == 1
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "one", "2.50x", "2.00..3.00", "2,500", "1,000", "10.0", "10.0", "0.05",
    ]  # fmt: skip


def test_json_has_every_sample() -> None:
    document = as_json(Row("one", samples(2, 4), samples(1, 1)))
    assert document["ratio"] == 3.0
    assert document["reference"] == [
        {"rate": 1, "server_cpu": 10.0, "other_load": 0.05} for _ in range(2)
    ]


@pytest.mark.parametrize(
    ("text", "count", "seconds"),
    [
        ("  64873 requests in 2.00s, 11.01MB read", 64873, 2.0),
        ("  1 requests in 950.00ms, 1.01KB read", 1, 0.95),
        ("  7 requests in 1.00m, 1.01KB read", 7, 60.0),
    ],
)
def test_wrk_summary(text: str, count: int, seconds: float) -> None:
    match = load.WRK_TOTAL.search(text)
    assert match is not None
    assert int(match[1]) == count
    assert float(match[2]) * load.UNITS[match[3]] == pytest.approx(seconds)


def test_h2load_summary() -> None:
    text = (
        "finished in 107.39ms, 1862.38 req/s, 300.00KB/s\n"
        "requests: 200 total, 200 started, 200 done, 199 succeeded, 1 failed, 0 errored, "
        "0 timeout\n"
    )
    finished, requests = load.H2_FINISHED.search(text), load.H2_REQUESTS.search(text)
    assert finished is not None
    assert requests is not None
    assert float(finished[1]) * load.UNITS[finished[2]] == pytest.approx(0.10739)
    assert requests.groups() == ("200", "199", "1", "0")


@pytest.mark.parametrize(
    "text", ["Non-2xx or 3xx responses: 12", "Socket errors: connect 0, read 1"]
)
def test_wrk_failures_are_seen(text: str) -> None:
    assert load.WRK_BAD.search(text) or load.WRK_ERRORS.search(text)
