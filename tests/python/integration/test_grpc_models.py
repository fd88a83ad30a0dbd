"""gRPC: health, readiness, metadata, statistics and the model repository."""

from __future__ import annotations

from typing import Any

import pytest
from calls import HEALTH, SERVICE, channel, outcome, raw_call
from tritonclient.grpc import service_pb2 as pb

UNKNOWN = "Request for unknown model: 'nope' is not found"
UNKNOWN_VERSION = "Request for unknown model: 'identity_fp32' version 9 is not found"
POLLING = "explicit model load / unload is not allowed if polling is enabled"


def test_server_live_and_ready(triton_stub: Any) -> None:
    assert triton_stub.ServerLive(pb.ServerLiveRequest()).live
    assert triton_stub.ServerReady(pb.ServerReadyRequest()).ready


@pytest.mark.parametrize("service", ["", "inference.GRPCInferenceService", "any"])
def test_health_check(grpc_port: int, service: str) -> None:
    request = b"\x0a" + bytes([len(service)]) + service.encode() if service else b""
    with channel(grpc_port) as opened:
        assert raw_call(opened, HEALTH, request) == b"\x08\x01"  # SERVING


def test_server_metadata(triton_stub: Any) -> None:
    got = triton_stub.ServerMetadata(pb.ServerMetadataRequest())
    assert got.name
    assert got.version
    assert {"classification", "sequence", "binary_tensor_data", "statistics"} <= set(got.extensions)


def test_model_metadata(triton_stub: Any) -> None:
    got = triton_stub.ModelMetadata(pb.ModelMetadataRequest(name="identity_two"))
    assert (got.name, list(got.versions), got.platform) == ("identity_two", ["1"], "identity")
    assert [(t.name, t.datatype, list(t.shape)) for t in got.inputs] == [
        ("INPUT0", "FP32", [-1]),
        ("INPUT1", "BYTES", [-1]),
    ]
    assert [(t.name, t.datatype, list(t.shape)) for t in got.outputs] == [
        ("OUTPUT0", "FP32", [-1]),
        ("OUTPUT1", "BYTES", [-1]),
    ]
    batch = triton_stub.ModelMetadata(pb.ModelMetadataRequest(name="identity_batch"))
    assert list(batch.inputs[0].shape) == [-1, -1]


@pytest.mark.parametrize(
    ("version", "versions"), [("", ["1", "3"]), ("1", ["1"]), ("3", ["3"]), ("003", ["3"])]
)
def test_versions(triton_stub: Any, version: str, versions: list[str]) -> None:
    request = pb.ModelMetadataRequest(name="identity_versions", version=version)
    assert sorted(triton_stub.ModelMetadata(request).versions) == versions


@pytest.mark.parametrize(
    ("name", "version", "text"),
    [
        ("nope", "", UNKNOWN),
        ("", "", "Request for unknown model: '' is not found"),
        ("identity_fp32", "9", UNKNOWN_VERSION),
        ("identity_fp32", "0", "Request for unknown model: 'identity_fp32' version 0 is not found"),
        ("n\u00f6pe\n%x", "", "Request for unknown model: 'n\u00f6pe\n%x' is not found"),
    ],
)
def test_unknown_models(triton_stub: Any, name: str, version: str, text: str) -> None:
    request = pb.ModelMetadataRequest(name=name, version=version)
    assert outcome(lambda: triton_stub.ModelMetadata(request)) == ("NOT_FOUND", text)


VERSIONS = [
    (
        "x",
        "failed to get model version from specified version string 'x' (details: stol), version "
        "should be an "
        "integral value > 0",
    ),
    (
        "99999999999999999999",
        "failed to get model version from specified version string '99999999999999999999' "
        "(details: stol), version should be an integral value > 0",
    ),
    ("-2", "invalid model version specified '-2' , version should be an integral value > 0"),
]


@pytest.mark.parametrize(("version", "text"), VERSIONS)
def test_bad_versions(triton_stub: Any, version: str, text: str) -> None:
    wrong = ("INVALID_ARGUMENT", text)
    name = "identity_fp32"
    metadata = pb.ModelMetadataRequest(name=name, version=version)
    assert outcome(lambda: triton_stub.ModelMetadata(metadata)) == wrong
    ready = pb.ModelReadyRequest(name=name, version=version)
    assert outcome(lambda: triton_stub.ModelReady(ready)) == wrong
    statistics = pb.ModelStatisticsRequest(name=name, version=version)
    assert outcome(lambda: triton_stub.ModelStatistics(statistics)) == wrong
    infer = pb.ModelInferRequest(model_name=name, model_version=version)
    assert outcome(lambda: triton_stub.ModelInfer(infer)) == wrong


def test_model_ready(triton_stub: Any) -> None:
    for version in ("", "1", " 1", "1abc"):
        assert triton_stub.ModelReady(
            pb.ModelReadyRequest(name="identity_fp32", version=version)
        ).ready


@pytest.mark.parametrize(
    ("name", "version", "text"),
    [
        ("nope", "", UNKNOWN),
        ("identity_fp32", "9", UNKNOWN_VERSION),
    ],
)
def test_unknown_model_is_not_ready(triton_stub: Any, name: str, version: str, text: str) -> None:
    # Cores before 2.70 do not tell unknown from not ready.
    answers = []
    request = pb.ModelReadyRequest(name=name, version=version)
    got = outcome(lambda: answers.append(triton_stub.ModelReady(request).ready))
    assert got == ("NOT_FOUND", text) or answers == [False]


def test_statistics(triton_stub: Any) -> None:
    every = triton_stub.ModelStatistics(pb.ModelStatisticsRequest())
    found = {(s.name, s.version) for s in every.model_stats}
    assert {("identity_versions", "1"), ("identity_versions", "3"), ("fixed", "1")} <= found
    (one,) = triton_stub.ModelStatistics(
        pb.ModelStatisticsRequest(name="identity_fp32")
    ).model_stats
    assert one.name == "identity_fp32"
    assert one.HasField("inference_stats")
    assert one.inference_stats.HasField("success")


@pytest.mark.parametrize(
    ("name", "version", "text"),
    [
        ("nope", "", "requested model 'nope' is not available"),
        (
            "identity_fp32",
            "9",
            "requested model version is not available for model 'identity_fp32'",
        ),
    ],
)
def test_unknown_statistics(triton_stub: Any, name: str, version: str, text: str) -> None:
    request = pb.ModelStatisticsRequest(name=name, version=version)
    assert outcome(lambda: triton_stub.ModelStatistics(request)) == ("INVALID_ARGUMENT", text)


def test_index(triton_stub: Any) -> None:
    for request in (pb.RepositoryIndexRequest(), pb.RepositoryIndexRequest(ready=True)):
        models = triton_stub.RepositoryIndex(request).models
        found = {(m.name, m.version): (m.state, m.reason) for m in models}
        assert found["identity_versions", "3"] == ("READY", "")


def test_load_and_unload(explicit_stub: Any) -> None:
    def ready() -> bool:
        models = explicit_stub.RepositoryIndex(pb.RepositoryIndexRequest(ready=True)).models
        return "two_free" in [m.name for m in models]

    for _ in range(2):
        explicit_stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="two_free"))
        assert ready()
        unload = pb.RepositoryModelUnloadRequest(model_name="two_free")
        unload.parameters["unload_dependents"].bool_param = True
        unload.parameters["other"].int64_param = 1  # ignored
        explicit_stub.RepositoryModelUnload(unload)
        assert not ready()
    request = pb.ModelMetadataRequest(name="two_free")
    assert outcome(lambda: explicit_stub.ModelMetadata(request)) == (
        "NOT_FOUND",
        "Request for unknown model: 'two_free' has no available versions",
    )
    explicit_stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="nope"))


STRING = pb.ModelRepositoryParameter(string_param="x")
NUMBER = pb.ModelRepositoryParameter(int64_param=1)
LOADS = [
    ("nope", {}, "INTERNAL", "failed to load 'nope', failed to poll from model repository"),
    (
        "spare",
        {"config": NUMBER},
        "INVALID_ARGUMENT",
        "invalid value type for load parameter 'config', expected string_param.",
    ),
    (
        "spare",
        {"file:1/a": STRING},
        "INVALID_ARGUMENT",
        "invalid value type for load parameter 'file:1/a', expected bytes_param.",
    ),
    ("spare", {"other": STRING}, "INVALID_ARGUMENT", "unrecognized load parameter 'other'."),
    (
        "spare",
        {"config": STRING},
        "INTERNAL",
        "failed to load 'spare', failed to poll from model repository",
    ),
]


@pytest.mark.parametrize(("model", "parameters", "code", "text"), LOADS)
def test_loads_that_fail(
    explicit_stub: Any, model: str, parameters: Any, code: str, text: str
) -> None:
    request = pb.RepositoryModelLoadRequest(model_name=model, parameters=parameters)
    assert outcome(lambda: explicit_stub.RepositoryModelLoad(request)) == (code, text)


def test_load_of_a_model_that_fails(explicit_stub: Any) -> None:
    request = pb.RepositoryModelLoadRequest(model_name="broken")
    code, text = outcome(lambda: explicit_stub.RepositoryModelLoad(request))
    assert code == "INVALID_ARGUMENT"
    assert text.startswith("load failed for model 'broken': version 1 is at UNAVAILABLE state: ")
    assert "broken on purpose" in text


def test_parameters_are_checked_before_the_control_mode(triton_stub: Any) -> None:
    load = pb.RepositoryModelLoadRequest(model_name="fixed")
    assert outcome(lambda: triton_stub.RepositoryModelLoad(load)) == ("UNAVAILABLE", POLLING)
    unload = pb.RepositoryModelUnloadRequest(model_name="fixed")
    assert outcome(lambda: triton_stub.RepositoryModelUnload(unload)) == ("UNAVAILABLE", POLLING)
    load.parameters["other"].string_param = ""
    assert outcome(lambda: triton_stub.RepositoryModelLoad(load))[0] == "INVALID_ARGUMENT"
    unload.parameters["unload_dependents"].string_param = "true"
    assert outcome(lambda: triton_stub.RepositoryModelUnload(unload)) == (
        "INVALID_ARGUMENT",
        "invalid value type for 'unload_dependents' parameter, expected bool_param.",
    )


@pytest.mark.parametrize("call", ["Index", "ModelLoad", "ModelUnload"])
def test_a_repository_name_is_refused(explicit_stub: Any, call: str) -> None:
    request = getattr(pb, f"Repository{call}Request")(repository_name="any")
    assert outcome(lambda: getattr(explicit_stub, f"Repository{call}")(request)) == (
        "UNIMPLEMENTED",
        "'repository_name' specification is not supported",
    )


@pytest.mark.parametrize(
    "path",
    [
        SERVICE + "Nope",
        "/other.Service/Call",
        "/",
        "/inference.GRPCInferenceService",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ],
)
def test_unknown_methods(grpc_port: int, path: str) -> None:
    with channel(grpc_port) as opened:
        assert outcome(lambda: raw_call(opened, path))[0] == "UNIMPLEMENTED"
        assert raw_call(opened, SERVICE + "ServerLive") == b"\x08\x01"


@pytest.mark.parametrize(
    "method",
    [
        "ServerLive",
        "ServerMetadata",
        "ModelReady",
        "ModelMetadata",
        "ModelInfer",
        "RepositoryIndex",
        "RepositoryModelLoad",
        "ModelStatistics",
    ],
)
@pytest.mark.parametrize(
    "junk", [b"\xff", b"\x0a\x05ab", b"\x07", b"\x0a\xff\xff\xff\xff\x0f", b"\x0f\x00"]
)
def test_bytes_that_are_no_message(grpc_port: int, method: str, junk: bytes) -> None:
    with channel(grpc_port) as opened:
        assert outcome(lambda: raw_call(opened, SERVICE + method, junk)) == (
            "INTERNAL",
            "Unable to parse request",
        )


def test_unknown_fields_are_skipped(grpc_port: int) -> None:
    request = b"\x0a\x0didentity_fp32" + b"\xfa\x06\x03abc" + b"\xf8\x06\x05" + b"\xfd\x06\0\0\0\0"
    with channel(grpc_port) as opened:
        answer = raw_call(opened, SERVICE + "ModelMetadata", request)
    assert pb.ModelMetadataResponse.FromString(answer).name == "identity_fp32"
