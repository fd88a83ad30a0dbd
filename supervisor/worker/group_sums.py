"""What several workers answer to one question, as one server would: sums of their statistics, and
one index of their models. Pure; JSON as the core writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

#: What tells the rows of a list apart, by the list's name.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "model_stats": ("name", "version"),
    "batch_stats": ("batch_size",),
    "memory_usage": ("type", "id"),
}
_NAMES = frozenset(name for names in _KEYS.values() for name in names)
#: Points in time: the latest counts.
_TIMES = frozenset({"last_inference"})
#: A model is in the best state that it has on any worker: that is where requests find it.
_STATES = ("READY", "LOADING", "UNLOADING", "UNAVAILABLE")


def merged(op: str, parts: Sequence[bytes]) -> bytes:
    """One answer of `parts`, the first of which gives order and texts. ValueError for what is no
    JSON of the core.
    """
    if len(parts) == 1:
        return parts[0]
    # Names of models need not be UTF-8.
    texts = [json.loads(part.decode(errors="surrogateescape")) for part in parts]
    first = texts[0]
    try:
        for other in texts[1:]:
            if op == "index":
                _add_index(first, other)
            else:
                _add(first, other)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"answers do not fit together: {error!r}") from error
    text = json.dumps(first, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="surrogateescape")


def _add(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if name not in into:
            into[name] = value
        elif isinstance(value, dict):
            _add(into[name], value)
        elif isinstance(value, list):
            _add_rows(into[name], value, _KEYS[name])
        elif name in _TIMES:
            into[name] = max(into[name], value)
        elif name not in _NAMES:
            into[name] += value


def _add_rows(
    into: list[dict[str, Any]], more: Sequence[dict[str, Any]], names: tuple[str, ...]
) -> None:
    known = {tuple(row[name] for name in names): row for row in into}
    for row in more:
        found = known.get(tuple(row[name] for name in names))
        if found is None:
            into.append(row)
        else:
            _add(found, row)


def _add_index(into: list[dict[str, Any]], more: Sequence[dict[str, Any]]) -> None:
    known = {(row["name"], row.get("version")): row for row in into}
    for row in more:
        found = known.get((row["name"], row.get("version")))
        if found is None:
            into.append(row)
        elif _rank(row) < _rank(found):
            found.clear()
            found.update(row)


def _rank(row: Mapping[str, Any]) -> int:
    state = row.get("state", "")
    return _STATES.index(state) if state in _STATES else len(_STATES)
