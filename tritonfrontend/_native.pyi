"""Native part of tritonfrontend. Private: use the Python classes."""

from collections.abc import Mapping, Sequence
from typing import Any


def version() -> str: ...

class Library:
    """The Triton core of this process; never closed."""

    @staticmethod
    def open(path: str, preload_roots: Sequence[str]) -> Library: ...

    @property
    def path(self) -> str: ...

    @property
    def api_version(self) -> tuple[int, int]: ...

def loaded_library() -> str | None:
    """
    Path of a core that this process has loaded, by us or by somebody else.
    """

class ServerOptions:
    def __init__(self) -> None: ...

    @property
    def model_repositories(self) -> list[str]: ...

    @model_repositories.setter
    def model_repositories(self, arg: Sequence[str], /) -> None: ...

    @property
    def server_id(self) -> str: ...

    @server_id.setter
    def server_id(self, arg: str, /) -> None: ...

    @property
    def model_control_mode(self) -> int: ...

    @model_control_mode.setter
    def model_control_mode(self, arg: int, /) -> None: ...

    @property
    def startup_models(self) -> list[str]: ...

    @startup_models.setter
    def startup_models(self, arg: Sequence[str], /) -> None: ...

    @property
    def strict_model_config(self) -> bool: ...

    @strict_model_config.setter
    def strict_model_config(self, arg: bool, /) -> None: ...

    @property
    def exit_on_error(self) -> bool: ...

    @exit_on_error.setter
    def exit_on_error(self, arg: bool, /) -> None: ...

    @property
    def strict_readiness(self) -> bool: ...

    @strict_readiness.setter
    def strict_readiness(self, arg: bool, /) -> None: ...

    @property
    def exit_timeout(self) -> int: ...

    @exit_timeout.setter
    def exit_timeout(self, arg: int, /) -> None: ...

    @property
    def model_load_thread_count(self) -> int: ...

    @model_load_thread_count.setter
    def model_load_thread_count(self, arg: int, /) -> None: ...

    @property
    def model_load_retry_count(self) -> int: ...

    @model_load_retry_count.setter
    def model_load_retry_count(self, arg: int, /) -> None: ...

    @property
    def model_namespacing(self) -> bool: ...

    @model_namespacing.setter
    def model_namespacing(self, arg: bool, /) -> None: ...

    @property
    def backend_directory(self) -> str: ...

    @backend_directory.setter
    def backend_directory(self, arg: str, /) -> None: ...

    @property
    def repo_agent_directory(self) -> str: ...

    @repo_agent_directory.setter
    def repo_agent_directory(self, arg: str, /) -> None: ...

    @property
    def cache_directory(self) -> str: ...

    @cache_directory.setter
    def cache_directory(self, arg: str, /) -> None: ...

    @property
    def cache_config(self) -> dict[str, str]: ...

    @cache_config.setter
    def cache_config(self, arg: Mapping[str, str], /) -> None: ...

    @property
    def backend_configuration(self) -> dict[str, dict[str, str]]: ...

    @backend_configuration.setter
    def backend_configuration(self, arg: Mapping[str, Mapping[str, str]], /) -> None: ...

    @property
    def host_policies(self) -> dict[str, dict[str, str]]: ...

    @host_policies.setter
    def host_policies(self, arg: Mapping[str, Mapping[str, str]], /) -> None: ...

    @property
    def rate_limiter_mode(self) -> int: ...

    @rate_limiter_mode.setter
    def rate_limiter_mode(self, arg: int, /) -> None: ...

    def add_rate_limiter_resource(self, arg0: str, arg1: int, arg2: int, /) -> None: ...

    def add_model_load_device_limit(self, arg0: int, arg1: int, arg2: float, /) -> None: ...

    @property
    def pinned_memory_pool_size(self) -> int: ...

    @pinned_memory_pool_size.setter
    def pinned_memory_pool_size(self, arg: int, /) -> None: ...

    @property
    def cuda_memory_pool_sizes(self) -> dict[int, int]: ...

    @cuda_memory_pool_sizes.setter
    def cuda_memory_pool_sizes(self, arg: Mapping[int, int], /) -> None: ...

    @property
    def min_supported_compute_capability(self) -> float: ...

    @min_supported_compute_capability.setter
    def min_supported_compute_capability(self, arg: float, /) -> None: ...

    @property
    def buffer_manager_thread_count(self) -> int: ...

    @buffer_manager_thread_count.setter
    def buffer_manager_thread_count(self, arg: int, /) -> None: ...

    @property
    def enable_peer_access(self) -> bool: ...

    @enable_peer_access.setter
    def enable_peer_access(self, arg: bool, /) -> None: ...

    def set_log(self, file: str | None, info: bool, warn: bool, error: bool, format: int, verbose: int) -> None: ...

    @property
    def metrics(self) -> bool: ...

    @metrics.setter
    def metrics(self, arg: bool, /) -> None: ...

    @property
    def gpu_metrics(self) -> bool: ...

    @gpu_metrics.setter
    def gpu_metrics(self, arg: bool, /) -> None: ...

    @property
    def cpu_metrics(self) -> bool: ...

    @cpu_metrics.setter
    def cpu_metrics(self, arg: bool, /) -> None: ...

    @property
    def metrics_interval(self) -> int: ...

    @metrics_interval.setter
    def metrics_interval(self, arg: int, /) -> None: ...

    @property
    def metrics_configuration(self) -> dict[str, dict[str, str]]: ...

    @metrics_configuration.setter
    def metrics_configuration(self, arg: Mapping[str, Mapping[str, str]], /) -> None: ...

class Server:
    """A TRITONSERVER_Server; deleted with its last holder."""

    @staticmethod
    def create(library: Library, options: ServerOptions) -> Server: ...

    @staticmethod
    def adopt(library: Library, address: int) -> Server:
        """A server that somebody else made and will delete."""

    @property
    def address(self) -> int: ...

    def lend_address(self) -> int:
        """
        As `address`, for code that counts no reference: the server is never deleted any more.
        """

    @property
    def stopped(self) -> bool: ...

    def live(self) -> bool: ...

    def ready(self) -> bool: ...

    def model_ready(self, name: str, version: int) -> bool: ...

    def metadata(self) -> str: ...

    def model_metadata(self, name: str, version: int) -> str: ...

    def model_config(self, name: str, version: int, config_version: int) -> str: ...

    def model_index(self, ready_only: bool) -> str: ...

    def model_statistics(self, name: str, version: int) -> str: ...

    def model_traits(self, name: str, version: int) -> tuple[bool, bool]:
        """Whether it is decoupled, and whether the first dimension is the batch."""

    def metrics(self) -> str: ...

    def model_activity(self) -> list[tuple[str, int, float, float]]:
        """
        Of each model with something in flight: name, how many, the oldest one's age, and how long none has been answered (seconds).
        """

    def model_answers(self) -> dict[str, list[int]]:
        """
        By model that has answered anything: how many inferences took how long, in buckets; see outcome_bounds.
        """

    def outcomes(self) -> tuple[int, list[int]]:
        """
        Of all inferences so far: how many failed, and how many others took how long, in buckets; see outcome_bounds.
        """

    @staticmethod
    def outcome_bounds() -> list[float]:
        """What the durations of each bucket of outcomes() are below, in seconds."""

    def stop(self) -> None: ...

    def set_model_faults(self, broken: dict[str, str], stuck: dict[str, str]) -> None:
        """
        By model, what is wrong with it although the core says ready; what is stuck may answer yet. Replaces the last ones.
        """

    def load_model(self, name: str, parameters: list[tuple[str, bool | int | float | str | bytes]]) -> None: ...

    def unload_model(self, name: str, dependents: bool) -> None: ...

    def register_repository(self, path: str, mapping: Sequence[tuple[str, str]]) -> None: ...

    def unregister_repository(self, path: str) -> None: ...

    def poll_repository(self) -> None: ...

    def refuse_client_control(self) -> None:
        """From now on clients of the frontends cannot load and unload."""

class LoopWaker:
    """A descriptor that is readable while tokens wait."""

    @staticmethod
    def create() -> LoopWaker: ...

    @property
    def fd(self) -> int: ...

    def drain(self) -> list[int]:
        """The tokens since the last call."""

class OutputMemory:
    """Keeps the memory of one output."""

class Response:
    @property
    def error(self) -> Exception | None: ...

    @property
    def model_name(self) -> str: ...

    @property
    def model_version(self) -> int: ...

    @property
    def id(self) -> str: ...

    def parameters(self) -> dict[str, bool | int | float | str]: ...

    def outputs(self) -> list[tuple[str, int, tuple[int, ...], int, int, int, int, OutputMemory]]:
        """
        Name, data type, shape, address, bytes, memory type, memory id, what keeps the memory.
        """

class ResponseQueue:
    def __init__(self) -> None: ...

    def get(self) -> tuple[Response | None, bool] | None:
        """
        Waits for a response (None for a bare final flag) and whether it is final; then None.
        """

    def try_get(self) -> tuple[Response | None, bool] | None:
        """As get, without waiting; None if there is nothing."""

    def watch(self, waker: LoopWaker, token: int) -> None:
        """One wake-up as soon as there is something to get."""

    def unwatch(self) -> None: ...

class Cancellation:
    def cancel(self) -> None: ...

class Request:
    @staticmethod
    def create(server: Server, model: str, version: int) -> Request: ...

    def set_id(self, arg: str, /) -> None: ...

    def set_flags(self, arg: int, /) -> None: ...

    def set_correlation_id(self, arg: int | str, /) -> None: ...

    def set_priority(self, arg: int, /) -> None: ...

    def set_timeout_us(self, arg: int, /) -> None: ...

    def set_parameter(self, name: str, value: bool | int | float | str) -> None: ...

    def add_input(self, name: str, datatype: int, shape: Sequence[int]) -> None: ...

    def append_input(self, name: str, address: int, size: int, memory_type: int, memory_id: int, owner: object) -> None:
        """Not copied; `owner` is kept until the core has released the request."""

    def send(self, queue: ResponseQueue) -> Cancellation:
        """Hands the request to the core."""

class MetricFamily:
    @staticmethod
    def create(library: Library, kind: int, name: str, description: str) -> MetricFamily: ...

    @property
    def kind(self) -> int: ...

class Metric:
    @staticmethod
    def create(family: MetricFamily, labels: Sequence[tuple[str, str]]) -> Metric: ...

    @property
    def kind(self) -> int: ...

    def value(self) -> float: ...

    def increment(self, arg: float, /) -> None: ...

    def set(self, arg: float, /) -> None: ...

def log_message(library: Library, level: int, file: str, line: int, message: str) -> None: ...

def encode_bytes(elements: list[object]) -> bytes: ...

def decode_bytes(address: int, size: int) -> list[bytes]: ...

def dlpack_export(address: int, shape: Sequence[int], code: int, bits: int, device_type: int, device_id: int, versioned: bool, owner: object) -> object:
    """A capsule over row-major memory that keeps `owner`."""

class DlpackTensor:
    """What a DLPack capsule holds; takes the capsule over."""

    def __init__(self, capsule: object) -> None: ...

    @property
    def address(self) -> int: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def contiguous(self) -> bool: ...

    @property
    def code(self) -> int: ...

    @property
    def bits(self) -> int: ...

    @property
    def lanes(self) -> int: ...

    @property
    def device_type(self) -> int: ...

    @property
    def device_id(self) -> int: ...

class Frontend:
    """A listening server in front of an inference server."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def drain(self, seconds: float) -> bool: ...

    def disperse(self) -> None: ...

    def adopt(self, fd: int) -> bool: ...

    def port(self) -> int: ...

    def statistics(self) -> dict[str, int]: ...

def http_frontend(server: Server, options: dict[str, Any]) -> Frontend:
    """KServe v2 over HTTP."""

def grpc_frontend(server: Server, options: dict[str, Any]) -> Frontend:
    """KServe v2 over gRPC."""

def metrics_frontend(server: Server, options: dict[str, Any]) -> Frontend:
    """Prometheus metrics over HTTP."""

def sagemaker_frontend(server: Server, options: dict[str, Any]) -> Frontend:
    """The endpoints of a SageMaker container."""

def vertex_ai_frontend(server: Server, options: dict[str, Any]) -> Frontend:
    """The endpoints of a Vertex AI container."""

def check_header_pattern(pattern: str) -> None:
    """InvalidArgumentError for what is no RE2 expression."""

def check_restricted_api(rules: Sequence[str]) -> None:
    """InvalidArgumentError for a rule that cannot be understood."""

def check_restricted_protocols(rules: Sequence[str]) -> None:
    """The same for gRPC."""

class Tracing:
    """Holds the trace settings of a server."""

def configure_tracing(server: Server, pairs: Sequence[tuple[str, str]]) -> Tracing:
    """Pairs as behind --trace-config."""

def record_flights(fd: int, offset: int) -> None:
    """
    Record the requests in flight of this process in 64 KiB of a memory file. Once, before any.
    """

class Replication:
    """Changes that clients of a server ask for; somebody else makes them."""

    def __init__(self, server: Server, limit: int) -> None:
        """From now on at most `limit` calls wait for finish()."""

    @property
    def fd(self) -> int:
        """Readable while take() would give something."""

    def take(self) -> list[tuple[int, dict[str, object]]]:
        """The number of each call that came, and what it is."""

    def finish(self, id: int, outcome: tuple[int, str] | None) -> None:
        """Answer the client: None, or code and text of an error."""

    def apply(self, call: dict[str, object], origin: str) -> tuple[int, str] | None:
        """
        Make a change here. None, or code and text of the error. `origin`: a "client" of this server, "repeated" of another's, or a "replay" before this one serves.
        """

    def loaded(self, model: str) -> bool: ...

    def log_settings(self) -> dict[str, object]: ...

    def end(self) -> None:
        """Clients' calls are carried out at once again."""

class GroupQueries:
    """Questions of a server's clients that mean a whole group of servers."""

    def __init__(self, server: Server, limit: int) -> None:
        """From now on at most `limit` questions wait for an answer."""

    @property
    def fd(self) -> int:
        """Readable while take() would give something."""

    def take(self) -> list[tuple[int, dict[str, object]]]:
        """The number of each question that came, and what it is."""

    def finish(self, id: int, json: bytes) -> None:
        """Answer the client."""

    def fail(self, id: int, code: int, message: str) -> None:
        """Answer the client with an error of answer()."""

    def answer(self, query: dict[str, object]) -> bytes | tuple[int, str]:
        """What this server answers: JSON, or code and text of an error."""

    def end(self) -> None:
        """Clients are answered by this server alone again."""

def arm_last_resort(pid: int, seconds: float, code: int, words: str) -> None:
    """
    End this process with `code` if it is still there so long after the process `pid` has ended, whatever its threads do. No core is loaded for it, and no lock is taken.
    """
