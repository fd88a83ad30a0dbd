"""docs/supervisor.md names what there is: flags by what their change needs, kinds of events."""

from __future__ import annotations

import argparse
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from test_by_flag import ACTIONS, STYLES, changed

import tritonfrontend.supervisor
from tritonfrontend.supervisor.group.reload_plan import Effect

PAGE = (Path(__file__).parents[3] / "docs" / "supervisor.md").read_text()
#: Flags of the supervisor that its help shows; the others are of the core and the frontends.
FLAGS = {
    name
    for name, action in ACTIONS.items()
    if name not in STYLES and action.help is not argparse.SUPPRESS
}


def row(effect: Effect) -> list[str]:
    """Patterns of flags in the table of reloads."""
    (line,) = (line for line in PAGE.splitlines() if line.startswith(f"| {effect} |"))
    return [name.replace("...", "*") for name in re.findall(r"`(--[\w.-]+)`", line)]


@pytest.mark.parametrize("effect", [Effect.LIVE, Effect.FULL])
def test_what_a_change_needs(tmp_path: Path, effect: Effect) -> None:
    patterns = row(effect)
    for name in FLAGS:
        named = any(fnmatch(name, pattern) for pattern in patterns)
        assert named == (changed(tmp_path, name)[1].effect is effect), name


def test_kinds_of_events() -> None:
    told = re.search(r"`kind` \(([^)]*)\)", PAGE)
    assert told is not None
    (folder,) = tritonfrontend.supervisor.__path__
    sources = "".join(path.read_text() for path in Path(folder).rglob("*.py"))
    added = re.findall(r"(?:events|_ring)\.add\(\s*\"(\w+)\"", sources)
    assert set(re.findall(r"\w+", told[1])) == set(added)
