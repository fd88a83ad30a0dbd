"""What model configurations in local repositories say about GPUs, checked before anything starts.

A worker sees one GPU, which is number 0 there. `instance_group.gpus` with another number would
fail in every worker with a message about a device that the user can see with nvidia-smi. We do not
rewrite it: the core takes another configuration only with a load of its own, so a restart by the
core (poll, or a client's load) would bring the old one back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_TOKEN = re.compile(
    r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\[\]{}:,;]|[^\s\[\]{}:,;#"']+"""
)


@dataclass(frozen=True)
class Problem:
    """A configuration that cannot work. `text` tells the user what to do."""

    model: str
    path: Path
    text: str

    def __str__(self) -> str:
        return f"model {self.model!r}: {self.path}: {self.text}"


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
        for model in models:
            path = Path(repository, model, "config.pbtxt")
            if path.is_file():
                yield model, path
