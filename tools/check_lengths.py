"""Checks that source files stay short: a warning above 300 lines, an error above 450.

A long file usually holds two ideas. Generated files are exempt.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WARN_LINES = 300
MAX_LINES = 450
SUFFIXES = {".c", ".cc", ".cmake", ".h", ".lua", ".py", ".sh"}
# Written by nanobind's stub generator and by tools/generate_proto_tables.py.
GENERATED = {"tritonfrontend/_native.pyi", "cpp/kserve_grpc/schema.cc"}


def source_files(root: Path) -> list[Path]:
    """Tracked and new files that are sources, relative to ``root``."""
    command = ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    paths = (Path(name) for name in sorted(names) if name not in GENERATED)
    return [path for path in paths if path.suffix in SUFFIXES and (root / path).is_file()]


def judge(lengths: Iterable[tuple[str, int]]) -> tuple[list[str], list[str]]:
    """Splits (name, lines) into messages of warnings and of errors."""
    warnings, errors = [], []
    for name, lines in lengths:
        if lines > MAX_LINES:
            errors.append(f"{name}: {lines} lines, the limit is {MAX_LINES}")
        elif lines > WARN_LINES:
            warnings.append(f"{name}: {lines} lines, aim for {WARN_LINES}")
    return warnings, errors


def main() -> int:
    lengths = [
        (str(path), len((ROOT / path).read_bytes().splitlines())) for path in source_files(ROOT)
    ]
    warnings, errors = judge(lengths)
    for message in warnings:
        print(f"warning: {message}")
    for message in errors:
        print(f"error: {message}")
    print(f"lengths: {len(lengths)} files, {len(warnings)} long, {len(errors)} too long")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
