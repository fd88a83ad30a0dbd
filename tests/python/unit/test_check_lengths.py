"""tools/check_lengths.py: where warnings and errors begin."""

from __future__ import annotations

import check_lengths


def test_limits() -> None:
    lengths = [("a", 300), ("b", 301), ("c", 450), ("d", 451)]
    warnings, errors = check_lengths.judge(lengths)
    assert [text.partition(":")[0] for text in warnings] == ["b", "c"]
    assert errors == ["d: 451 lines, the limit is 450"]
