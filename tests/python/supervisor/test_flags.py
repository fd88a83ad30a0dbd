"""Every option of a frontend has a flag of `serve`, and flags reach the options they name."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tritonfrontend import KServeGrpc, KServeHttp, SageMaker, VertexAI
from tritonfrontend.supervisor.options import flags, platform, serve_flags
from tritonfrontend.supervisor.options.spec import ServeOptions, SpecError

# The supervisor makes the sockets: address and port are flags of it, sharing is its design.
SUPERVISORS = {
    "address",
    "port",
    "reuse_port",
    "fd",
    "inbox_fd",
    "heartbeat_fd",
    "heartbeat_offset",
    "handoff_peers",
}


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    flags.add(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("target", "frontend"),
    [
        ("http", KServeHttp),
        ("grpc", KServeGrpc),
        ("sagemaker", SageMaker),
        ("vertex-ai", VertexAI),
    ],
)
def test_every_option_has_a_flag(target: str, frontend: Any) -> None:
    shared = target not in ("http", "grpc")
    offered = {
        flag.key
        for flag in flags.FLAGS
        if flag.target == target
        or (shared and flag.shared)
        or (target == "grpc" and flag.everywhere)
    }
    fields = {field.name for field in dataclasses.fields(frontend.Options)} - SUPERVISORS
    assert fields - offered == set()
    assert offered - fields == set(), "flags without an option"


def test_shared_flags_reach_all_http_frontends() -> None:
    arguments = parse(
        "--http-max-input-size=1000", "--http-thread-count=3", "--http-cors-allow-origin=*"
    )
    assert flags.collect(arguments, "http") == {
        "max_input_size": 1000,
        "thread_count": 3,
        "cors_allow_origins": ["*"],
    }
    assert flags.collect(arguments, "sagemaker") == {
        "max_input_size": 1000,
        "cors_allow_origins": ["*"],
    }
    assert flags.collect(arguments, "grpc") == {}


def test_client_shared_memory_is_allowed_everywhere_or_nowhere() -> None:
    arguments = parse("--allow-client-shm=true")
    for target in flags.FRONTENDS:
        assert flags.collect(arguments, target) == {"allow_client_shm": True}


def test_restricted_protocols_add_up() -> None:
    rules = ["health:admin=a", "inference,metadata:user=u"]
    arguments = parse(*(f"--grpc-restricted-protocol={rule}" for rule in rules))
    assert flags.collect(arguments, "grpc") == {"restricted_protocols": rules}


def test_header_pattern_ignores_case_as_on_the_command_line_of_triton() -> None:
    arguments = parse("--http-header-forward-pattern=x-.*")
    pattern = flags.collect(arguments, "http")["header_forward_pattern"]
    assert pattern == "(?i)x-.*"
    arguments = parse("--grpc-header-forward-pattern=x-.*")
    assert flags.collect(arguments, "grpc") == {"forward_header_pattern": "(?i)x-.*"}


def test_trace_settings_are_pairs() -> None:
    arguments = parse(
        "--trace-config=triton,file=/t", "--trace-config=rate=1", "--trace-config=level=TIMESTAMPS"
    )
    assert flags.collect(arguments, "trace")["config"] == [
        ["triton,file", "/t"],
        ["rate", "1"],
        ["level", "TIMESTAMPS"],
    ]
    with pytest.raises(SpecError, match="--trace-config"):
        flags.collect(parse("--trace-config=rate"), "trace")


def test_grpc_on_the_http_port(tmp_path: Path) -> None:
    def options(*arguments: str) -> ServeOptions:
        command = [f"--model-repository={tmp_path}", *arguments]
        return serve_flags.serve_options(serve_flags.parser().parse_args(command))

    made = options("--grpc-on-http-port", "--grpc-reflection", "--http-thread-count=3")
    assert made.frontends["http"] == {"thread_count": 3, "grpc": {"reflection": True}}
    assert [port.name for port in made.worker_ports] == ["http"]
    made = options("--grpc-on-http-port=false")
    assert made.frontends["http"] == {}
    assert [port.name for port in made.worker_ports] == ["http", "grpc"]
    for name in ("http", "grpc"):
        with pytest.raises(SpecError, match=f"needs --allow-{name}=true"):
            options("--grpc-on-http-port", f"--allow-{name}=false")


def test_platform_arguments_come_before_those_of_the_user() -> None:
    environ = {"AIP_MODE": "PREDICTION", "AIP_HTTP_PORT": "9001", "AIP_STORAGE_URI": "gs://b/m"}
    found = platform.arguments(environ, [])
    assert "--vertex-ai-port=9001" in found
    assert "--model-repository=gs://b/m" in found
    assert "--model-repository=gs://b/m" not in platform.arguments(
        environ, ["--model-repository", "/m"]
    )
    assert platform.arguments(environ, ["--platform=none"]) == []
    assert platform.arguments({}, []) == []
    assert "--allow-vertex-ai=true" in platform.arguments({}, ["--platform", "vertex-ai"])


def test_sagemaker_has_to_be_named() -> None:
    environ = {"SAGEMAKER_MULTI_MODEL": "true"}
    assert platform.arguments(environ, []) == []
    found = platform.arguments(environ, ["--platform=sagemaker"])
    assert "--allow-sagemaker=true" in found
    with pytest.raises(SpecError, match="SAGEMAKER_BIND_TO_PORT"):
        platform.arguments({"SAGEMAKER_BIND_TO_PORT": "x"}, ["--platform=sagemaker"])


def test_ports_outside_of_the_safe_range(tmp_path: Path) -> None:
    arguments = serve_flags.parser().parse_args(
        [f"--model-repository={tmp_path}", "--allow-sagemaker", "--http-port=9000"]
    )
    options = serve_flags.serve_options(arguments)
    platform.check_ports(options, "")
    with pytest.raises(SpecError, match="HTTP requests at port 9000"):
        platform.check_ports(options, "8000-8100")
