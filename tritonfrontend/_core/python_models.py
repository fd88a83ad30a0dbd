"""Which models of a repository need the Python backend, judged from their files alone.

The core decides by the same signs: the configuration's `backend`, or without one a `model.py` in a
version directory. Repositories that are not directories (cloud storage) cannot be judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["config_needs_python", "first_python_model", "model_needs_python"]

_COMMENT = re.compile(r"#[^\n]*")
_BACKEND = re.compile(r"""(?<![\w.])["']?(backend|platform)["']?\s*:\s*["']([^"']*)["']""")


def first_python_model(
    repositories: Iterable[str], names: Iterable[str] | None = None
) -> str | None:
    """The first model that needs the Python backend; `names` restricts the search to these."""
    wanted = None if names is None else set(names)
    for repository in repositories:
        for directory in _subdirectories(Path(repository)):
            chosen = wanted is None or directory.name in wanted
            if chosen and model_needs_python(directory):
                return directory.name
    return None


def model_needs_python(directory: Path) -> bool:
    """True if the model in `directory` is to be run by the Python backend."""
    try:
        config = (directory / "config.pbtxt").read_text(errors="replace")
    except OSError:
        config = ""
    needs = config_needs_python(config)
    if needs is not None:
        return needs
    return any((version / "model.py").is_file() for version in _subdirectories(directory))


def config_needs_python(config: str) -> bool | None:
    """What a model configuration (protobuf text or JSON) says; None if it names no backend."""
    found = [match[2] for match in _BACKEND.finditer(_COMMENT.sub("", config)) if match[2]]
    return "python" in found if found else None


def _subdirectories(path: Path) -> list[Path]:
    try:
        return sorted(item for item in path.iterdir() if item.is_dir() and item.name[0] != ".")
    except OSError:
        return []
