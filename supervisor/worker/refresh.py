"""A `reload` in place: this worker loads its models again while it serves, one after the other.

The core loads a copy beside the old one and then lets that go, so no request is refused, and both
are in memory for a moment. A copy that cannot be loaded leaves the old one in service. What has not
changed is left alone, unless everything is wanted.

Where clients do not decide which models there are, the repository does: new models are loaded, and
models whose directories have gone are unloaded. Runs on a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .client_loads import ClientLoads
from .core import Core, ModelState
from .model_reload import version_directory


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

    def begin(self) -> None:
        """The models are loaded: those that are served now may be gone from the index later."""
        self._served = set(self._core.ready_models())

    def run(self, *, everything: bool) -> str:
        """Blocks. "" or what went wrong, by model; the other models are loaded all the same."""
        try:
            if self._mode == "poll" and not everything:
                self._core.poll_repository()
                return ""
            failures = self._models(everything)
        except Exception as error:  # the core stops
            failures = [f"{type(error).__name__}: {error}"]
        return "; ".join(failures)

    def _models(self, everything: bool) -> list[str]:
        listed = {model.name for model in self._core.models() if self._wanted(model)}
        ready = set(self._core.ready_models())
        failures = [why for name in sorted(listed) if (why := self._load(name, everything))]
        if self._mode == "none":
            for name in sorted(self._served - listed):
                self._core.unload(name)
                self._say(f"model {name!r}: unloaded, the repository does not have it any more")
        for name in sorted(listed - ready):
            self._say(f"model {name!r}: new")
        self._served = set(self._core.ready_models())
        return failures

    def _wanted(self, model: ModelState) -> bool:
        """Under explicit control, what is not loaded is for clients to load."""
        return self._mode != "explicit" or model.state == "READY" or model.failed

    def _load(self, name: str, everything: bool) -> str:
        with self._loads.holding(name):
            parameters = self._loads.parameters(name)
            try:
                if everything:
                    directory = version_directory(name, self._repositories)
                    self._core.reload(name, directory, parameters)
                elif not parameters:  # else what is served is not what the repository has
                    self._core.load(name)
            except Exception as error:
                return f"model {name!r}: {error}"
        return ""
