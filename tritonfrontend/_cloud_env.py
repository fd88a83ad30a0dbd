"""What the environment of a SageMaker or Vertex AI container says, as options.

The variables are those of Triton's frontends and of the start script in its container images. An
empty variable counts as not set. Everything here is pure: functions of a mapping, `os.environ` by
default, that raise InvalidArgumentError naming the variable.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from typing import Any

from .errors import InvalidArgumentError

__all__ = [
    "check_safe_ports",
    "sagemaker_arguments",
    "sagemaker_options",
    "vertex_ai_arguments",
    "vertex_ai_options",
]

_SINGLE_MODEL_REPOSITORY = "/opt/ml/model"  # where SageMaker unpacks the model of an endpoint
_PREFIX = "SAGEMAKER_TRITON_"
_DECIMAL = re.compile(r"\s*[0-9]{1,10}\s*")

# Flags of `serve` that take the value of a variable as it is; the variables begin with _PREFIX.
_SAGEMAKER_FLAGS = {
    "THREAD_COUNT": "--sagemaker-thread-count",
    "GRPC_PORT": "--grpc-port",
    "METRICS_PORT": "--metrics-port",
    "BUFFER_MANAGER_THREAD_COUNT": "--buffer-manager-thread-count",
    "LOG_INFO": "--log-info",
    "LOG_WARNING": "--log-warning",
    "LOG_ERROR": "--log-error",
    "MODEL_LOAD_GPU_LIMIT": "--model-load-gpu-limit",
    "DEFAULT_MODEL_NAME": "--sagemaker-default-model",
    "INFERENCE_TYPE": "--sagemaker-inference-type",
}
# Settings of backends: variable, setting, value of Triton's start script.
_BACKEND_SETTINGS = (
    ("SHM_DEFAULT_BYTE_SIZE", "python,shm-default-byte-size", "16777216"),
    ("SHM_GROWTH_BYTE_SIZE", "python,shm-growth-byte-size", "1048576"),
    ("TENSORFLOW_VERSION", "tensorflow,version", ""),
)


def sagemaker_options(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Keyword arguments for `SageMaker.Options`.

    SAGEMAKER_TRITON_PING_MODE            ping_mode: "live", anything else is "ready"
    SAGEMAKER_TRITON_DEFAULT_MODEL_NAME   default_model
    SAGEMAKER_TRITON_INFERENCE_TYPE       inference_type
    SAGEMAKER_BIND_TO_PORT                port
    SAGEMAKER_TRITON_THREAD_COUNT         thread_count
    """
    env = _Environment(environ)
    options: dict[str, Any] = {}
    if mode := env.text(_PREFIX + "PING_MODE"):
        options["ping_mode"] = "live" if mode == "live" else "ready"
    if model := env.text(_PREFIX + "DEFAULT_MODEL_NAME"):
        options["default_model"] = model
    if kind := env.text(_PREFIX + "INFERENCE_TYPE"):
        options["inference_type"] = kind
    if (port := env.port("SAGEMAKER_BIND_TO_PORT")) is not None:
        options["port"] = port
    if (threads := env.natural(_PREFIX + "THREAD_COUNT")) is not None:
        options["thread_count"] = threads
    return options


def vertex_ai_options(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Keyword arguments for `VertexAI.Options`: AIP_HTTP_PORT (port), AIP_PREDICT_ROUTE
    (predict_route) and AIP_HEALTH_ROUTE (health_route)."""
    env = _Environment(environ)
    options: dict[str, Any] = {}
    if (port := env.port("AIP_HTTP_PORT")) is not None:
        options["port"] = port
    if route := env.text("AIP_PREDICT_ROUTE"):
        options["predict_route"] = route
    if route := env.text("AIP_HEALTH_ROUTE"):
        options["health_route"] = route
    return options


def sagemaker_arguments(
    environ: Mapping[str, str] | None = None, *, empty_repository: str
) -> list[str]:
    """Arguments of `tritonfrontend serve` for a SageMaker container; put explicit ones behind.

    SAGEMAKER_MULTI_MODEL=true serves models that POST /models names: explicit model control,
    liveness at /ping, and `empty_repository` (an empty folder) as the model repository, which is
    /opt/ml/model otherwise. HTTP is off; gRPC and metrics are off unless
    SAGEMAKER_TRITON_ALLOW_GRPC and SAGEMAKER_TRITON_ALLOW_METRICS are true.
    SAGEMAKER_TRITON_OVERRIDE_PING_MODE wins over everything about /ping,
    SAGEMAKER_TRITON_ADDITIONAL_ARGS comes last. See `_SAGEMAKER_FLAGS` and `_BACKEND_SETTINGS` for
    the others, and `check_safe_ports` for SAGEMAKER_SAFE_PORT_RANGE.
    """
    env = _Environment(environ)
    multi_model = env.flag("SAGEMAKER_MULTI_MODEL", False)
    repository = empty_repository if multi_model else _SINGLE_MODEL_REPOSITORY
    arguments = [
        "--allow-sagemaker=true",
        "--allow-http=false",
        f"--model-repository={repository}",
        "--model-control-mode=explicit",
        f"--sagemaker-ping-mode={_ping_mode(env, multi_model)}",
    ]
    if not multi_model:
        # What explicit control does not load by itself.
        arguments.append(f"--load-model={env.text(_PREFIX + 'DEFAULT_MODEL_NAME') or '*'}")
    for service in ("grpc", "metrics"):
        allowed = env.flag(f"{_PREFIX}ALLOW_{service.upper()}", False)
        arguments.append(f"--allow-{service}={str(allowed).lower()}")
    if (port := env.port("SAGEMAKER_BIND_TO_PORT")) is not None:
        arguments.append(f"--sagemaker-port={port}")
    namespacing = not env.flag(_PREFIX + "DISABLE_MODEL_NAMESPACING", False)
    arguments.append(f"--model-namespacing={str(namespacing).lower()}")
    verbose = env.text(_PREFIX + "LOG_VERBOSE")
    if verbose:
        arguments.append(f"--log-verbose={_verbosity(env)}")
    for name, argument in _SAGEMAKER_FLAGS.items():
        if value := env.text(_PREFIX + name):
            arguments.append(f"{argument}={value}")
    for name, setting, default in _BACKEND_SETTINGS:
        if value := env.text(_PREFIX + name) or default:
            arguments.append(f"--backend-config={setting}={value}")
    return [*arguments, *_additional(env)]


def vertex_ai_arguments(environ: Mapping[str, str] | None = None) -> list[str]:
    """Arguments of `tritonfrontend serve` for a Vertex AI container; put explicit ones behind.

    Empty unless AIP_MODE is PREDICTION, which turns Vertex AI on and HTTP and gRPC off.
    AIP_STORAGE_URI is the model repository; leave it out where the caller has one. The routes come
    from `vertex_ai_options`.
    """
    env = _Environment(environ)
    if env.text("AIP_MODE") != "PREDICTION":
        return []
    arguments = ["--allow-vertex-ai=true", "--allow-http=false", "--allow-grpc=false"]
    if (port := env.port("AIP_HTTP_PORT")) is not None:
        arguments.append(f"--vertex-ai-port={port}")
    if uri := env.text("AIP_STORAGE_URI"):
        arguments.append(f"--model-repository={uri}")
    return arguments


def check_safe_ports(safe_range: str, ports: Mapping[str, int]) -> None:
    """Whether the ports of the services beside SageMaker's lie in SAGEMAKER_SAFE_PORT_RANGE.

    safe_range: "<lowest>-<highest>". ports: by the name of the service, as messages call it
    ("HTTP", "GRPC", "Metrics"). Raises InvalidArgumentError, in Triton's words for a port outside.
    """
    found = re.fullmatch(r"\s*([0-9]{1,5})\s*-\s*([0-9]{1,5})\s*", safe_range)
    low, high = (int(found[1]), int(found[2])) if found else (1, 0)
    if not 0 <= low <= high <= 65535:
        raise InvalidArgumentError(
            f"SAGEMAKER_SAFE_PORT_RANGE: expected <lowest>-<highest>, got {safe_range!r}"
        )
    for service, port in ports.items():
        if not low <= port <= high:
            raise InvalidArgumentError(
                f"The server cannot listen to {service} requests at port {port}, allowed port "
                f"range is [{low}, {high}]"
            )


class _Environment:
    """Typed look-ups in a mapping of strings."""

    def __init__(self, environ: Mapping[str, str] | None) -> None:
        self._values = os.environ if environ is None else environ

    def text(self, name: str) -> str:
        return self._values.get(name, "")

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name).strip().lower()
        if value in ("true", "on", "1", "yes"):
            return True
        if value in ("false", "off", "0", "no"):
            return False
        if not value:
            return default
        raise InvalidArgumentError(f"{name}: invalid value for bool option: {self.text(name)}")

    def natural(self, name: str) -> int | None:
        value = self.text(name)
        if not value:
            return None
        if not _DECIMAL.fullmatch(value):
            raise InvalidArgumentError(f"{name}: Invalid option value. Got {value}")
        return int(value)

    def port(self, name: str) -> int | None:
        number = self.natural(name)
        if number is not None and number > 65535:
            raise InvalidArgumentError(
                f"{name}: Provided option value is out of bound. Got {number}"
            )
        return number


def _ping_mode(env: _Environment, multi_model: bool) -> str:
    wanted = env.text(_PREFIX + "OVERRIDE_PING_MODE") or env.text(_PREFIX + "PING_MODE")
    if not wanted:
        return "live" if multi_model else "ready"
    return "live" if wanted == "live" else "ready"


def _verbosity(env: _Environment) -> int:
    """The start script takes a bool; the flag is a number, which is accepted too."""
    name = _PREFIX + "LOG_VERBOSE"
    number = _DECIMAL.fullmatch(env.text(name))
    return int(number[0]) if number else int(env.flag(name, False))


def _additional(env: _Environment) -> list[str]:
    name = _PREFIX + "ADDITIONAL_ARGS"
    try:
        return shlex.split(env.text(name))
    except ValueError as error:
        raise InvalidArgumentError(f"{name}: {error}") from None
