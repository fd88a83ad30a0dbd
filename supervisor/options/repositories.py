"""What local model repositories hold, read before anything starts: names of models, and what their
configurations say about GPUs.

A worker sees one GPU, which is number 0 there. `instance_group.gpus` with another number would
fail in every worker with a message about a device that the user can see with nvidia-smi. We do not
rewrite it: the core takes another configuration only with a load of its own, so a restart by the
core (poll, or a client's load) would bring the old one back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TOKEN = re.compile(
    r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\[\]{}:,;]|[^\s\[\]{}:,;#"']+"""
)


#: Not plain ASCII, or with a meaning for a shell.
_SHELL_UNSAFE = re.compile(r"[^A-Za-z0-9_./+=:@%,~-]")


@dataclass(frozen=True)
class Problem:
    """A configuration that cannot work. `text` tells the user what to do."""

    model: str
    path: Path
    text: str

    def __str__(self) -> str:
        return f"model {self.model!r}: {self.path}: {self.text}"


def repository_models(core: Mapping[str, Any]) -> list[str]:
    """Names that a worker is about to load, from the repositories' directories (local ones)."""
    if core.get("model_control_mode") == "explicit":
        names = [str(name) for name in core.get("startup_models", ())]
        if "*" not in names:
            return names
    found: list[str] = []
    for path in core.get("model_repository", ()):
        try:
            with os.scandir(path) as entries:
                found += sorted(e.name for e in entries if e.is_dir() and e.name[0] != ".")
        except OSError:
            continue
    return found


def check_paths(repositories: Sequence[str], models: Sequence[str]) -> list[Problem]:
    """Python models (of those named) that the backend could not start from where they lie: it
    starts their processes by a shell, and does not quote the path.
    """
    found = []
    for repository in repositories:
        for model in dict.fromkeys(models):
            folder = Path(repository, model)
            unsafe = sorted(set(_SHELL_UNSAFE.findall(str(folder))))
            if unsafe and "://" not in repository and any(folder.glob("[0-9]*/model.py")):
                text = f"the Python backend cannot use a path with {' '.join(map(repr, unsafe))}"
                found.append(Problem(model, folder, f"{text}; rename it, or use a link"))
    return found


def check_gpus(repositories: Sequence[str], models: Sequence[str]) -> list[Problem]:
    """Models (of those named) whose instance groups name GPUs that a worker does not have."""
    found = []
    for model, path in _configs(repositories, models):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue  # the core will say so
        others = sorted({gpu for gpu in gpus(text) if gpu != 0})
        if others:
            numbers = ", ".join(map(str, others))
            found.append(
                Problem(
                    model,
                    path,
                    f"instance_group.gpus names GPU {numbers}, but each worker has one GPU, which "
                    "is number 0 in it; remove 'gpus' (there is a worker for every GPU already)",
                )
            )
    return found


def gpus(text: str) -> list[int]:
    """Numbers in `gpus` of all instance groups of a configuration in protobuf's text format."""
    found: list[int] = []
    path: list[str] = []
    field = ""
    for token in _tokens(text):
        if token in "{<":
            path.append(field)
        elif token in "}>":
            path = path[:-1]
        elif re.fullmatch(r"[A-Za-z_]\w*", token):
            field = token
        elif token.isdigit() and field == "gpus" and path == ["instance_group"]:
            found.append(int(token))
    return found


def _tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        if match.group()[0] not in "#\"':,;[]":
            yield match.group()


def _configs(repositories: Sequence[str], models: Sequence[str]) -> Iterator[tuple[str, Path]]:
    for repository in repositories:
        if "://" in repository:
            continue
        for model in dict.fromkeys(models):
            path = Path(repository, model, "config.pbtxt")
            if path.is_file():
                yield model, path
