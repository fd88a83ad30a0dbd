"""Dataclasses as JSON and back, by their annotations. Pure.

For state that one version of this package writes and another may read: a field that is missing gets
its default, one that is unknown is an error, since nobody could say what is lost with it.
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import enum
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class RecordError(ValueError):
    """The data are not what the type says. The text begins with the path of the field."""


def dump(value: Any) -> Any:
    """`value` as what JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        return {name: dump(getattr(value, name)) for name in names}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: dump(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, collections.deque)):
        return [dump(each) for each in value]
    return value


def load(kind: type[T], raw: Any, path: str = "state") -> T:
    """An instance of `kind` from what `dump` gave. Raises RecordError."""
    found: T = _load(kind, raw, path)
    return found


def _load(kind: Any, raw: Any, path: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return raw
    if origin in (typing.Union, types.UnionType):
        kinds = [each for each in arguments if each is not type(None)]
        if raw is None and len(kinds) < len(arguments):
            return None
        return _load(kinds[0], raw, path) if len(kinds) == 1 else _plain(kinds, raw, path)
    if dataclasses.is_dataclass(kind):
        return _record(kind, raw, path)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return _pair(arguments, raw, path)
    if origin in (list, tuple, collections.deque):
        _expect(isinstance(raw, list), path, "a list", raw)
        return origin(_load(arguments[0], each, f"{path}[{i}]") for i, each in enumerate(raw))
    if origin in (dict, collections.abc.Mapping):
        _expect(isinstance(raw, dict), path, "an object", raw)
        key, value = arguments
        return {_key(key, k, path): _load(value, each, f"{path}.{k}") for k, each in raw.items()}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        values = [each.value for each in kind]
        _expect(raw in values, path, f"one of {', '.join(map(str, values))}", raw)
        return kind(raw)
    return _plain([kind], raw, path)


def _record(kind: Any, raw: Any, path: str) -> Any:
    _expect(isinstance(raw, dict), path, "an object", raw)
    hints = typing.get_type_hints(kind)
    fields = {field.name for field in dataclasses.fields(kind)}
    for name in raw:
        _expect(name in fields, f"{path}.{name}", "no such field", "one of another version")
    values = {name: _load(hints[name], each, f"{path}.{name}") for name, each in raw.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:  # a field is missing, or its own check fails
        raise RecordError(f"{path}: {error}") from None


def _pair(kinds: tuple[Any, ...], raw: Any, path: str) -> tuple[Any, ...]:
    _expect(isinstance(raw, list) and len(raw) == len(kinds), path, f"{len(kinds)} values", raw)
    return tuple(
        _load(kind, each, f"{path}[{i}]")
        for i, (kind, each) in enumerate(zip(kinds, raw, strict=True))
    )


def _key(kind: Any, raw: str, path: str) -> Any:
    """JSON knows only text as keys."""
    if kind is not int:
        return raw
    _expect(raw.isascii() and raw.isdigit(), path, "numbers as keys", raw)
    return int(raw)


def _plain(kinds: Sequence[Any], raw: Any, path: str) -> Any:
    """A value of one of `kinds`, none of which holds others."""
    exact = any(_is(kind, raw) for kind in kinds)
    _expect(exact, path, " or ".join(kind.__name__ for kind in kinds), raw)
    return raw


def _is(kind: Any, raw: Any) -> bool:
    allowed = (int, float) if kind is float else kind
    return isinstance(raw, allowed) and (kind is bool or not isinstance(raw, bool))


def _expect(condition: bool, path: str, expected: str, found: Any) -> None:
    if not condition:
        raise RecordError(f"{path}: expected {expected}, found {str(found)[:80]!r}")
