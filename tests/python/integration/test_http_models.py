"""HTTP: server and model metadata, configuration, readiness and statistics."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rawhttp import call

UNKNOWN = "Request for unknown model: 'nope' is not found"
BAD_VERSION = "Request for unknown model: 'identity_fp32' version 9 is not found"
INFER = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}]}


def get(port: int, path: str) -> Any:
    answer = call(port, "GET", path)
    assert answer.status == 200, answer.body
    return answer.json()


def test_server_metadata(http_port: int) -> None:
    value = get(http_port, "/v2")
    assert list(value) == ["name", "version", "extensions"]
    for extension in (
        "classification",
        "sequence",
        "model_repository",
        "binary_tensor_data",
        "parameters",
        "statistics",
        "schedule_policy",
        "model_configuration",
    ):
        assert extension in value["extensions"]


def test_model_metadata(http_port: int) -> None:
    assert get(http_port, "/v2/models/identity_two") == {
        "name": "identity_two",
        "versions": ["1"],
        "platform": "identity",
        "inputs": [
            {"name": "INPUT0", "datatype": "FP32", "shape": [-1]},
            {"name": "INPUT1", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "OUTPUT0", "datatype": "FP32", "shape": [-1]},
            {"name": "OUTPUT1", "datatype": "BYTES", "shape": [-1]},
        ],
    }


def test_a_batching_model_has_a_leading_dimension(http_port: int) -> None:
    value = get(http_port, "/v2/models/identity_batch")
    assert [tensor["shape"] for tensor in value["inputs"] + value["outputs"]] == [
        [-1, -1],
        [-1, -1],
    ]


@pytest.mark.parametrize(
    ("path", "versions"),
    [
        ("", ["1", "3"]),
        ("/versions/1", ["1"]),
        ("/versions/3", ["3"]),
        ("/versions/003", ["3"]),
    ],
)
def test_versions(http_port: int, path: str, versions: list[str]) -> None:
    assert sorted(get(http_port, "/v2/models/identity_versions" + path)["versions"]) == versions


def test_config(http_port: int) -> None:
    value = get(http_port, "/v2/models/identity_batch/config")
    assert value["name"] == "identity_batch"
    assert value["backend"] == "identity"
    assert value["max_batch_size"] == 8
    assert value["input"][0]["data_type"] == "TYPE_FP32"


@pytest.mark.parametrize("suffix", ["", "/config"])
@pytest.mark.parametrize(
    ("model", "status", "text"),
    [
        ("nope", 404, UNKNOWN),
        ("nope/versions/1", 404, "Request for unknown model: 'nope' version 1 is not found"),
        ("identity_fp32/versions/9", 404, BAD_VERSION),
        (
            "identity_fp32/versions/0",
            404,
            "Request for unknown model: 'identity_fp32' version 0 is not found",
        ),
    ],
)
def test_unknown_metadata_and_config(
    http_port: int, model: str, status: int, text: str, suffix: str
) -> None:
    answer = call(http_port, "GET", f"/v2/models/{model}{suffix}")
    assert answer.status == status
    # The release of the core decides between the two texts for an unknown model with a version.
    assert answer.error() in (text, UNKNOWN if model.startswith("nope") else text)


@pytest.mark.parametrize("path", ["", "/ready", "/config", "/stats", "/infer"])
def test_a_version_too_large_for_the_core(http_port: int, path: str) -> None:
    digits = "9" * 30
    method, body = ("POST", b"{}") if path == "/infer" else ("GET", None)
    answer = call(http_port, method, f"/v2/models/identity_fp32/versions/{digits}{path}", body)
    assert answer.status == 400
    assert answer.error() == (
        f"failed to get model version from specified version string '{digits}' (details: stol), "
        "version should be an integral value > 0"
    )


@pytest.mark.parametrize(
    ("model", "text"), [("nope", UNKNOWN), ("identity_fp32/versions/9", BAD_VERSION)]
)
def test_unknown_model_is_not_ready(http_port: int, model: str, text: str) -> None:
    answer = call(http_port, "GET", f"/v2/models/{model}/ready")
    assert (answer.status, answer.error()) == (404, text)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("nope", "requested model 'nope' is not available"),
        (
            "identity_fp32/versions/9",
            "requested model version is not available for model 'identity_fp32'",
        ),
    ],
)
def test_unknown_statistics_are_400(http_port: int, model: str, text: str) -> None:
    answer = call(http_port, "GET", f"/v2/models/{model}/stats")
    assert (answer.status, answer.error()) == (400, text)


def counts(port: int, path: str) -> dict[str, int]:
    stats = get(port, path)["model_stats"]
    return {s["name"]: s["inference_stats"]["success"]["count"] for s in stats}


def test_statistics_count_inferences(http_port: int) -> None:
    one, everything = "/v2/models/identity_fp32/stats", "/v2/models/stats"
    before, all_before = counts(http_port, one), counts(http_port, everything)
    for _ in range(3):
        body = json.dumps(INFER).encode()
        assert call(http_port, "POST", "/v2/models/identity_fp32/infer", body).status == 200
    assert counts(http_port, one)["identity_fp32"] >= before["identity_fp32"] + 3
    assert counts(http_port, everything)["identity_fp32"] >= all_before["identity_fp32"] + 3


def test_statistics_have_every_member(http_port: int) -> None:
    (stats,) = get(http_port, "/v2/models/identity_fp32/versions/1/stats")["model_stats"]
    assert {
        "name",
        "version",
        "last_inference",
        "inference_count",
        "execution_count",
        "inference_stats",
        "batch_stats",
        "memory_usage",
    } <= set(stats)
    assert stats["version"] == "1"
    assert set(stats["inference_stats"]) == {
        "success",
        "fail",
        "queue",
        "compute_input",
        "compute_infer",
        "compute_output",
        "cache_hit",
        "cache_miss",
    }


def test_statistics_of_all_models_name_each_version(http_port: int) -> None:
    stats = get(http_port, "/v2/models/stats")["model_stats"]
    found = {(s["name"], s["version"]) for s in stats}
    assert {("identity_versions", "1"), ("identity_versions", "3"), ("identity_fp32", "1")} <= found
