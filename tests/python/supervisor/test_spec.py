"""Validation of options, flags to options, and the worker spec's round trip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tritonfrontend.supervisor.options.serve_flags import parser, serve_options
from tritonfrontend.supervisor.options.spec import (
    Device,
    PortSpec,
    ServeOptions,
    SpecError,
    Timeouts,
)
from tritonfrontend.supervisor.protocol.worker_spec import WorkerSpec, shm_prefix
from tritonfrontend.supervisor.protocol.worker_spec import worker_spec as make_worker_spec


def options(tmp_path: Path, **changes: Any) -> ServeOptions:
    return ServeOptions(**{"model_repository": (str(tmp_path),), **changes})


def parsed(tmp_path: Path, *flags: str) -> ServeOptions:
    return serve_options(parser().parse_args(["--model-repository", str(tmp_path), *flags]))


def worker_spec(**changes: Any) -> WorkerSpec:
    fields: dict[str, Any] = {
        "name": "n",
        "run_id": "r",
        "slot": 1,
        "generation": 2,
        "supervisor_pid": 3,
        "device": Device("gpu", 0, "GPU-1", "H100", "0:1"),
        "control_fd": 4,
        "shm_prefix": "tfe-r-w1g2-",
        "core": {"model_repository": ["m"], "backend_configuration": {"python": {"a": "b"}}},
        "frontends": {"http": {"fd": 5, "thread_count": 2}},
        "exit_on_error": True,
        "exit_timeout": 30,
        "drain_timeout": 5.0,
    }
    return WorkerSpec(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model_repository": ()}, "--model-repository"),
        ({"model_repository": ("/no/where",)}, "--model-repository"),
        ({"http": PortSpec("http", True, "0.0.0.0", 65536)}, "--http-port"),
        ({"grpc": PortSpec("grpc", True, "", 1)}, "--grpc-address"),
        ({"grpc": PortSpec("grpc", True, "0.0.0.0", 8000)}, "--grpc-port"),
        ({"metrics": PortSpec("metrics", True, "0.0.0.0", 8001)}, "--metrics-port"),
        ({"core": {"model_control_mode": "sometimes"}}, "--model-control-mode"),
        ({"core": {"startup_models": ["a"]}}, "--load-model"),
        ({"name": "../x"}, "--name"),
        ({"name": "x" * 64}, "--name"),
        ({"timeouts": Timeouts(drain=-1.0)}, "--drain-timeout"),
        ({"timeouts": Timeouts(start=0.0)}, "--start-timeout"),
        ({"timeouts": Timeouts(start=float("nan"))}, "--start-timeout"),
        ({"exit_timeout": 0}, "--exit-timeout-secs"),
    ],
)
def test_bad_options_name_the_flag(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        options(tmp_path, **changes)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_ports_that_are_off_do_not_collide(tmp_path: Path) -> None:
    assert options(tmp_path, metrics=PortSpec("metrics", False, "0.0.0.0", 8000))


def test_remote_repositories_are_left_to_the_core() -> None:
    assert ServeOptions(model_repository=("s3://bucket/models",))


def test_instance_name(tmp_path: Path) -> None:
    assert options(tmp_path).instance_name == "triton-8000"
    assert options(tmp_path, name="blue").instance_name == "blue"
    free = PortSpec("http", True, "0.0.0.0", 0)
    assert options(tmp_path, http=free).instance_name == "triton"


def test_flags_reach_their_options(tmp_path: Path) -> None:
    found = parsed(
        tmp_path,
        *("--model-control-mode=explicit", "--load-model=a", "--load-model=b"),
        *("--backend-config=python,shm-default-byte-size=1048576", "--backend-config=python,x=y"),
        *("--metrics-config=summary_latencies=true", "--rate-limit=execution_count"),
        *("--rate-limit-resource=R1:10", "--rate-limit-resource=R2:5:0"),
        *("--cuda-memory-pool-byte-size=0:1024", "--model-load-gpu-limit=0:0.5"),
        *("--log-verbose=1", "--log-info", "--log-warning=false", "--strict-readiness=0"),
        *("--http-thread-count=3", "--grpc-keepalive-time=1000", "--allow-metrics=false"),
        *("--http-port=9000", "--grpc-address=127.0.0.1", "--drain-timeout=1.5"),
    )
    assert found.core == {
        "model_control_mode": "explicit",
        "startup_models": ["a", "b"],
        "backend_configuration": {"python": {"shm-default-byte-size": "1048576", "x": "y"}},
        "metrics_configuration": {"": {"summary_latencies": "true"}},
        "rate_limiter_mode": "EXEC_COUNT",
        "rate_limiter_resources": [["R1", 10, -1], ["R2", 5, 0]],
        "cuda_memory_pool_sizes": {"0": 1024},
        "model_load_device_limits": [[0, 0.5]],
        "log_verbose": 1,
        "log_info": True,
        "log_warn": False,
        "log_error": True,
        "strict_readiness": False,
        "metrics": False,
    }
    assert found.frontends["http"] == {"thread_count": 3}
    assert found.frontends["grpc"] == {"keepalive_time_ms": 1000}
    assert found.http.port == 9000
    assert found.grpc.address == "127.0.0.1"
    assert not found.metrics.enabled
    assert found.timeouts.drain == 1.5


@pytest.mark.parametrize(
    "flag",
    [
        "--backend-config=python",
        "--backend-config=x=y",
        "--backend-config=python,=y",
        "--cuda-memory-pool-byte-size=x:1",
        "--cuda-memory-pool-byte-size=0",
        "--model-load-gpu-limit=0:much",
        "--rate-limit-resource=R1",
        "--rate-limit-resource=R1:x",
        "--rate-limit-resource=:1",
        "--rate-limit-resource=a:1:2:3",
    ],
)
def test_malformed_items_name_the_flag(tmp_path: Path, flag: str) -> None:
    with pytest.raises(SpecError) as caught:
        parsed(tmp_path, flag)
    assert caught.value.field == flag.split("=")[0]


@pytest.mark.parametrize(("drain", "grace"), [("30", 1000), ("2", 200)])
def test_drain_graces_of_every_port(tmp_path: Path, drain: str, grace: int) -> None:
    """A tenth of the drain limit at most, for gRPC on the HTTP port as on its own; flags win."""
    flags = ["--grpc-on-http-port", f"--drain-timeout={drain}"]
    made = told(parsed(tmp_path, *flags))
    assert made["http"]["drain_grace_ms"] == grace
    assert made["http"]["grpc"]["stream_drain_grace_ms"] == grace
    assert told(parsed(tmp_path, flags[1]))["grpc"]["stream_drain_grace_ms"] == grace
    made = told(parsed(tmp_path, *flags, "--grpc-stream-drain-grace=7", "--http-drain-grace=8"))
    assert made["http"]["drain_grace_ms"] == 8
    assert made["http"]["grpc"]["stream_drain_grace_ms"] == 7


def told(made: ServeOptions) -> Any:
    """Options of the frontends of a worker."""
    inherited: dict[str, dict[str, Any]] = {port.name: {} for port in made.worker_ports}
    return make_worker_spec(made, "r", 0, 1, Device("cpu", 0), inherited, 3).frontends


def test_worker_spec_round_trip() -> None:
    spec = worker_spec()
    assert WorkerSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"device": {}}', "\x00"])
def test_worker_spec_that_is_none(text: str) -> None:
    with pytest.raises(SpecError, match="worker spec"):
        WorkerSpec.from_json(text)


def test_worker_spec_of_another_version() -> None:
    with pytest.raises(SpecError, match="version 99"):
        WorkerSpec.from_json(worker_spec(version=99).to_json())


def test_generations_do_not_share_a_prefix() -> None:
    assert not shm_prefix("tfe", "r", 1, 10).startswith(shm_prefix("tfe", "r", 1, 1))
    assert not shm_prefix("tfe", "r", 11, 0).startswith(shm_prefix("tfe", "r", 1, 1))
