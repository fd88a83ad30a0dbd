"""Options of the SageMaker and Vertex AI frontends, and what a container's environment says."""

from __future__ import annotations

from typing import Any

import pytest

from tritonfrontend import InvalidArgumentError, SageMaker, VertexAI
from tritonfrontend._cloud_env import (
    check_safe_ports,
    sagemaker_arguments,
    vertex_ai_arguments,
)

ROUTES = {"predict_route": "/predict", "health_route": "/health"}
EMPTY = "/var/empty"


def test_sagemaker_defaults() -> None:
    options = SageMaker.Options()
    assert (options.port, options.thread_count, options.max_input_size) == (8080, 8, 67108864)
    assert (options.ping_mode, options.inference_type) == ("ready", "infer")
    assert options.default_model == "unspecified_SAGEMAKER_TRITON_DEFAULT_MODEL_NAME"
    assert (options.models_root, options.unload_timeout_s) == ("/opt/ml/models", 350.0)
    assert SageMaker.Server is SageMaker


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ping_mode", "alive"),
        ("models_root", "models"),
        ("models_root", ""),
        ("unload_timeout_s", -1),
        ("unload_timeout_s", float("nan")),
        ("port", 65536),
        ("restricted_api", ["ping:a=b"]),
    ],
)
def test_sagemaker_refuses(field: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError):
        SageMaker.Options(**{field: value})  # type: ignore[arg-type]


def test_the_inference_type_is_told_in_tritons_words() -> None:
    with pytest.raises(
        InvalidArgumentError,
        match=r"Server has invalid inference type 'chat'\. "
        r"Must be one of: infer, generate, generate_stream\.",
    ):
        SageMaker.Options(inference_type="chat")


def test_vertex_ai_defaults() -> None:
    options = VertexAI.Options(**ROUTES)  # type: ignore[arg-type]
    assert (options.port, options.thread_count, options.default_model) == (8080, 8, "")
    assert VertexAI.Server is VertexAI


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        ("predict_route", "API_PREDICT_ROUTE is not defined for Vertex AI endpoint"),
        ("health_route", "AIP_HEALTH_ROUTE is not defined for Vertex AI endpoint"),
    ],
)
def test_vertex_ai_needs_its_routes(missing: str, text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=text):
        VertexAI.Options(**(ROUTES | {missing: ""}))  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=rf"{missing}: expected a path"):
        VertexAI.Options(**(ROUTES | {missing: "x"}))  # type: ignore[arg-type]


def test_vertex_ai_routes_differ() -> None:
    with pytest.raises(InvalidArgumentError, match="must differ"):
        VertexAI.Options(predict_route="/a", health_route="/a")


def test_frontends_without_a_server() -> None:
    with pytest.raises(InvalidArgumentError, match="server: expected a started"):
        SageMaker(None)
    with pytest.raises(InvalidArgumentError, match="API_PREDICT_ROUTE"):
        VertexAI(None)


def test_sagemaker_from_an_environment() -> None:
    environ = {
        "SAGEMAKER_TRITON_PING_MODE": "live",
        "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "net",
        "SAGEMAKER_TRITON_INFERENCE_TYPE": "generate",
        "SAGEMAKER_TRITON_THREAD_COUNT": "3",
        "SAGEMAKER_BIND_TO_PORT": "9090",
        "OTHER": "x",
    }
    options = SageMaker.Options.from_environment(environ)
    assert (options.ping_mode, options.default_model) == ("live", "net")
    assert (options.inference_type, options.thread_count, options.port) == ("generate", 3, 9090)
    assert SageMaker.Options.from_environment({}) == SageMaker.Options()
    assert SageMaker.Options.from_environment(environ, port=1).port == 1
    odd = SageMaker.Options.from_environment({"SAGEMAKER_TRITON_PING_MODE": "odd"})
    assert odd.ping_mode == "ready"


def test_vertex_ai_from_an_environment() -> None:
    environ = {
        "AIP_HTTP_PORT": "9090",
        "AIP_PREDICT_ROUTE": "/v1/predict",
        "AIP_HEALTH_ROUTE": "/v1/health",
    }
    options = VertexAI.Options.from_environment(environ, default_model="net")
    assert (options.port, options.default_model) == (9090, "net")
    assert (options.predict_route, options.health_route) == ("/v1/predict", "/v1/health")


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", "1234")
    assert SageMaker.Options.from_environment().port == 1234


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "AIP_HTTP_PORT: Invalid option value. Got x"),
        ("80abc", "AIP_HTTP_PORT: Invalid option value. Got 80abc"),
        ("-1", "AIP_HTTP_PORT: Invalid option value. Got -1"),
        ("70000", "AIP_HTTP_PORT: Provided option value is out of bound. Got 70000"),
    ],
)
def test_a_bad_port_in_the_environment(value: str, text: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        VertexAI.Options.from_environment({"AIP_HTTP_PORT": value})
    assert str(caught.value) == text


def arguments(**environ: str) -> list[str]:
    names = {
        name if name.startswith("SAGEMAKER_") else f"SAGEMAKER_TRITON_{name}": value
        for name, value in environ.items()
    }
    return sagemaker_arguments(names, empty_repository=EMPTY)


def test_arguments_of_a_single_model_container() -> None:
    assert arguments() == [
        "--allow-sagemaker=true",
        "--allow-http=false",
        "--model-repository=/opt/ml/model",
        "--model-control-mode=explicit",
        "--sagemaker-ping-mode=ready",
        "--load-model=*",
        "--allow-grpc=false",
        "--allow-metrics=false",
        "--model-namespacing=true",
        "--backend-config=python,shm-default-byte-size=16777216",
        "--backend-config=python,shm-growth-byte-size=1048576",
    ]


def test_arguments_of_a_multi_model_container() -> None:
    made = arguments(SAGEMAKER_MULTI_MODEL="true", SAGEMAKER_BIND_TO_PORT="9000")
    assert f"--model-repository={EMPTY}" in made
    assert "--sagemaker-ping-mode=live" in made
    assert "--sagemaker-port=9000" in made
    assert not [argument for argument in made if argument.startswith("--load-model")]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"OVERRIDE_PING_MODE": "ready", "SAGEMAKER_MULTI_MODEL": "true"}, "ping-mode=ready"),
        ({"PING_MODE": "live"}, "--sagemaker-ping-mode=live"),
        ({"DEFAULT_MODEL_NAME": "net"}, "--load-model=net"),
        ({"DEFAULT_MODEL_NAME": "net"}, "--sagemaker-default-model=net"),
        ({"INFERENCE_TYPE": "generate"}, "--sagemaker-inference-type=generate"),
        ({"ALLOW_GRPC": "TRUE", "GRPC_PORT": "9001"}, "--grpc-port=9001"),
        ({"ALLOW_GRPC": "1"}, "--allow-grpc=true"),
        ({"ALLOW_METRICS": "on"}, "--allow-metrics=true"),
        ({"THREAD_COUNT": "4"}, "--sagemaker-thread-count=4"),
        ({"DISABLE_MODEL_NAMESPACING": "true"}, "--model-namespacing=false"),
        ({"LOG_VERBOSE": "true"}, "--log-verbose=1"),
        ({"LOG_VERBOSE": "2"}, "--log-verbose=2"),
        ({"LOG_INFO": "true"}, "--log-info=true"),
        ({"SHM_DEFAULT_BYTE_SIZE": "1"}, "--backend-config=python,shm-default-byte-size=1"),
        ({"TENSORFLOW_VERSION": "2"}, "--backend-config=tensorflow,version=2"),
        ({"ADDITIONAL_ARGS": "--id='a b' --log-info"}, "--id=a b"),
    ],
)
def test_arguments_of_variables(environ: dict[str, str], expected: str) -> None:
    assert [item for item in arguments(**environ) if item.endswith(expected)], expected


@pytest.mark.parametrize(
    "environ",
    [
        {"SAGEMAKER_MULTI_MODEL": "maybe"},
        {"SAGEMAKER_BIND_TO_PORT": "x"},
        {"ADDITIONAL_ARGS": "'open"},
        {"LOG_VERBOSE": "loud"},
    ],
)
def test_variables_that_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidArgumentError, match=f"{next(iter(environ))}: "):
        arguments(**environ)


def test_every_argument_is_one_that_serve_knows() -> None:
    from tritonfrontend.supervisor.options import serve_flags

    environ: dict[str, Any] = {
        "ALLOW_GRPC": "true",
        "GRPC_PORT": "9001",
        "METRICS_PORT": "9002",
        "BUFFER_MANAGER_THREAD_COUNT": "2",
        "MODEL_LOAD_GPU_LIMIT": "0:0.5",
        "LOG_WARNING": "true",
        "LOG_ERROR": "true",
        "LOG_INFO": "false",
        "LOG_VERBOSE": "false",
        "DEFAULT_MODEL_NAME": "net",
        "INFERENCE_TYPE": "generate_stream",
        "THREAD_COUNT": "2",
        "SAGEMAKER_BIND_TO_PORT": "9000",
    }
    parser = serve_flags.parser()
    parsed = parser.parse_args([*arguments(**environ)])
    assert parsed.allow_sagemaker is True
    assert parsed.sagemaker_port == 9000
    vertex = vertex_ai_arguments({"AIP_MODE": "PREDICTION", "AIP_HTTP_PORT": "9000"})
    assert parser.parse_args(["--model-repository=/x", *vertex]).vertex_ai_port == 9000


def test_arguments_of_a_vertex_ai_container() -> None:
    assert vertex_ai_arguments({}) == []
    assert vertex_ai_arguments({"AIP_MODE": "TRAINING", "AIP_HTTP_PORT": "x"}) == []
    environ = {
        "AIP_MODE": "PREDICTION",
        "AIP_HTTP_PORT": "9090",
        "AIP_STORAGE_URI": "gs://bucket/models",
    }
    assert vertex_ai_arguments(environ) == [
        "--allow-vertex-ai=true",
        "--allow-http=false",
        "--allow-grpc=false",
        "--vertex-ai-port=9090",
        "--model-repository=gs://bucket/models",
    ]


def test_safe_ports() -> None:
    check_safe_ports("8000-8100", {"GRPC": 8000, "Metrics": 8100})
    with pytest.raises(
        InvalidArgumentError,
        match=r"The server cannot listen to GRPC requests at port 9000, "
        r"allowed port range is \[8000, 8100\]",
    ):
        check_safe_ports("8000-8100", {"Metrics": 8002, "GRPC": 9000})


@pytest.mark.parametrize("text", ["", "8000", "9-1", "1-70000", "a-b", "-1-5"])
def test_bad_safe_ports(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="SAGEMAKER_SAFE_PORT_RANGE: expected"):
        check_safe_ports(text, {})
