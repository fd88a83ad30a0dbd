"""What clients have loaded models with: a model that is healed is loaded with the same.

Any thread. The contents of files stay in the memory files of the calls, which the supervisor's
journal holds as well.
"""

from __future__ import annotations

import threading

from .control_calls import Call, unpack


class ClientLoads:
    """The last load with parameters of each model that has not been unloaded since."""

    def __init__(self) -> None:
        #: Held while a model is loaded or unloaded, so that no heal brings back what a client has
        #: just replaced.
        self.lock = threading.Lock()
        self._calls: dict[str, Call] = {}

    def made(self, call: Call) -> None:
        """A call of the lane "models" was carried out."""
        if call.op not in ("load", "unload"):
            return
        model = call.head["name"]
        self._calls.pop(model, None)
        if call.head.get("parameters"):
            self._calls[model] = call

    def parameters(self, model: str) -> dict[str, str | bytes]:
        """Configuration and files of a client; empty if the repository's are in use."""
        call = self._calls.get(model)
        return dict(unpack(call)["parameters"]) if call is not None else {}
