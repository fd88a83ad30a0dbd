"""What clients have loaded models with: a model that is healed is loaded with the same.

Any thread. The contents of files stay in the memory files of the calls, which the supervisor's
journal holds as well.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from ..protocol.control_calls import Call, unpack


class ClientLoads:
    """The last load with parameters of each model that has not been unloaded since."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._lock = threading.Lock()
        #: Weak: clients choose the names, also of models that do not exist.
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    @contextmanager
    def holding(self, model: str, *, wait: bool = True) -> Iterator[bool]:
        """While the model is loaded or unloaded: no heal brings back what a client has just
        replaced. Other models are free. False, without `wait`, if somebody else holds it.
        """
        with self._lock:
            lock = self._locks.setdefault(model, threading.Lock())
        held = lock.acquire(blocking=wait)
        try:
            yield held
        finally:
            if held:
                lock.release()

    def made(self, call: Call) -> None:
        """A load or an unload was carried out. (What an unload takes along nobody had loaded.)"""
        model = call.head["name"]
        self._calls.pop(model, None)
        if call.head.get("parameters"):
            self._calls[model] = call

    def parameters(self, model: str) -> dict[str, str | bytes]:
        """Configuration and files of a client; empty if the repository's are in use."""
        call = self._calls.get(model)
        return dict(unpack(call)["parameters"]) if call is not None else {}
