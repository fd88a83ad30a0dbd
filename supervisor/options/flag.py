"""What a flag of `serve` is: name, where its value goes, how it is read, what it means.

A flag that `tritonserver` has too carries its name and its value format. Its target is `core`
(fields of `tritonserver.Options`), the name of a frontend (fields of its `Options`), or `trace`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .spec import SpecError

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def natural(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number >= 0")
    return value


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e7:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 1e7")
    return value


def add_seconds(group: argparse._ArgumentGroup, name: str, default: float, text: str) -> None:
    """A flag for a time; its help tells the default."""
    group.add_argument(
        name, type=seconds, default=default, metavar="S", help=f"{text} (default {default:g})"
    )


def size(text: str) -> int:
    """Bytes, with K, M, G or T for powers of 1024."""
    number, unit = text[:-1], text[-1:].upper()
    shift = {"K": 10, "M": 20, "G": 30, "T": 40}.get(unit)
    digits = text if shift is None else number
    if not (digits.isascii() and digits.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 8G, 512M or 1048576")
    return int(digits) << (shift or 0)


class Choice:
    """Reads a word of `names`; the value is what the API calls it."""

    def __init__(self, **names: str) -> None:
        self._names = names

    def __call__(self, text: str) -> str:
        if text.lower() not in self._names:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(self._names)}")
        return self._names[text.lower()]

    def word(self, value: object) -> str:
        """What a user types for a value of the API."""
        words = (name for name, called in self._names.items() if called == str(value))
        return next(words, str(value))


def any_case(text: str) -> str:
    """A pattern as `tritonserver` reads it: case does not count unless it says so itself."""
    return f"(?i){text}" if text else text


@dataclass(frozen=True)
class Flag:
    """One flag. `style`: "set" (last wins), "list", "settings" (a list of [key, value]), "sizes"
    and "fractions" (by device), "resources", or "nested" (`<group>,<key>=<value>`, repeatable).
    `shared`: the other frontends that speak HTTP take the value too. `everywhere`: gRPC as well.
    """

    name: str
    target: str
    key: str
    read: Callable[[str], Any]
    help: str
    style: str = "set"
    shared: bool = False
    everywhere: bool = False

    @property
    def dest(self) -> str:
        return f"{self.target}.{self.key}"

    def typed(self, value: Any) -> str:
        """A value of the option as a user would type it; items of a list side by side."""
        match self.style:
            case "settings":
                return ", ".join(f"{key}={text}" for key, text in value)
            case "sizes":
                return ", ".join(f"{device}:{size}" for device, size in value.items())
            case "fractions":
                return ", ".join(f"{device}:{plain(size)}" for device, size in value)
            case "resources":
                return ", ".join(":".join(str(p) for p in each if p != -1) for each in value)
        if isinstance(self.read, Choice):
            return self.read.word(value)
        return value.removeprefix("(?i)") if self.read is any_case else plain(value)

    def convert(self, given: Any) -> Any:
        """The value of the option. SpecError for a malformed item of a list."""
        match self.style:
            case "nested":
                return _nested(self.name, given)
            case "settings":
                return [_setting(self.name, item) for item in given]
            case "sizes":
                return {device: size for device, size in _pairs(self.name, given, int)}
            case "fractions":
                return [[int(device), size] for device, size in _pairs(self.name, given, float)]
            case "resources":
                return [_resource(self.name, item) for item in given]
            case _:
                return given


def plain(value: Any) -> str:
    """A value as a user would type it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value)) or "none"
    return "none" if value in ("", None) else str(value)


def _nested(name: str, items: Iterable[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for item in items:
        left, equals, value = item.partition("=")
        group, comma, key = left.rpartition(",")
        if not equals or not key or (not comma and name != "--metrics-config"):
            raise SpecError(name, f"{item!r} is not <name>,<setting>=<value>")
        found.setdefault(group, {})[key] = value
    return found


def _setting(name: str, item: str) -> list[str]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        raise SpecError(name, f"{item!r} is not <setting>=<value>")
    return [key, value]


def _pairs(name: str, items: Iterable[str], number: Callable[[str], Any]) -> list[tuple[str, Any]]:
    found = []
    for item in items:
        device, colon, size = item.partition(":")
        try:
            if not colon or not device.isdigit():
                raise ValueError
            found.append((device, number(size)))
        except ValueError:
            raise SpecError(name, f"{item!r} is not <device>:<number>") from None
    return found


def _resource(name: str, item: str) -> list[str | int]:
    parts = item.split(":")
    numbers = [part for part in parts[1:] if part.isdigit()]
    if not parts[0] or len(parts) not in (2, 3) or len(numbers) != len(parts) - 1:
        raise SpecError(name, f"{item!r} is not <name>:<count>[:<device>]")
    # The core reads -1 as "every device".
    return [parts[0], int(parts[1]), int(parts[2]) if len(parts) == 3 else -1]
