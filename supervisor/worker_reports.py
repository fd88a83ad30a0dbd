"""What a worker tells of itself once a second: counters of its frontends and its list of models.

The core may hold its model index while a client loads a model, so it is asked on a thread; all
state belongs to the worker's main loop. A list that has not changed is not sent again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .channel import MAX_MESSAGE, Channel
from .model_watch import ModelWatch
from .worker_core import Core, ModelState

_MODELS_BYTES = MAX_MESSAGE // 2


class Reporter:
    """Owned by the worker's main loop."""

    def __init__(
        self,
        core: Core,
        channel: Channel,
        watch: ModelWatch,
        thread: Callable[[Callable[[], None]], None],
        post: Callable[[Callable[[], None]], None],
        failed: Callable[[str], None],
    ) -> None:
        """`thread` runs something elsewhere, `post` on the main loop; `failed` takes the text of a
        report that could not be made.
        """
        self._core = core
        self._channel = channel
        self._watch = watch
        self._thread = thread
        self._post = post
        self._failed = failed
        self._busy = False
        self._models: list[ModelState] = []
        self._sent: list[dict[str, Any]] = []

    def begin(self) -> None:
        """Collect and send, unless the last collection has not ended."""
        if not self._busy:
            self._busy = True
            self._thread(self._collect)

    def _collect(self) -> None:
        try:
            statistics, models = self._core.statistics(), self._core.models()
        except Exception as error:
            text = f"statistics: {error}"
            self._post(lambda: self._collected({}, None, text))
        else:
            self._post(lambda: self._collected(statistics, models, ""))

    def _collected(
        self, statistics: dict[str, dict[str, int]], models: list[ModelState] | None, error: str
    ) -> None:
        self._busy = False
        if error:
            self._failed(error)
        if statistics:
            self._channel.send("STATS", frontends=statistics)
        if models is not None:
            self.send_models(models)

    def faults_changed(self) -> None:
        """What the watch knows of the models is not what it was."""
        self.send_models(self._models)

    def send_models(self, listed: list[ModelState]) -> None:
        """Send the list of models if it changed, in as many messages as it needs."""
        self._models = listed
        rows = _rows(listed, self._watch)
        if rows == self._sent:
            return
        self._sent = rows
        batch: list[dict[str, Any]] = []
        size, first = 0, True
        for row in rows:
            batch.append(row)
            size += len(json.dumps(row))
            if size > _MODELS_BYTES:
                self._channel.send("MODELS", first=first, models=batch)
                batch, size, first = [], 0, False
        self._channel.send("MODELS", first=first, last=True, models=batch)


def _rows(listed: list[ModelState], watch: ModelWatch) -> list[dict[str, Any]]:
    """What the supervisor is told of each model. A fault is what the core does not know of."""
    faults, healing, hung = watch.faults, watch.healing, watch.hung
    return [
        {
            "name": model.name,
            "version": model.version,
            "state": model.state,
            "reason": (faults.get(model.name) or model.reason)[:512],
            "failed": model.failed or model.name in faults,
            "fault": faults.get(model.name, "")[:512],
            "healing": model.name in healing,
            "hung": model.name in hung,
        }
        for model in listed
        if model.wanted
    ]
