"""Options of a server: defaults as NVIDIA's, checked on their way to the core."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tritonfrontend.inprocess import (
    InstanceGroupKind,
    InvalidArgumentError,
    LogFormat,
    ModelControlMode,
    ModelLoadDeviceLimit,
    Options,
    RateLimiterResource,
    RateLimitMode,
    Server,
    UnsupportedError,
)
from tritonfrontend.inprocess.options import to_native


class PlainLayout:
    """Directories as they are wanted."""

    python_problem = ""

    def backend_directory(self, wanted: str) -> str:
        return wanted

    cache_directory = repo_agent_directory = backend_directory


def native(**changes: Any) -> Any:
    return to_native(Options(model_repository="models", **changes), PlainLayout())  # type: ignore[arg-type]


def test_field_order_and_defaults() -> None:
    fields = [field.name for field in dataclasses.fields(Options)]
    assert fields[:4] == ["model_repository", "server_id", "model_control_mode", "startup_models"]
    assert fields[20:27] == [
        "log_file",
        "log_info",
        "log_warn",
        "log_error",
        "log_format",
        "log_verbose",
        "log_callback",
    ]
    options = Options()
    assert options.pinned_memory_pool_size == 1 << 28
    assert options.backend_directory == "/opt/tritonserver/backends"
    assert options.exit_timeout == 30
    assert len(fields) == 37
    with pytest.raises(AttributeError):
        options.no_such_field = 1  # type: ignore[attr-defined]


def test_values_reach_the_core_options(tmp_path: Path) -> None:
    options = Options(
        model_repository=[str(tmp_path), "relative"],
        model_control_mode=ModelControlMode.EXPLICIT,
        startup_models=["a", "b"],
        rate_limiter_mode=RateLimitMode.EXEC_COUNT,
        rate_limiter_resources=[RateLimiterResource("r", 2, -1)],
        model_load_device_limits=[ModelLoadDeviceLimit(InstanceGroupKind.GPU, 0, 0.5)],
        cuda_memory_pool_sizes={0: 1 << 40},
        cache_config={"local": {"size": 1048576}},
        backend_configuration={"python": {"shm-default-byte-size": 1048576, "on": True}},  # type: ignore[dict-item]
        log_format=LogFormat.ISO8601,
        metrics_interval=100,
    )
    made = to_native(options, PlainLayout())  # type: ignore[arg-type]
    assert made.model_repositories == [str(tmp_path), str(Path("relative").absolute())]
    assert made.model_control_mode == 2
    assert made.startup_models == ["a", "b"]
    assert made.rate_limiter_mode == 1
    assert made.cuda_memory_pool_sizes == {0: 1 << 40}
    assert json.loads(made.cache_config["local"]) == {"size": "1048576"}
    assert made.backend_configuration["python"] == {
        "shm-default-byte-size": "1048576",
        "on": "true",
    }
    assert made.metrics_interval == 100


def test_repository_forms(tmp_path: Path) -> None:
    one = Options(model_repository=tmp_path)  # type: ignore[arg-type]
    assert to_native(one, PlainLayout()).model_repositories == [str(tmp_path)]  # type: ignore[arg-type]
    wrapped: object = one.model_repository
    assert wrapped == [tmp_path]
    remote = Options(model_repository="s3://bucket/models")
    assert to_native(remote, PlainLayout()).model_repositories == ["s3://bucket/models"]  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=r"Model repository must be specified\."):
        to_native(Options(model_repository=None), PlainLayout())  # type: ignore[arg-type]


def test_log_cascade_changes_the_object() -> None:
    options = Options(model_repository="models", log_verbose=1)
    to_native(options, PlainLayout())  # type: ignore[arg-type]
    assert (options.log_info, options.log_warn, options.log_error) == (True, True, True)
    options = Options(model_repository="models", log_warn=True)
    to_native(options, PlainLayout())  # type: ignore[arg-type]
    assert (options.log_info, options.log_warn, options.log_error) == (False, True, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("server_id", 1),
        ("server_id", None),
        ("model_control_mode", "NONE"),
        ("startup_models", "identity"),
        ("strict_readiness", "yes"),
        ("pinned_memory_pool_size", 1.5),
        ("model_load_thread_count", "4"),
        ("min_supported_compute_capability", "6.0"),
        ("cuda_memory_pool_sizes", [1]),
        ("cache_config", {"local": "size"}),
        ("backend_configuration", {"python": {"a": None}}),
        ("host_policies", "x"),
        ("log_info", "no"),
        ("log_format", 7),
        ("backend_directory", 3),
    ],
)
def test_wrong_type_names_the_field(field: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError, match=field) as caught:
        native(**{field: value})
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("exit_timeout", 0),
        ("exit_timeout", -1),
        ("pinned_memory_pool_size", -1),
        ("pinned_memory_pool_size", 1 << 64),
        ("model_load_thread_count", 0),
        ("min_supported_compute_capability", float("nan")),
        ("server_id", "a\0b"),
        ("log_verbose", -1),
    ],
)
def test_bad_value_names_the_field(field: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError, match=field):
        native(**{field: value})


def test_log_callback_needs_a_core_that_has_it() -> None:
    with pytest.raises(UnsupportedError, match="log_callback"):
        native(log_callback=print)


def test_server_takes_options_or_keywords() -> None:
    assert Server(model_repository="x").options.model_repository == "x"
    options = Options(server_id="mine")
    assert Server(options, server_id="ignored").options is options
    with pytest.raises(TypeError):
        Server(no_such_option=1)
    with pytest.raises(TypeError):
        Server("models")  # type: ignore[arg-type]


def test_unstarted_server() -> None:
    server = Server(model_repository="x")
    calls: list[Any] = [
        server.stop,
        server.ready,
        server.live,
        server.metadata,
        server.metrics,
        server.models,
        server.poll_model_repository,
        server._ptr,
        lambda: server.model("m"),
        lambda: server.load("m"),
        lambda: server.unload("m"),
        lambda: server.register_model_repository("p"),
        lambda: server.unregister_model_repository("p"),
    ]
    for call in calls:
        with pytest.raises(InvalidArgumentError, match="Server not started"):
            call()
