"""Checked dataclasses: the option classes of the frontends are made of the fields below.

A value is checked when the object is made and again when a frontend takes it, because dataclass
attributes can be assigned later. Text and numbers are converted only where nothing can be lost
("8000" and 8000.0 are the port 8000, "yes" is True); anything else raises `InvalidArgumentError`
that names the field, the value and what was expected.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import InvalidArgumentError

__all__ = [
    "CheckedOptions",
    "choice",
    "flag",
    "integer",
    "number",
    "optional_integer",
    "optional_options",
    "text",
    "text_list",
]

_INT32_MAX = 2**31 - 1
_DECIMAL = re.compile(r"\s*[+-]?[0-9]{1,20}\s*")
_WORDS = dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True) | dict.fromkeys(
    ("false", "f", "no", "n", "off", "0"), False
)

_Check = Callable[[str, object], Any]


class CheckedOptions:
    """Base of option dataclasses whose fields come from this module."""

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Check and normalise every field. Raises InvalidArgumentError for the first bad one."""
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            check: _Check = item.metadata["check"]
            setattr(self, item.name, check(self._label(item.name), getattr(self, item.name)))

    def as_dict(self) -> dict[str, Any]:
        """The checked values by field name, as plain bool, int, float, str, list and None."""
        self.validate()
        names = (item.name for item in dataclasses.fields(self))  # type: ignore[arg-type]
        return {name: getattr(self, name) for name in names}

    @classmethod
    def _label(cls, name: str) -> str:
        return f"{cls.__qualname__}.{name}"


def flag(default: bool) -> Any:
    """A bool field; also takes 0, 1 and the words true/false, yes/no, on/off, t/f, y/n."""
    return dataclasses.field(default=default, metadata={"check": _check_flag})


def text(default: str) -> Any:
    """A str field. Zero characters are refused: the value goes through C strings."""
    return dataclasses.field(default=default, metadata={"check": _check_text})


def text_list() -> Any:
    """A list of str, empty by default. Tuples are taken, single strings are refused."""
    return dataclasses.field(default_factory=list, metadata={"check": _check_text_list})


def choice(default: str, *others: str) -> Any:
    """A str field that is `default` or one of `others`."""
    allowed = (default, *others)

    def checked(label: str, value: object) -> str:
        if value not in allowed:
            names = ", ".join(repr(name) for name in allowed)
            raise InvalidArgumentError(f"{label}: expected one of {names}, got {value!r}")
        return str(value)

    return dataclasses.field(default=default, metadata={"check": checked})


def number(default: float, low: float, high: float) -> Any:
    """A float field in low..high."""

    def checked(label: str, value: object) -> float:
        whole = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not whole or not low <= value <= high:  # type: ignore[operator]
            raise InvalidArgumentError(
                f"{label}: expected a number in {low:g}..{high:g}, got {value!r}"
            )
        return float(value)  # type: ignore[arg-type]

    return dataclasses.field(default=default, metadata={"check": checked})


def integer(default: int, low: int, high: int = _INT32_MAX) -> Any:
    """An int field in low..high."""
    return dataclasses.field(default=default, metadata={"check": _integer_check(low, high)})


def optional_integer(low: int, high: int = _INT32_MAX) -> Any:
    """An int field in low..high, or None (the default)."""
    check = _integer_check(low, high)

    def checked(label: str, value: object) -> int | None:
        return None if value is None else check(label, value)

    return dataclasses.field(default=None, metadata={"check": checked})


def optional_options(kind: type[CheckedOptions]) -> Any:
    """A field for options of a class, or a mapping of its fields; None by default. Keyword only."""

    def checked(label: str, value: object) -> CheckedOptions | None:
        if isinstance(value, Mapping):
            unknown = value.keys() - {item.name for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
            if unknown:
                raise InvalidArgumentError(f"{label}: {min(unknown)!r} is no option")
            return kind(**value)
        if value is not None and not isinstance(value, kind):
            raise InvalidArgumentError(f"{label}: expected {kind.__qualname__}, got {value!r}")
        return value

    return dataclasses.field(default=None, metadata={"check": checked}, kw_only=True)


def _integer_check(low: int, high: int) -> Callable[[str, object], int]:
    def checked(label: str, value: object) -> int:
        number = _to_int(value)
        if number is None or not low <= number <= high:
            raise InvalidArgumentError(
                f"{label}: expected an integer in {low}..{high}, got {value!r}"
            )
        return number

    return checked


def _to_int(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        return int(value) if _DECIMAL.fullmatch(value) else None
    index = getattr(type(value), "__index__", None)
    return int(index(value)) if index is not None else None


def _check_flag(label: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, str) and word in _WORDS:
        return _WORDS[word]
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise InvalidArgumentError(f"{label}: expected a bool, got {value!r}")


def _check_text(label: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{label}: expected a str, got {value!r}")
    if "\0" in value:
        raise InvalidArgumentError(f"{label}: must not contain a zero character")
    return value


def _check_text_list(label: str, value: object) -> list[str]:
    if not isinstance(value, (list, tuple)):
        raise InvalidArgumentError(f"{label}: expected a list of str, got {value!r}")
    return [_check_text(f"{label}[{index}]", item) for index, item in enumerate(value)]
