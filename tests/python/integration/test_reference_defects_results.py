"""The reference server crashes or hangs, or its results are wrong: one test per defect.

Defects that are kept because clients rely on a text or a status are listed in docs/http.md. Those
of the cloud endpoints are in ``test_sagemaker.py`` and ``test_vertex_ai.py``, those that need a
look inside (trace objects, the parser of load metrics, secrets compared in constant time) in the
C++ tests.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from post import INFER, alive, body, post
from rawhttp import RawHttp, call, request

from tritonfrontend import KServeHttp

GZIP = ("Content-Encoding", "gzip")


def test_classes_of_an_empty_output_crash(http_port: int) -> None:
    output = {"name": "OUTPUT0", "parameters": {"classification": 2}}
    answer = post(http_port, INFER, body((), shape=[0], outputs=[output]))
    assert answer.status == 200
    assert answer.json()["outputs"][0]["data"] == []
    assert alive(http_port)


@pytest.mark.parametrize("kind", ["systemsharedmemory", "cudasharedmemory"])
def test_shared_memory_endpoints_of_the_package_crash(http_port: int, kind: str) -> None:
    assert call(http_port, "GET", f"/v2/{kind}/status").json() == []
    assert call(http_port, "POST", f"/v2/{kind}/region/r/register", b"{}").status == 501
    assert alive(http_port)


def test_shared_memory_tensors_of_the_package_crash(http_port: int) -> None:
    value = body()
    del value["inputs"][0]["data"]
    value["inputs"][0]["parameters"] = {"shared_memory_region": "r", "shared_memory_byte_size": 4}
    answer = post(http_port, INFER, value)
    assert answer.status == 404
    assert answer.error() == "Unable to find shared memory region: 'r'"
    assert alive(http_port)


def test_trace_endpoints_of_the_package_never_reply(http_port: int) -> None:
    settings = call(http_port, "GET", "/v2/trace/setting").json()
    assert settings["trace_level"] == ["OFF"]
    assert call(http_port, "GET", "/v2/models/identity_fp32/trace/setting").status == 200


def test_a_restarted_frontend_refuses_connections(wide_server: Any) -> None:
    frontend = KServeHttp(wide_server, KServeHttp.Options(address="127.0.0.1", port=0))
    for _ in range(3):
        frontend.start()
        assert alive(frontend.port)
        frontend.stop()


def test_an_error_for_a_client_that_left_crashes(http_port: int) -> None:
    for _ in range(50):
        connection = RawHttp(http_port)
        text = json.dumps(body()).encode()
        connection.send(request("POST", "/v2/models/fail/infer", text))
        connection.reset()
    assert alive(http_port)


@pytest.mark.parametrize(
    "damaged",
    [
        b"not gzip at all",
        json.dumps(body()).encode(),
        gzip.compress(json.dumps(body()).encode())[:-9],
        gzip.compress(json.dumps(body()).encode())[:20] + b"\xff" * 20,
        gzip.compress(json.dumps(body()).encode()) + b"junk",
    ],
    ids=["text", "mislabelled", "truncated", "corrupt", "trailing"],
)
def test_damaged_compressed_bodies_are_accepted(http_port: int, damaged: bytes) -> None:
    answer = call(http_port, "POST", INFER, damaged, GZIP)
    assert answer.status == 400
    assert "gzip" in answer.error().lower()


def test_only_the_first_gzip_member_is_read(http_port: int) -> None:
    text = json.dumps(body((1.0, 2.0))).encode()
    members = gzip.compress(text[:25]) + gzip.compress(text[25:])
    answer = call(http_port, "POST", INFER, members, GZIP)
    assert answer.json()["outputs"][0]["data"] == [1.0, 2.0]


def test_an_empty_post_runs_the_model(http_port: int) -> None:
    answer = call(http_port, "POST", INFER, b"")
    assert answer.status == 400
    assert "empty body" in answer.error()


@pytest.mark.parametrize(
    ("datatype", "value"), [("UINT8", 256), ("INT8", 128), ("INT32", 2**31), ("UINT16", 65536)]
)
def test_integers_wrap_around(http_port: int, datatype: str, value: int) -> None:
    path = f"/v2/models/identity_{datatype.lower()}/infer"
    answer = post(http_port, path, body((value,), datatype))
    assert answer.status == 400
    assert datatype in answer.error()


def test_doubles_are_not_rounded_correctly(http_port: int) -> None:
    values = [123456789.123456789, 0.1, 2.2250738585072014e-308, 9007199254740993.0]
    answer = post(http_port, "/v2/models/identity_fp64/infer", body(values, "FP64"))
    assert answer.json()["outputs"][0]["data"] == values


def test_generate_reports_wrong_counts_with_200(http_port: int) -> None:
    for count in (0, 2):
        value = {"INPUT0": 1.0, "responses": count}
        answer = post(http_port, "/v2/models/repeat/generate", value)
        assert answer.status >= 500
        assert "exactly 1 response" in answer.error()


def test_unload_with_a_bad_flag_unloads(explicit_http_port: int) -> None:
    path = "/v2/repository/models/identity_fp32/unload"
    answer = post(explicit_http_port, path, {"parameters": {"unload_dependents": "yes"}})
    assert answer.status != 200
    assert "unload_dependents" in answer.error()
    assert call(explicit_http_port, "GET", "/v2/models/identity_fp32/ready").status == 200


def test_a_scalar_is_taken_for_an_empty_tensor(http_port: int) -> None:
    # The model wants one dimension; what matters is that the element is counted.
    answer = post(http_port, INFER, body((1.0,), shape=[]))
    assert answer.status == 400
    assert "unexpected shape for input 'INPUT0'" in answer.error()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/v2/logging", {"log_verbose_level": 4294967296}),
        ("/v2/trace/setting", {"trace_rate": "-1"}),
        ("/v2/trace/setting", {"trace_rate": "5x"}),
        ("/v2/trace/setting", {"trace_level": ["SOMETIMES"]}),
    ],
)
def test_settings_wrap_around_or_are_ignored(http_port: int, path: str, value: Any) -> None:
    before = call(http_port, "GET", path).json()
    answer = post(http_port, path, value)
    assert answer.status == 400
    assert next(iter(value)) in answer.error()
    assert call(http_port, "GET", path).json() == before


def test_log_settings_are_applied_in_part(http_port: int) -> None:
    before = call(http_port, "GET", "/v2/logging").json()
    value = {"log_info": not before["log_info"], "log_format": "never heard of"}
    answer = post(http_port, "/v2/logging", value)
    assert answer.status == 400
    assert call(http_port, "GET", "/v2/logging").json() == before


def test_generate_refuses_an_empty_array(http_port: int) -> None:
    answer = post(http_port, "/v2/models/identity_fp32/generate", {"INPUT0": []})
    assert answer.status == 200
    assert answer.json()["OUTPUT0"] == []
