"""A `reload` in place: this worker loads its models again while it serves, one after the other.

The core loads a copy beside the old one and then lets that go, so no request is refused, and both
are in memory for a moment. A copy that cannot be loaded leaves the old one in service. What has not
changed is left alone, unless everything is wanted.

Where clients do not decide which models there are, the repository does: new models are loaded, and
models whose directories have gone are unloaded. Runs on a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .client_loads import ClientLoads
from .core import Core, ModelState
from .model_reload import version_directory


@dataclass(frozen=True)
class Done:
    """`loaded` are the models that the core was asked for and has; `failed` is what went wrong, by
    model, or "".
    """

    loaded: Sequence[str] = ()
    failed: str = ""


class Refresh:
    """Of one worker. `mode` is `--model-control-mode`; `say` takes lines for people."""

    def __init__(
        self,
        core: Core,
        loads: ClientLoads,
        mode: str,
        repositories: Sequence[str],
        say: Callable[[str], None],
    ) -> None:
        self._core = core
        self._loads = loads
        self._mode = mode
        self._repositories = repositories
        self._say = say
        self._served: set[str] = set()
        self._running = threading.Lock()

    def begin(self) -> None:
        """The models are loaded: those that are served now may be gone from the index later."""
        self._served = set(self._core.ready_models())

    def run(self, *, everything: bool) -> Done:
        """Blocks. A model that fails keeps no other from being loaded."""
        if not self._running.acquire(blocking=False):
            return Done(failed="its models are being loaded again already")
        try:
            if self._mode == "poll" and not everything:
                self._core.poll_repository()
                return Done(self._core.ready_models())
            return self._models(everything)
        except Exception as error:  # the core stops
            return Done(failed=f"{type(error).__name__}: {error}")
        finally:
            self._running.release()

    def _models(self, everything: bool) -> Done:
        listed = {model.name for model in self._core.models() if self._wanted(model)}
        failures = {name: why for name in sorted(listed) if (why := self._load(name, everything))}
        if self._mode == "none":
            for name in sorted(self._served - listed):
                if why := self._unload(name):
                    failures[name] = why
        ready = set(self._core.ready_models())
        for name in sorted(ready - self._served):
            self._say(f"model {name!r}: loaded, it was not there before")
        self._served = ready
        texts = (f"model {name!r}: {why}" for name, why in failures.items())
        return Done(sorted(listed - failures.keys()), "; ".join(texts))

    def _wanted(self, model: ModelState) -> bool:
        """Under explicit control, what is not loaded is for clients to load."""
        return self._mode != "explicit" or model.state == "READY" or model.failed

    def _load(self, name: str, everything: bool) -> str:
        """ "" or why it could not be."""
        with self._loads.holding(name):
            parameters = self._loads.parameters(name)
            try:
                if everything:
                    directory = version_directory(name, self._repositories)
                    self._core.reload(name, directory, parameters)
                elif not parameters:  # else what is served is not what the repository has
                    self._core.load(name)
            except Exception as error:
                return str(error)
        return ""

    def _unload(self, name: str) -> str:
        try:
            self._core.unload(name)
        except Exception as error:
            return f"cannot be unloaded: {error}"
        self._say(f"model {name!r}: unloaded, the repository does not have it any more")
        return ""
