"""Server: an inference server inside this process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .. import _native
from .._core import Core, library
from ..errors import InvalidArgumentError, InvalidTypeError, UnavailableError
from . import checks
from .enums import MetricFormat, ModelControlMode
from .model import Model
from .models import ModelDictionary
from .options import Options, absolute_path, to_native

__all__ = ["Server"]


class _Unstarted:
    """Stands for the native server while there is none."""

    def __getattr__(self, name: str) -> Any:
        raise InvalidArgumentError("Server not started")

    def __setattr__(self, name: str, value: Any) -> None:
        raise InvalidArgumentError("Server not started")


class Server:
    """`Server(Options(...))`, or `Server(model_repository=..., ...)`, then `start`.

    May be started again after `stop`. As a context manager it starts and waits until it is ready,
    unless it is started already, and stops at the end. Every method but `start` raises
    InvalidArgumentError when it is not started, UnavailableError once it is stopping. Any thread.
    """

    def __init__(self, options: Options | None = None, **kwargs: Any) -> None:
        if options is not None and not isinstance(options, Options):
            raise InvalidTypeError(f"options: expected an Options, got {type(options).__name__}")
        self.options: Options = Options(**kwargs) if options is None else options
        self._server: Any = _Unstarted()
        self._repositories: list[str] = []

    def start(
        self,
        wait_until_ready: bool = False,
        polling_interval: float = 0.1,
        timeout: float | None = None,
    ) -> Server:
        """Load the core if it is not yet, then the models. Returns self.

        wait_until_ready: return when all models are ready; looks every `polling_interval` seconds
        and raises UnavailableError after `timeout` seconds, with the server left running.
        Raises CoreNotFoundError without a core, InvalidArgumentError for bad options or when it is
        started, and what the core says about models that do not load.
        """
        if isinstance(self._server, _native.Server):
            raise InvalidArgumentError("Server already started")
        core = library()
        options = to_native(self.options, core.layout())
        self._repositories = list(options.model_repositories)
        _check_python_models(core, self.options, self._repositories)
        self._server = _native.Server.create(core.native, options)
        if wait_until_ready and not _wait(self.ready, polling_interval, timeout):
            raise UnavailableError("Timeout before ready")
        return self

    def stop(self) -> None:
        """Wait for the requests in flight, unload everything, stop.

        Raises InternalError if that takes more than `Options.exit_timeout` seconds, as it does
        while a response waits in its iterator; a second call then succeeds.
        Frontends may be stopped before or after; until then they answer 503 or UNAVAILABLE.
        """
        self._server.stop()
        self._server = _Unstarted()

    def ready(self) -> bool:
        """Whether the models can be used."""
        return bool(self._server.ready())

    def live(self) -> bool:
        """Whether the server works."""
        return bool(self._server.live())

    def metadata(self) -> dict[str, Any]:
        """Name, version and extensions, as in the KServe protocol."""
        return dict(json.loads(self._server.metadata()))

    def metrics(self, metric_format: MetricFormat = MetricFormat.PROMETHEUS) -> str:
        """All metrics of this process as text."""
        checks.enum_member("metric_format", metric_format, MetricFormat)
        return str(self._server.metrics())

    def model(self, name: str, version: int = -1) -> Model:
        """A model by name, not looked up; version -1 is the model's version policy."""
        self._server.address  # noqa: B018 - raises when it is not started
        return Model(self._server, checks.text("name", name), _version(version))

    def models(self, exclude_not_ready: bool = False) -> ModelDictionary:
        """All models of the repositories, or the ready ones only."""
        return ModelDictionary(self._server, self._server.model_index(bool(exclude_not_ready)))

    def load(
        self, model_name: str, parameters: dict[str, str | int | bool | bytes] | None = None
    ) -> Model:
        """Load or reload a model; needs ModelControlMode.EXPLICIT. Blocks until it is loaded.

        parameters: "config" is a model configuration as JSON, "file:<path>" the bytes of a file of
        the model (with "config" only).
        """
        values = dict(parameters or {})
        server = self._server
        server.address  # noqa: B018
        config = values.get("config")
        library().check_model(
            self._repositories, model_name, config if isinstance(config, str) else None
        )
        server.load_model(checks.text("name", model_name), list(values.items()))
        return self.model(model_name)

    def unload(
        self,
        model: str | Model,
        unload_dependents: bool = False,
        wait_until_unloaded: bool = False,
        polling_interval: float = 0.1,
        timeout: float | None = None,
    ) -> None:
        """Begin to unload a model; needs ModelControlMode.EXPLICIT.

        unload_dependents: an ensemble's models as well. wait_until_unloaded: return when no version
        is left, or silently after `timeout` seconds.
        """
        name = model.name if isinstance(model, Model) else checks.text("model", model)
        versions = [key for key in self.models() if key[0] == name]
        self._server.unload_model(name, bool(unload_dependents))
        if wait_until_unloaded:
            _wait(lambda: self._unloaded(versions), polling_interval, timeout)

    def register_model_repository(
        self, repository_path: str, name_mapping: dict[str, str] | None = None
    ) -> None:
        """Add a repository; needs ModelControlMode.EXPLICIT. `name_mapping`: directory to name."""
        pairs = list(checks.texts("name_mapping", name_mapping or {}).items())
        path = absolute_path("repository_path", repository_path)
        self._server.register_repository(path, pairs)
        self._repositories.append(path)

    def unregister_model_repository(self, repository_path: str) -> None:
        """Remove a repository; needs ModelControlMode.EXPLICIT."""
        path = absolute_path("repository_path", repository_path)
        self._server.unregister_repository(path)
        if path in self._repositories:
            self._repositories.remove(path)

    def poll_model_repository(self) -> None:
        """Load what is new, unload what is gone; needs ModelControlMode.POLL."""
        self._server.address  # noqa: B018
        library().check_models(self._repositories)
        self._server.poll_repository()

    def refuse_client_control(self) -> None:
        """From now on clients of the frontends cannot load and unload models; `load` still can."""
        self._server.refuse_client_control()

    def activity(self) -> list[tuple[str, int, float, float]]:
        """Models with requests in flight: name, how many, seconds that the oldest is in flight, and
        seconds in which none was answered. Never blocks.
        """
        return list(self._server.model_activity())

    def model_answers(self) -> dict[str, list[int]]:
        """How many inferences each model has answered in which time, by the buckets of
        `outcome_bounds`; failed ones are not counted. Never blocks.
        """
        return dict(self._server.model_answers())

    def outcomes(self) -> tuple[int, list[int]]:
        """Of all inferences so far: how many failed, and how many of those that succeeded took how
        long, by the buckets of `outcome_bounds`. Cancelled ones are not counted. Never blocks.
        """
        failed, succeeded = self._server.outcomes()
        return failed, list(succeeded)

    def outcome_bounds(self) -> list[float]:
        """What the durations in each bucket of `outcomes` are below, in seconds."""
        return list(self._server.outcome_bounds())

    def set_model_faults(self, broken: dict[str, str], stuck: dict[str, str]) -> None:
        """Models that the core calls ready although something is wrong, which the text says:
        clients of the frontends hear that they are not ready. Inferences go to another process that
        serves the port; if there is none, those for `broken` models are refused, and those for
        `stuck` ones, which may answer yet, wait. Replaces what was set before.
        """
        self._server.set_model_faults(broken, stuck)

    def _ptr(self) -> int:
        """The address of the TRITONSERVER_Server, for other packages.

        They count no reference, so the server is stopped but never deleted from now on.
        """
        return int(self._server.lend_address())

    def _unloaded(self, versions: list[tuple[str, int]]) -> bool:
        models = self.models()
        states = [models[key].state for key in versions if key in models]
        return all(state in (None, "UNAVAILABLE") for state in states)

    def __enter__(self) -> Server:
        started = isinstance(self._server, _native.Server)
        return self if started else self.start(wait_until_ready=True)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(self._server, _native.Server):
            self.stop()


def _check_python_models(core: Core, options: Options, paths: list[str]) -> None:
    names: list[str] | None = None
    mode = checks.enum_member("model_control_mode", options.model_control_mode, ModelControlMode)
    if mode == ModelControlMode.EXPLICIT.value and "*" not in options.startup_models:
        names = options.startup_models
    core.check_models(paths, names)


def _wait(done: Callable[[], bool], interval: float, timeout: float | None) -> bool:
    deadline = None if timeout is None else time.monotonic() + timeout
    while not done():
        left = interval if deadline is None else min(interval, deadline - time.monotonic())
        if left <= 0 and deadline is not None:
            return done()
        time.sleep(max(left, 0.0))
    return True


def _version(version: object) -> int:
    return checks.integer("version", version, -1, 2**63 - 1)
