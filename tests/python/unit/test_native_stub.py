"""The type stub of the native module in the repository is the one that the build writes."""

from __future__ import annotations

from pathlib import Path

import tritonfrontend

COMMITTED = Path(__file__).resolve().parents[3] / "tritonfrontend" / "_native.pyi"


def test_stub_is_up_to_date() -> None:
    built = Path(tritonfrontend.__file__).with_name("_native.pyi")
    assert built.read_text() == COMMITTED.read_text(), (
        f"the bindings have changed: copy {built} to {COMMITTED}"
    )
