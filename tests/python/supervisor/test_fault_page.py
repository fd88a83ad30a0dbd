"""docs/faults.md names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

_HERE = Path(__file__).parent
_PAGE = Path(__file__).parents[3] / "docs" / "faults.md"
#: A file, a test of a file, or another test of the file that was named last.
_NAME = re.compile(r"`(test_\w+)?(?:::(test_\w+))?`")


def test_every_test_of_the_page_exists() -> None:
    names = [match.groups() for match in _NAME.finditer(_PAGE.read_text()) if any(match.groups())]
    assert len(names) > 50
    file, missing = "", []
    for named, test in names:
        file = named or file
        path = _HERE / f"{file}.py"
        found = path.is_file() and (not test or f"def {test}(" in path.read_text())
        missing += [] if found else [f"{file}::{test}"]
    assert missing == []
