"""Checks of option values on their way to the core. Each error names the field and what it expects.

Wrong types raise InvalidTypeError (also a TypeError), wrong values InvalidArgumentError.
"""

from __future__ import annotations

import enum
from typing import Any

from ..errors import InvalidArgumentError, InvalidTypeError

__all__ = ["boolean", "enum_member", "integer", "nested_texts", "real", "sequence", "text", "texts"]


def boolean(name: str, value: object) -> bool:
    """A bool, or 0 or 1."""
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if type(value).__name__ in ("bool_", "bool") and hasattr(value, "item"):  # numpy's
        return bool(value)
    raise _wrong_type(name, "a bool", value)


def integer(name: str, value: object, low: int = 0, high: int = 2**32 - 1) -> int:
    """An integer in low..high."""
    index = getattr(type(value), "__index__", None)
    if index is None or isinstance(value, bool):
        raise _wrong_type(name, f"an integer in {low}..{high}", value)
    number = int(index(value))
    if not low <= number <= high:
        raise InvalidArgumentError(f"{name}: expected an integer in {low}..{high}, got {number}")
    return number


def real(name: str, value: object) -> float:
    """A finite number."""
    if isinstance(value, bool) or not hasattr(type(value), "__float__"):
        raise _wrong_type(name, "a number", value)
    number = float(value)  # type: ignore[arg-type]
    if number - number != 0:
        raise InvalidArgumentError(f"{name}: expected a finite number, got {number}")
    return number


def text(name: str, value: object) -> str:
    """A str without zero characters."""
    if not isinstance(value, str):
        raise _wrong_type(name, "a str", value)
    if "\0" in value:
        raise InvalidArgumentError(f"{name}: must not contain a zero character")
    return value


def sequence(name: str, value: object) -> list[Any]:
    """A list or tuple."""
    if not isinstance(value, (list, tuple)):
        raise _wrong_type(name, "a list", value)
    return list(value)


def texts(name: str, value: object) -> dict[str, str]:
    """A dict of str to str; numbers and bools are written out as the core reads them."""
    return {key: _setting(f"{name}[{key!r}]", item) for key, item in _items(name, value)}


def nested_texts(name: str, value: object) -> dict[str, dict[str, str]]:
    """A dict of dicts of str to str."""
    return {key: texts(f"{name}[{key!r}]", item) for key, item in _items(name, value)}


def enum_member(name: str, value: object, kind: type[enum.Enum]) -> int:
    """The number of a member of `kind`; also takes the number itself."""
    if isinstance(value, kind):
        return int(value.value)
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return int(kind(value).value)
        except ValueError:
            pass
    names = ", ".join(kind.__members__)
    raise _wrong_type(name, f"a {kind.__name__} ({names})", value)


def _items(name: str, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        raise _wrong_type(name, "a dict", value)
    return [(text(f"a key of {name}", key), item) for key, item in value.items()]


def _setting(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else text(name, value)


def _wrong_type(name: str, expected: str, value: object) -> InvalidTypeError:
    return InvalidTypeError(f"{name}: expected {expected}, got {value!r}")
