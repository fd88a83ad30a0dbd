"""The file that `--config` names: TOML whose keys are the flags of `serve` without their dashes.

A repeatable flag takes a list, or one string. Where its items have a structure of their own, a
table says the same: `[backend-config.python]` with `shm-default-byte-size = 1048576` is
`--backend-config=python,shm-default-byte-size=1048576`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from .spec import SpecError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Settings of a large service are some kilobytes; more than this is another file.
MAX_BYTES = 1 << 20


def read(path: str) -> dict[str, Any]:
    """The file's content. Raises SpecError naming the file, and the line of a syntax error."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise SpecError("--config", f"{path}: larger than {MAX_BYTES} bytes")
        found: dict[str, Any] = tomllib.loads(data.decode())
        return found
    except OSError as error:
        raise SpecError("--config", f"{path}: {error.strerror}") from None
    except ValueError as error:  # syntax, or not UTF-8
        if isinstance(error, SpecError):
            raise
        raise SpecError("--config", f"{path}: {error}") from None


def items(value: Any, style: str) -> list[str]:
    """`value` as the words that the flag would have been given. Raises ValueError.

    `style` is that of `flag.Flag`.
    """
    if isinstance(value, Mapping):
        return list(_table(value, style))
    if isinstance(value, list):
        if style == "set":
            raise ValueError("takes one value, not a list")
        return [_scalar(item) for item in value]
    return [_scalar(value)]


def _table(value: Mapping[str, Any], style: str) -> Iterator[str]:
    separator = {"settings": "=", "nested": "=", "sizes": ":", "fractions": ":"}.get(style)
    if separator is None:
        raise ValueError("takes no table")
    for key, inner in value.items():
        if style == "nested" and isinstance(inner, Mapping):
            yield from (f"{key},{name}={_scalar(item)}" for name, item in inner.items())
        else:
            yield f"{key}{separator}{_scalar(inner)}"


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError(f"{value!r} is neither a string nor a number nor true or false")
