"""Life of a server: start, stop, start again, models that come and go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.models import identity, write_model, write_repository

from tritonfrontend.inprocess import (
    InvalidArgumentError,
    LogLevel,
    LogMessage,
    Metric,
    MetricFamily,
    MetricKind,
    ModelControlMode,
    Options,
    Server,
    TritonError,
    UnavailableError,
    UnsupportedError,
)

ONES = {"INPUT0": np.ones(1, np.float32)}


@pytest.fixture
def repository(tmp_path: Path, backends_dir: Path) -> Path:
    return write_repository(tmp_path / "models", [identity("FP32"), identity("INT32")])


def test_documented_start(repository: Path) -> None:
    server = Server(Options(server_id="Example", model_repository=str(repository)))
    assert server.start(wait_until_ready=True) is server
    assert server.live()
    assert server.ready()
    assert server.metadata()["name"] == "Example"
    with pytest.raises(InvalidArgumentError, match="Server already started"):
        server.start()
    server.stop()
    with pytest.raises(InvalidArgumentError, match="Server not started"):
        server.ready()
    with pytest.raises(InvalidArgumentError, match="Server not started"):
        server.stop()


def test_restart_and_context_manager(repository: Path) -> None:
    server = Server(model_repository=repository)
    for _ in range(2):
        with server as entered:
            assert entered is server
            assert server.ready()
            list(server.model("identity_fp32").infer(inputs=ONES))
    with server.start() as again:
        assert again.live()
    with server:
        server.stop()


def test_context_manager_keeps_the_error(repository: Path) -> None:
    error = KeyError("mine")
    with pytest.raises(KeyError) as caught, Server(model_repository=str(repository)):
        raise error
    assert caught.value is error


def test_bad_repositories(tmp_path: Path) -> None:
    wrong: list[Any] = [[], str(tmp_path / "missing")]
    for repository in wrong:
        server = Server(model_repository=repository)
        with pytest.raises(TritonError):
            server.start()
        with pytest.raises(InvalidArgumentError, match="Server not started"):
            server.live()
    with pytest.raises(InvalidArgumentError, match="Model repository must be specified"):
        Server(model_repository=None).start()


def test_a_model_that_does_not_load(repository: Path) -> None:
    broken = repository / "broken" / "1"
    broken.mkdir(parents=True)
    (broken.parent / "config.pbtxt").write_text('backend: "no_such_backend"\n')
    with pytest.raises(TritonError, match="failed to load all models"):
        Server(model_repository=str(repository)).start()
    with Server(model_repository=str(repository), exit_on_error=False).start() as server:
        models = server.models()
        reason = next(model.reason for key, model in models.items() if key[0] == "broken")
        assert reason
        assert server.model("identity_fp32").ready()


def test_timeout_before_ready(repository: Path) -> None:
    (repository / "broken" / "1").mkdir(parents=True)
    (repository / "broken" / "config.pbtxt").write_text('backend: "no_such_backend"\n')
    server = Server(model_repository=str(repository), exit_on_error=False)
    with pytest.raises(UnavailableError, match="Timeout before ready"):
        server.start(wait_until_ready=True, polling_interval=0.01, timeout=0.05)
    assert server.live()
    server.stop()


def test_models_dictionary(repository: Path) -> None:
    with Server(model_repository=str(repository)) as server:
        models = server.models()
        assert set(models) == {("identity_fp32", 1), ("identity_int32", 1)}
        stored = models[("identity_fp32", 1)]
        assert (stored.name, stored.version, stored.state) == ("identity_fp32", 1, "READY")
        assert models["identity_fp32"].version == -1
        assert "identity_fp32" not in models
        with pytest.raises(KeyError, match="Unknown Model: nothing"):
            models["nothing"]
        with pytest.raises(KeyError):
            models[("identity_fp32", 9)]
        assert len(server.models(exclude_not_ready=True)) == 2


def explicit(repository: Path, **changes: Any) -> Server:
    return Server(
        model_repository=str(repository), model_control_mode=ModelControlMode.EXPLICIT, **changes
    )


def test_load_and_unload(repository: Path) -> None:
    with explicit(repository, startup_models=["identity_int32"]) as server:
        assert not server.model("identity_fp32").ready()
        loaded = server.load("identity_fp32")
        assert loaded.ready()
        server.unload(loaded, wait_until_unloaded=True, timeout=30)
        assert not loaded.ready()
        server.unload("identity_int32", unload_dependents=True, wait_until_unloaded=True)
        assert server.models(exclude_not_ready=True) == {}
        with pytest.raises(TritonError, match="missing"):
            server.load("missing")
        with pytest.raises(UnavailableError):
            server.poll_model_repository()


def test_load_with_a_configuration(repository: Path) -> None:
    config = json.dumps(
        {
            "backend": "identity",
            "max_batch_size": 4,
            "input": [{"name": "INPUT0", "data_type": "TYPE_FP32", "dims": [2]}],
            "output": [{"name": "OUTPUT0", "data_type": "TYPE_FP32", "dims": [2]}],
        }
    )
    with explicit(repository) as server:
        model = server.load("identity_fp32", {"config": config})
        assert model.config()["max_batch_size"] == 4
        model = server.load("identity_fp32", {"config": config, "file:1/note": b"\0\1"})
        assert model.ready()
        with pytest.raises(TritonError):
            server.load("identity_fp32", {"config": "{"})


def test_register_and_unregister(repository: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    write_repository(second, [identity("FP64")])
    with explicit(repository) as server:
        server.register_model_repository(str(second), {"identity_fp64": "renamed"})
        assert server.load("renamed").ready()
        server.unload("renamed", wait_until_unloaded=True, timeout=30)
        server.unregister_model_repository(str(second))
        with pytest.raises(InvalidArgumentError, match="repository not found"):
            server.unregister_model_repository(str(second))
        with pytest.raises(TritonError):
            server.load("renamed")


def test_poll(repository: Path) -> None:
    server = Server(model_repository=str(repository), model_control_mode=ModelControlMode.POLL)
    with server:
        write_model(repository, identity("FP64"))
        server.poll_model_repository()
        assert server.model("identity_fp64").ready()
        shutil.rmtree(repository / "identity_fp64")
        server.poll_model_repository()
        with pytest.raises(UnsupportedError):
            server.register_model_repository(str(repository))


def test_python_backend(python_repository: Path) -> None:
    with Server(model_repository=str(python_repository)) as server:
        (response,) = server.model("echo").infer(inputs={"INPUT0": ["grüß", "dich"]})
        assert response.outputs["OUTPUT0"].to_string_array().tolist() == ["grüß", "dich"]


def test_users_backends_are_joined_by_the_python_backend(
    python_repository: Path, backends_dir: Path
) -> None:
    (python_repository / "identity_fp32" / "libtriton_identity.so").unlink()
    server = Server(model_repository=str(python_repository), backend_directory=str(backends_dir))
    with server:
        assert server.model("echo").ready()
        list(server.model("identity_fp32").infer(inputs=ONES))


def test_python_backend_configuration(python_repository: Path) -> None:
    settings = {"python": {"shm-default-byte-size": "1048576", "stub-timeout-seconds": "30"}}
    with Server(model_repository=str(python_repository), backend_configuration=settings) as server:
        assert server.model("echo").ready()


def test_response_cache(tmp_path: Path, backends_dir: Path) -> None:
    cached = identity("FP32", extra="response_cache { enable: true }")
    repository = write_repository(tmp_path / "cached", [cached])
    with Server(
        model_repository=str(repository), cache_config={"local": {"size": 1048576}}
    ) as server:
        model = server.model("identity_fp32")
        for _ in range(3):
            (response,) = model.infer(inputs=ONES)
            np.testing.assert_array_equal(np.from_dlpack(response.outputs["OUTPUT0"]), [1])
        stats = model.statistics()["model_stats"][0]["inference_stats"]
        assert stats["cache_hit"]["count"] == 2


def test_metrics(server: Server) -> None:
    family = MetricFamily(MetricKind.COUNTER, "own_requests", "Requests of our own")
    metric = Metric(family, {"kind": "test"})
    assert (family.kind, metric.kind) == (MetricKind.COUNTER, MetricKind.COUNTER)
    metric.increment(2.5)
    assert metric.value == 2.5
    assert 'own_requests{kind="test"} 2.5' in server.metrics()
    with pytest.raises(InvalidArgumentError):
        metric.increment(-1)
    with pytest.raises(UnsupportedError):
        metric.set_value(1)
    with pytest.raises(InvalidArgumentError):
        MetricFamily(MetricKind.GAUGE, "own_requests", "another kind")
    gauge = Metric(MetricFamily(MetricKind.GAUGE, "own_level", "A level"))
    gauge.set_value(-3)
    gauge.increment(-1)
    assert gauge.value == -4
    del metric
    assert "own_requests{" not in server.metrics()


def test_log_message(repository: Path, tmp_path: Path, run_script: Any) -> None:
    log = tmp_path / "core.log"
    done = run_script(
        "import sys, tritonserver as t\n"
        "from tritonfrontend.inprocess import LogLevel, LogMessage\n"
        "s = t.Server(model_repository=sys.argv[1], log_file=sys.argv[2], log_info=True).start()\n"
        "LogMessage(LogLevel.INFO, 'hello from python')\n"
        "s.stop()\n",
        repository,
        log,
    )
    assert (done.returncode, done.stderr) == (0, "")
    line = next(line for line in log.read_text().splitlines() if "hello from python" in line)
    assert "script.py:4" in line


def test_log_message_checks_the_level(server: Server) -> None:
    with pytest.raises(InvalidArgumentError, match="level"):
        LogMessage("INFO", "text")  # type: ignore[arg-type]
    LogMessage(LogLevel.VERBOSE, "not shown")


def test_outputs_do_not_hold_a_server_up(repository: Path) -> None:
    server = Server(model_repository=str(repository), exit_timeout=20).start()
    (response,) = server.model("identity_fp32").infer(inputs={"INPUT0": np.arange(3, dtype="f4")})
    array = np.from_dlpack(response.outputs["OUTPUT0"])
    server.stop()
    np.testing.assert_array_equal(array, [0, 1, 2])


def test_models_after_stop(repository: Path) -> None:
    server = Server(model_repository=str(repository)).start()
    model = server.model("identity_fp32")
    server.stop()
    for call in (model.ready, model.metadata, lambda: model.infer(inputs=ONES)):
        with pytest.raises(UnavailableError):
            call()
