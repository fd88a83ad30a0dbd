"""ModelDictionary: the models of a server by name and version."""

from __future__ import annotations

import json
from typing import Any

from .. import _native
from .model import Model

__all__ = ["ModelDictionary"]


class ModelDictionary(dict[Any, Model]):
    """Keys are (name, version); `models["name"]` is the model by its version policy.

    A model that is known by name only has version -1 and state None.
    """

    def __init__(self, server: _native.Server, index: str) -> None:
        super().__init__()
        self._server = server
        for entry in json.loads(index):
            name, version = entry["name"], int(entry.get("version", -1))
            self[(name, version)] = Model(
                server, name, version, entry.get("state"), entry.get("reason")
            )

    def __missing__(self, key: object) -> Model:
        if isinstance(key, str) and any(name == key for name, _ in self):
            return Model(self._server, key)
        raise KeyError(f"Unknown Model: {key}")
