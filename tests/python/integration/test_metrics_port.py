"""The metrics frontend: Prometheus text at /metrics, and nothing else."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from rawhttp import RawHttp, Response, call, request

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
NUMBER = r"(?:[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|Inf)|NaN)"
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? ({NUMBER})")
COMMENT = re.compile(
    rf"# (?:HELP {NAME} .*|TYPE {NAME} (?:counter|gauge|histogram|summary|untyped))"
)


def scrape(port: int, path: str = "/metrics") -> Response:
    answer = call(port, "GET", path)
    assert answer.status == 200
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert answer.header("content-length") == str(len(answer.body))
    return answer


def samples(port: int) -> dict[tuple[str, str], float]:
    found = {}
    for line in scrape(port).body.decode().splitlines():
        if match := SAMPLE.fullmatch(line):
            found[match[1], match[2] or ""] = float(match[3])
        else:
            assert not line or COMMENT.fullmatch(line), line
    return found


def successes(port: int, model: str) -> float:
    return sum(
        value
        for (name, labels), value in samples(port).items()
        if name == "nv_inference_request_success" and f'model="{model}"' in labels
    )


def infer(http_port: int, model: str) -> int:
    tensor = {"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}
    body = json.dumps({"inputs": [tensor]}).encode()
    return call(http_port, "POST", f"/v2/models/{model}/infer", body).status


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/metrics?name=x", "/metrics/?"])
def test_the_text_is_prometheus_text(metrics_port: int, path: str) -> None:
    text = scrape(metrics_port, path).body.decode()
    assert text.endswith("\n")
    assert "# TYPE nv_inference_request_success counter\n" in text
    assert samples(metrics_port)


def test_counters_grow_with_inferences(metrics_port: int, http_port: int) -> None:
    assert infer(http_port, "identity_fp32") == 200
    before = successes(metrics_port, "identity_fp32")
    for _ in range(5):
        assert infer(http_port, "identity_fp32") == 200
    assert successes(metrics_port, "identity_fp32") >= before + 5


@pytest.mark.parametrize(
    "path", ["/", "/foo", "//metrics", "/metrics/x", "/METRICS", "/v2", "/v2/health/live"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_other_paths_are_404(metrics_port: int, path: str, method: str) -> None:
    answer = call(metrics_port, method, path)
    assert (answer.status, answer.error()) == (404, "Not Found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO"])
def test_other_methods_are_405(metrics_port: int, method: str) -> None:
    answer = call(metrics_port, method, "/metrics", b"body")
    assert (answer.status, answer.error()) == (405, "Method Not Allowed")


def test_head_has_no_body(metrics_port: int) -> None:
    with RawHttp(metrics_port) as connection:
        connection.send(request("HEAD", "/metrics") + request("GET", "/metrics"))
        assert connection.read(head_only=True).status in (200, 405)
        assert connection.read().body


def test_many_scrapes_at_once(metrics_port: int, http_port: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        scrapes = [pool.submit(samples, metrics_port) for _ in range(40)]
        inferences = [pool.submit(infer, http_port, "identity_fp32") for _ in range(40)]
    assert all(s.result() for s in scrapes)
    assert {i.result() for i in inferences} == {200}


@pytest.mark.parametrize(
    "data", [b"\0\0\0\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n", b"nonsense\r\n\r\n"]
)
def test_bad_input_is_answered(metrics_port: int, data: bytes) -> None:
    with RawHttp(metrics_port) as connection:
        answer = connection.roundtrip(data)
        assert answer.status in (400, 505)
        assert answer.error()
    assert scrape(metrics_port).body
