"""Settings from flags, environment and file: one precedence, one reading, errors with a place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tritonfrontend import __version__
from tritonfrontend.supervisor.cli.main import main
from tritonfrontend.supervisor.options import serve_flags, settings, toml_file
from tritonfrontend.supervisor.options.spec import Device, ServeOptions, SpecError
from tritonfrontend.supervisor.protocol.worker_spec import WorkerSpec, worker_spec
from tritonfrontend.supervisor.session import validation


def read(tmp_path: Path, *argv: str, file: str = "", **environ: str) -> settings.Settings:
    if file:
        (tmp_path / "serve.toml").write_text(file)
        argv = (*argv, f"--config={tmp_path / 'serve.toml'}")
    return settings.read(argv, environ)


def options(tmp_path: Path, *argv: str, file: str = "", **environ: str) -> ServeOptions:
    argv = (f"--model-repository={tmp_path}", *argv)
    return serve_flags.serve_options(read(tmp_path, *argv, file=file, **environ).arguments)


def test_flag_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = "http-port = 1\ngrpc-port = 1\nmetrics-port = 1\n"
    environ = {"TRITONFRONTEND_HTTP_PORT": "2", "TRITONFRONTEND_GRPC_PORT": "2"}
    found = read(tmp_path, "--http-port=3", file=file, **environ).arguments
    assert (found.http_port, found.grpc_port, found.metrics_port) == (3, 2, 1)
    assert found.sagemaker_port == 8080


def test_list_of_a_higher_source_replaces_the_lower_one(tmp_path: Path) -> None:
    file = 'model-repository = ["/a", "/b"]\nload-model = "m"\n'
    found = read(tmp_path, file=file, TRITONFRONTEND_MODEL_REPOSITORY='["/c", "/d"]').arguments
    assert found.model_repository == ["/c", "/d"]
    found = read(tmp_path, "--model-store=/e", file=file).arguments
    assert found.model_repository == ["/e"]
    assert getattr(found, "core.startup_models") == ["m"]


def test_platform_stands_between_environment_and_file(tmp_path: Path) -> None:
    vertex = {"AIP_MODE": "PREDICTION", "AIP_HTTP_PORT": "9001", "AIP_STORAGE_URI": "gs://b/m"}
    found = read(tmp_path, file="vertex-ai-port = 1", **vertex).arguments
    assert found.vertex_ai_port == 9001
    assert found.model_repository == ["gs://b/m"]
    found = read(tmp_path, **vertex, TRITONFRONTEND_VERTEX_AI_PORT="2").arguments
    assert found.vertex_ai_port == 2
    found = read(tmp_path, file='platform = "none"', **vertex).arguments
    assert found.vertex_ai_port == 8080
    found = read(tmp_path, file='model-repository = "/mine"', **vertex).arguments
    assert found.model_repository == ["gs://b/m"]
    assert read(tmp_path, "--platform=sagemaker").arguments.allow_sagemaker is True


def test_values_of_every_kind(tmp_path: Path) -> None:
    file = """
        allow-grpc = false
        drain-timeout = 1.5
        cuda-memory-pool-byte-size = { 0 = 1024 }
        model-load-gpu-limit = { 0 = 0.5 }
        http-cors-allow-origin = ["https://a", "https://b"]
        trace-config = { rate = 1, "triton,file" = "/t" }
        [backend-config.python]
        shm-default-byte-size = 1048576
        [metrics-config]
        counter_latencies = true
    """
    made = options(tmp_path, file=file)
    assert not made.grpc.enabled
    assert made.timeouts.drain == 1.5
    assert made.core["cuda_memory_pool_sizes"] == {"0": 1024}
    assert made.core["model_load_device_limits"] == [[0, 0.5]]
    assert made.core["backend_configuration"] == {"python": {"shm-default-byte-size": "1048576"}}
    assert made.core["metrics_configuration"] == {"": {"counter_latencies": "true"}}
    assert made.frontends["http"]["cors_allow_origins"] == ["https://a", "https://b"]
    assert made.trace == (("rate", "1"), ("triton,file", "/t"))


@pytest.mark.parametrize(
    ("text", "value"), [("auto", "auto"), ("AUTO", "auto"), ("0", 0.0), ("12.5", 12.5)]
)
def test_time_or_auto(tmp_path: Path, text: str, value: float | str) -> None:
    """On its way to a worker, too."""
    assert options(tmp_path).model_hang_timeout == "auto"
    sources = [
        options(tmp_path, f"--model-hang-timeout={text}"),
        options(tmp_path, TRITONFRONTEND_MODEL_HANG_TIMEOUT=text),
        options(tmp_path, file=f"model-hang-timeout = {text if text[0].isdigit() else repr(text)}"),
    ]
    for made in sources:
        assert made.model_hang_timeout == value
        spec = worker_spec(made, "run", 0, 1, Device("cpu", 0), {}, 3)
        assert WorkerSpec.from_json(spec.to_json()).model_hang_timeout == value


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("http_port = 1", "http_port: there is no such setting; did you mean http-port?"),
        ("http-prot = 1", "http-prot: there is no such setting; did you mean http-port?"),
        ("http-prot = true", "http-prot: there is no such setting; did you mean http-port?"),
        ("zzz = 1", "zzz: there is no such setting"),
        ("help = 1", "help: there is no such setting"),
        ("http-port = true", "http-port: takes neither true nor false"),
        ("http-port = 1.5", "http-port: '1.5' is not a whole number >= 0"),
        ("http-port = [1]", "http-port: takes one value, not a list"),
        ("http-port = {a = 1}", "http-port: takes no table"),
        ("allow-http = 'perhaps'", "allow-http: 'perhaps' is neither true nor false"),
        ("platform = 'moon'", "platform: 'moon' is not one of auto, none, sagemaker, vertex-ai"),
        ("load-model = [1979-05-27]", "is neither a string nor a number nor true or false"),
        ("load-model = {a = 1}", "load-model: takes no table"),
        ("rate-limit = 'x'", "rate-limit: 'x' is not one of off, execution_count"),
        (
            "model-hang-timeout = 'never'",
            "model-hang-timeout: 'never' is not a number of seconds from 0 to 1e7, nor auto",
        ),
        ("config = 'x'", "config: a file cannot name another one"),
        ("=", "line 1"),
    ],
)
def test_errors_of_a_file_name_file_and_key(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(SpecError, match=re.escape(problem)) as caught:
        read(tmp_path, file=line)
    assert "serve.toml: " in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("HTTP_PORT", "x", "'x' is not a whole number >= 0"),
        ("HTTP_PROT", "1", "there is no such setting; did you mean http-port?"),
        ("MODEL_REPOSITORY", "[1", "'[1' is not a JSON array"),
        ("MODEL_REPOSITORY", "[[]]", "[] is neither a string nor a number"),
    ],
)
def test_errors_of_the_environment_name_the_variable(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    with pytest.raises(SpecError, match=re.escape(f"TRITONFRONTEND_{name}: {problem}")):
        read(tmp_path, **{f"TRITONFRONTEND_{name}": text})


def test_variables_that_are_no_settings(tmp_path: Path) -> None:
    """Empty ones, those of the tests, and those of Kubernetes for a service of our name."""
    environ = {
        "TRITONFRONTEND_LIBRARY": "/lib",
        "TRITONFRONTEND_TEST_BACKENDS": "/b",
        "TRITONFRONTEND_HTTP_PORT": "",
        "TRITONFRONTEND_PORT": "tcp://10.0.0.1:8000",
        "TRITONFRONTEND_GRPC_PORT": "tcp://10.0.0.1:8000",
        "TRITONFRONTEND_SERVICE_HOST": "10.0.0.1",
        "TRITONFRONTEND_SERVICE_PORT_HTTP": "8000",
        "TRITONFRONTEND_PORT_8000_TCP_ADDR": "10.0.0.1",
        "OTHER": "1",
    }
    found = read(tmp_path, **environ)
    assert found.places == {}
    assert found.arguments.http_port == 8000


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError) as caught:
        read(tmp_path, file="http-port = -1\nfoo = 1", TRITONFRONTEND_GRPC_PORT="x")
    assert len(caught.value.problems) == len(str(caught.value).splitlines()) == 3


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"--config: /none\.toml: No such file"):
        settings.read(["--config=/none.toml"], {})
    with pytest.raises(SpecError, match="Is a directory"):
        settings.read([], {"TRITONFRONTEND_CONFIG": str(tmp_path)})
    with pytest.raises(SpecError, match="larger than"):
        read(tmp_path, file="#" * (toml_file.MAX_BYTES + 1))
    (tmp_path / "latin.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(SpecError, match=r"latin\.toml"):
        settings.read([f"--config={tmp_path / 'latin.toml'}"], {})


def refused(capsys: Any, *argv: str) -> str:
    assert main(["serve", *argv]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    return str(err)


def test_later_checks_name_the_place_too(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only makes sense together, and what a frontend itself would refuse."""
    file = tmp_path / "serve.toml"
    file.write_text(f"model-repository = '{tmp_path}'\nhttp-port = 8001\n")
    text = refused(capsys, f"--config={file}")
    assert text == "error: --grpc-port: 8001 is also the http port\n"
    file.write_text("model-repository = '/nowhere'")
    text = refused(capsys, f"--config={file}")
    assert text == f"error: {file}: model-repository: '/nowhere' is not a directory\n"
    monkeypatch.setenv("TRITONFRONTEND_HTTP_MAX_HEADER_SIZE", "1")
    text = refused(capsys, f"--model-repository={tmp_path}")
    assert text.startswith("error: TRITONFRONTEND_HTTP_MAX_HEADER_SIZE: expected an integer in")


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        ("--http-max-header-size=1", "--http-max-header-size"),
        ("--grpc-http2-max-ping-strikes=99999999999", "--grpc-http2-max-ping-strikes"),
        ("--http-restricted-api=foo:a=b", "--http-restricted-api"),
        ("--http-header-forward-pattern=(", "--http-header-forward-pattern"),
    ],
)
def test_frontends_are_checked_before_anything_starts(tmp_path: Path, flag: str, name: str) -> None:
    with pytest.raises(SpecError, match=f"^{name}: "):
        validation.check(options(tmp_path, flag))
    validation.check(options(tmp_path, "--grpc-on-http-port"))


def test_unknown_flags_are_refused_with_the_nearest(capsys: Any) -> None:
    for argv, problem in (
        (["--http-prot=1"], "--http-prot: there is no such setting; did you mean --http-port?"),
        (["x"], "unrecognized argument 'x'"),
        (["--http-port=x"], "argument --http-port: 'x' is not a whole number"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(["serve", *argv])
        assert caught.value.code == 2
        assert problem in capsys.readouterr().err


def test_help_has_one_line_with_a_default_for_every_flag() -> None:
    text = serve_flags.parser().format_help()
    parser = serve_flags.parser()
    flags: Mapping[str, Any] = parser._option_string_actions
    for name, action in flags.items():
        if not name.startswith("--") or action.help == "==SUPPRESS==":
            continue
        (line,) = (
            line
            for line in text.splitlines()
            if re.search(rf"^  (\S+ (\S+, )?)?{name}(?![\w-])", line)
        )
        if name not in ("--help", "--model-repository", "--model-store"):
            assert "default" in line, line
    assert "worker-command" not in text
    for group in ("group of workers:", "deadlines in seconds:", "HTTP frontend:"):
        assert group in text


def test_defaults_in_the_help_can_be_typed() -> None:
    text = serve_flags.parser().format_help()
    told = dict(re.findall(r"^  (--\S+) .*\(default ([^\s:,;)]+)\)$", text, re.MULTILINE))
    assert told["--grpc-infer-response-compression-level"] == "none"
    assert told["--rate-limit"] == "off"
    for name, value in told.items():
        if value != "none" or name == "--grpc-infer-response-compression-level":
            settings.read([f"{name}={value}"], {})


def test_help_and_version_of_the_program(capsys: Any) -> None:
    for argv, expected in (
        (["--version"], f"tritonfrontend {__version__}\n"),
        (["wait-ready", "--help"], "Wait until enough workers serve. Exit codes: 0 "),
    ):
        with pytest.raises(SystemExit) as caught:
            main(argv)
        assert caught.value.code == 0
        assert expected in capsys.readouterr().out
