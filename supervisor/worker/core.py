"""The Triton core and its frontends inside one worker. Knows nothing of the control protocol.

Everything heavy is imported here, late: the environment (CUDA_VISIBLE_DEVICES) was set before the
process started, and a broken installation becomes a reported error instead of a silent exit. The
methods are called from one thread at a time; `models` and `statistics` never block on a request.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..protocol.worker_spec import WorkerSpec
from ..system.exits import WorkerExit
from .core_options import core_options, start_core
from .model_reload import reload_model

_FRONTENDS = {
    "http": "KServeHttp",
    "grpc": "KServeGrpc",
    "sagemaker": "SageMaker",
    "vertex-ai": "VertexAI",
}
_UNLOADED = "unloaded"  # the core's reason for a version that was taken out on purpose


class CoreError(Exception):
    """The worker cannot serve. `code` is the exit code that says whether a restart can help."""

    def __init__(self, code: WorkerExit, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class ModelState:
    """One version of a model. `state` is the core's word, "" for a model that is not loaded."""

    name: str
    version: int
    state: str
    reason: str

    @property
    def failed(self) -> bool:
        return self.state == "UNAVAILABLE" and self.reason not in ("", _UNLOADED)

    @property
    def wanted(self) -> bool:
        """Counted in ready/total: loaded, loading or failed; not merely lying in the repository."""
        return self.state in ("READY", "LOADING", "UNLOADING") or self.failed


@dataclass(frozen=True)
class Busy:
    """A model with inferences in flight. `silent`: seconds in which it has answered nothing."""

    model: str
    in_flight: int
    oldest: float
    silent: float


class Core:
    """One `tritonserver.Server` with the frontends of this worker."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._server: Any = None
        self._frontends: dict[str, Any] = {}

    def start(self) -> None:
        """Load everything; returns when all models are ready. Raises CoreError."""
        try:
            api = importlib.import_module("tritonfrontend.inprocess")
            self._server = start_core(api, core_options(api, self._spec))
            if self._spec.core.get("model_control_mode", "none") == "none":
                self._server.refuse_client_control()
        except Exception as error:
            raise CoreError(_code_of(error), f"Triton did not start: {error}") from error
        if self._spec.exit_on_error:
            self._require_models()
        self._make_frontends()

    def serve(self) -> None:
        """Start the frontends on the inherited sockets. Raises CoreError."""
        for name, frontend in self._frontends.items():
            try:
                frontend.start()
            except Exception as error:
                # What the descriptors are not to blame for, the settings are.
                wrong = isinstance(error, (ValueError, TypeError))
                code = WorkerExit.BAD_CONFIG if wrong else WorkerExit.BAD_FD
                raise CoreError(code, f"{name} frontend: {error}") from error

    def drain(self, seconds: float) -> bool:
        """Stop accepting and finish the requests in flight. True if all finished in time."""
        results: dict[str, bool] = {}

        def one(name: str, frontend: Any) -> None:
            try:
                results[name] = bool(frontend.drain(seconds))
            except Exception:
                results[name] = False

        threads = [
            threading.Thread(target=one, args=item, daemon=True) for item in self._frontends.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(seconds + 1.0)
        return all(results.get(name, False) for name in self._frontends)

    def disperse(self) -> None:
        """Send the clients that are connected now away; those of other workers may do better."""
        for frontend in self._frontends.values():
            with contextlib.suppress(Exception):  # it stops just now
                frontend.disperse()

    def stop(self) -> None:
        """Stop frontends and core. Blocks up to the core's exit timeout."""
        for frontend in self._frontends.values():
            with contextlib.suppress(Exception):  # it never started, or failed to
                frontend.stop()
        if self._server is not None:
            self._server.stop()

    def models(self) -> list[ModelState]:
        """All models of the index, in the repository's order."""
        return [
            ModelState(
                str(model.name),
                int(model.version),
                str(model.state or ""),
                str(model.reason or ""),
            )
            for model in self._server.models().values()
        ]

    def ready_models(self) -> list[str]:
        return [model.name for model in self.models() if model.state == "READY"]

    def busy(self) -> list[Busy]:
        """What is in flight, by model. Never blocks."""
        return [Busy(*row) for row in self._server.activity()]

    def answers(self) -> dict[str, list[int]]:
        """Durations of what each model has answered, by the buckets of `outcome_bounds`."""
        return dict(self._server.model_answers())

    def outcomes(self) -> tuple[int, list[int]]:
        """Failed inferences, and durations of the others by the buckets of `outcome_bounds`."""
        failed, succeeded = self._server.outcomes()
        return int(failed), list(succeeded)

    def outcome_bounds(self) -> list[float]:
        return list(self._server.outcome_bounds())

    def set_faults(self, broken: Mapping[str, str], stuck: Mapping[str, str]) -> None:
        """Models that clients do not get here now; see Unserved. Never blocks."""
        self._server.set_model_faults(dict(broken), dict(stuck))

    def config(self, name: str) -> dict[str, Any]:
        """The complete configuration of a loaded model; empty if it has gone meanwhile."""
        with contextlib.suppress(Exception):
            return dict(self._server.model(name).config())
        return {}

    def reload(self, name: str, directory: str, parameters: Mapping[str, str | bytes]) -> None:
        """Load a model again although it has not changed; see reload_model. Blocks."""
        polls = self._spec.core.get("model_control_mode") == "poll"
        repositories = [str(path) for path in self._spec.core.get("model_repository", ())]
        reload_model(self._server, name, directory, repositories, parameters, polls=polls)

    def load(self, name: str) -> None:
        """Load a model, again if it has changed in the repository. Blocks; raises what the core
        says, and then a copy that was in service stays.
        """
        self._server.load(name)

    def unload(self, name: str) -> None:
        """Begin to unload a model. Raises what the core says."""
        self._server.unload(name)

    def replication(self, limit: int) -> Any:
        """From now on what clients want to change, at most `limit` at a time, waits there."""
        package = importlib.import_module("tritonfrontend")
        server, _ = importlib.import_module("tritonfrontend._frontend").native_server(self._server)
        return package._native.Replication(server, limit)

    def group_queries(self, limit: int) -> Any:
        """From now on questions that mean the whole group, at most `limit`, wait there."""
        package = importlib.import_module("tritonfrontend")
        server, _ = importlib.import_module("tritonfrontend._frontend").native_server(self._server)
        return package._native.GroupQueries(server, limit)

    def poll_repository(self) -> None:
        self._server.poll_model_repository()

    def metrics(self) -> str:
        return str(self._server.metrics()) + forwarding_metrics(self.statistics())

    def statistics(self) -> dict[str, dict[str, int]]:
        """Counters of each frontend, by its name."""
        return {
            name: {
                key: int(value) for key, value in frontend.statistics().items() if _is_int(value)
            }
            for name, frontend in self._frontends.items()
        }

    def sample(self) -> dict[str, Any] | None:
        """Name, inputs and outputs of the first model that a plain request can try."""
        for model in self.models():
            if model.state != "READY":
                continue
            found = self._describe(model.name)
            if found is not None:
                return found
        return None

    def _describe(self, name: str) -> dict[str, Any] | None:
        model = self._server.model(name)
        config = model.config()
        if config.get("sequence_batching") is not None:
            return None
        if (config.get("model_transaction_policy") or {}).get("decoupled"):
            return None
        metadata = model.metadata()
        keys = ("name", "datatype", "shape")
        return {
            "name": name,
            "inputs": [{key: item[key] for key in keys} for item in metadata["inputs"]],
            "outputs": [{key: item[key] for key in keys} for item in metadata["outputs"]],
        }

    def _require_models(self) -> None:
        failures = list(self._failures())
        if failures:
            text = "; ".join(failures)
            memory = "out of memory" in text.lower()
            code = WorkerExit.GPU_MEMORY if memory else WorkerExit.MODEL_FAILED
            raise CoreError(code, text)

    def _failures(self) -> Iterator[str]:
        explicit = self._spec.core.get("model_control_mode") == "explicit"
        startup = set(self._spec.core.get("startup_models", ()))
        models = self.models()
        # The core does not miss what no repository has.
        for name in sorted(startup - {"*"} - {model.name for model in models}):
            yield f"model {name!r} (--load-model): no repository has a model of this name"
        for model in models:
            needed = not explicit or "*" in startup or model.name in startup
            if model.failed:
                yield f"model {model.name!r} version {model.version}: {model.reason}"
            elif needed and not model.state:
                reason = model.reason or "not loaded, the worker's log says why"
                yield f"model {model.name!r}: {reason}"

    def _make_frontends(self) -> None:
        package = importlib.import_module("tritonfrontend")
        if self._spec.trace:
            try:
                package.configure_tracing(self._server, self._spec.trace)
            except Exception as error:
                raise CoreError(WorkerExit.BAD_CONFIG, f"--trace-config: {error}") from error
        if self._spec.flights:
            try:
                package._native.record_flights(**self._spec.flights)
            except Exception as error:
                raise CoreError(WorkerExit.BAD_FD, f"requests in flight: {error}") from error
        for name, options in self._spec.frontends.items():
            kind = getattr(package, _FRONTENDS[name])
            try:
                # The cloud frontends' routes are the platform's; flags win.
                make = getattr(kind.Options, "from_environment", None)
                made = kind.Options(**options) if make is None else make(**options)
                self._frontends[name] = kind(self._server, made)
                if name == "sagemaker":  # it loads what the journal has before anybody is served
                    self._frontends[name].prepare()
            except Exception as error:
                text = f"{name} frontend: {error}"
                raise CoreError(WorkerExit.BAD_CONFIG, text) from error


def forwarding_metrics(statistics: Mapping[str, Mapping[str, int]]) -> str:
    """Prometheus text about requests that workers pass on to each other."""
    name = "tritonfrontend_forwarded_requests_total"
    lines = [f"# HELP {name} Requests passed on between workers.", f"# TYPE {name} counter"]
    for direction in ("out", "in", "failed"):
        key = "forward_failed_total" if direction == "failed" else f"forwarded_{direction}_total"
        total = sum(values.get(key, 0) for values in statistics.values())
        lines.append(f'{name}{{direction="{direction}"}} {total}')
    return "\n".join(lines) + "\n"


def _code_of(error: Exception) -> WorkerExit:
    """Would the same configuration fail again?"""
    if "out of memory" in str(error).lower():
        return WorkerExit.GPU_MEMORY
    permanent = (
        "InvalidArgumentError",
        "NotFoundError",
        "UnsupportedError",
        "AlreadyExistsError",
    )
    if type(error).__name__ in permanent or isinstance(
        error, (ImportError, TypeError, ValueError, AttributeError, FileNotFoundError)
    ):
        return WorkerExit.BAD_CONFIG
    return WorkerExit.OTHER


def _is_int(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
