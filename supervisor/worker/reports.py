"""What a worker tells of itself once a second: counters of its frontends and its list of models.

The core may hold its model index while a client loads a model, so it is asked on a thread; all
state belongs to the worker's main loop. What has not changed is not sent again.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..protocol.channel import MAX_MESSAGE, Channel, cut
from ..protocol.outbox import Outbox
from .core import Core, ModelState
from .instance_counts import counted
from .latency import LatencyWindow
from .model_watch import ModelWatch

_MODELS_BYTES = MAX_MESSAGE // 2
#: Seconds after which configurations, which a load may have changed, are asked for again.
_CONFIGS_EVERY = 10.0
#: Bytes of the stubs in one message; status then lists some of them.
_STUBS_BYTES = MAX_MESSAGE // 2
#: Bytes of one text about a model.
_TEXT_BYTES = 1024


Configs = dict[str, dict[str, Any]]  # by model


@dataclass(frozen=True)
class Findings:
    """One look at the core."""

    frontends: dict[str, dict[str, int]]
    failed: int
    succeeded: list[int]
    models: list[ModelState]
    configs: Configs


class Reporter:
    """Owned by the worker's main loop."""

    def __init__(
        self,
        core: Core,
        channel: Channel,
        outbox: Outbox,
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
        self._outbox = outbox
        self._watch = watch
        self._thread = thread
        self._post = post
        self._failed = failed
        self._busy = False
        self._latency: LatencyWindow | None = None
        self._configs: Configs = {}
        self._configs_due = 0.0
        self._models: list[ModelState] = []
        self._told: dict[str, Any] = {}
        self._sent: list[dict[str, Any]] = []

    def first(self) -> None:
        """The list of models, before they are served. Raises what the core says."""
        listed = self._core.models()
        self._configs = self._configs_of(listed)
        self.send_models(listed)

    def begin(self) -> None:
        """Collect and send, unless the last collection has not ended."""
        if not self._busy:
            self._busy = True
            self._thread(self._collect)

    def _collect(self) -> None:
        try:
            statistics, outcomes = self._core.statistics(), self._core.outcomes()
            models = self._core.models()
            found = Findings(statistics, *outcomes, models, self._configs_of(models))
        except Exception as error:
            text = f"statistics: {error}"
            self._post(lambda: self._not_collected(text))
        else:
            self._post(lambda: self._collected(found))

    def _configs_of(self, listed: Sequence[ModelState]) -> Configs:
        """Of the models that are ready; those that are known young enough."""
        now = time.monotonic()
        known = self._configs if now < self._configs_due else {}
        if not known:
            self._configs_due = now + _CONFIGS_EVERY
        names = dict.fromkeys(model.name for model in listed if model.state == "READY")
        return {name: known.get(name) or self._core.config(name) for name in names}

    def _not_collected(self, error: str) -> None:
        self._busy = False
        self._failed(error)

    def _collected(self, found: Findings) -> None:
        self._busy = False
        self._configs = found.configs
        if self._latency is None:
            self._latency = LatencyWindow(self._core.outcome_bounds())
        self._latency.sample(time.monotonic(), found.succeeded)
        self._watch.know(dict.fromkeys(model.name for model in found.models if model.wanted))
        told: dict[str, Any] = {
            "frontends": found.frontends,
            "failed": found.failed,
            "p50": self._latency.quantile(0.5),
            "p99": self._latency.quantile(0.99),
            "stubs": _fitting(self._watch.stubs),
        }
        if told != self._told and self._channel.send("STATS", **told):
            self._told = told
        self.send_models(found.models)

    def faults_changed(self) -> None:
        """What the watch knows of the models is not what it was."""
        self.send_models(self._models)

    def send_models(self, listed: list[ModelState]) -> None:
        """Send the list of models if it changed, in as many messages as it needs."""
        self._models = listed
        rows = self._rows(listed)
        if rows == self._sent or self._outbox.waiting:  # then the next look sends it
            return
        self._sent = rows
        batch: list[dict[str, Any]] = []
        size, first = 0, True
        for row in rows:
            batch.append(row)
            size += len(json.dumps(row))
            if size > _MODELS_BYTES:
                self._outbox.put("MODELS", {"first": first, "models": batch})
                batch, size, first = [], 0, False
        self._outbox.put("MODELS", {"first": first, "last": True, "models": batch})

    def _rows(self, listed: Sequence[ModelState]) -> list[dict[str, Any]]:
        """What the supervisor is told of each model. A fault is what the core does not know of."""
        faults, healing, hung = self._watch.faults, self._watch.healing, self._watch.hung
        alive = Counter(stub["model"] for stub in self._watch.stubs if stub["alive"])
        rows = []
        for model in listed:
            if not model.wanted:
                continue
            config = self._configs.get(model.name)
            working, total = (
                counted(config, alive[model.name], ready=model.state == "READY")
                if config
                else (None, None)
            )
            row = {
                "name": cut(model.name, _TEXT_BYTES),
                "version": model.version,
                "state": model.state,
                "reason": cut(faults.get(model.name) or model.reason, _TEXT_BYTES),
                "failed": model.failed or model.name in faults,
                "fault": cut(faults.get(model.name, ""), _TEXT_BYTES),
                "healing": model.name in healing,
                "hung": model.name in hung,
                "instances_ok": working,
                "instances_total": total,
            }
            rows.append(row)
        return rows


def _fitting(stubs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many as one message may hold."""
    fitting: list[dict[str, Any]] = []
    size = 0
    for stub in stubs:
        shown = {**stub, "model": cut(stub["model"], _TEXT_BYTES)}
        size += len(json.dumps(shown))
        if size > _STUBS_BYTES:
            break
        fitting.append(shown)
    return fitting
