"""A second installation of the package, which a test may change while a supervisor runs from it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import tritonfrontend


class Installation:
    """`env` makes a `serve` run from it."""

    def __init__(self, root: Path) -> None:
        source = Path(tritonfrontend.__file__).parent
        self.folder = root / "site" / "tritonfrontend"
        self.folder.mkdir(parents=True)
        for entry in source.iterdir():
            if entry.name == "supervisor":
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(entry, self.folder / entry.name, ignore=ignore)
            elif entry.name == "__init__.py":
                shutil.copy(entry, self.folder / entry.name)
            else:
                (self.folder / entry.name).symlink_to(entry.resolve())

    @property
    def env(self) -> dict[str, str]:
        found = os.environ.get("PYTHONPATH", "")
        # Compiled files are compared by whole seconds: ours change faster.
        path = os.pathsep.join([str(self.folder.parent), *([found] if found else [])])
        return {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    def change(self, name: str, old: str, new: str) -> None:
        """Replace text that must be there."""
        file = self.folder / name
        text = file.read_text()
        assert old in text, (name, old)
        file.write_text(text.replace(old, new))

    def set_version(self, version: str) -> None:
        file = self.folder / "__init__.py"
        file.write_text(file.read_text() + f"\n__version__ = {version!r}\n")
