"""The Vertex AI frontend over real sockets: health, predictions, redirects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cloud import VALUES, binary_output, binary_request, json_output, json_request
from helpers.models import identity, write_repository
from rawhttp import Response, call

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

MIME = "application/vnd.vertex-ai-triton.binary+json;json-header-size="
REDIRECT = "X-Vertex-Ai-Triton-Redirect"
PREDICT = "/v1/models/net:pre.dict"


@contextmanager
def frontend(server: Server, **options: Any) -> Iterator[int]:
    from tritonfrontend import VertexAI

    defaults: dict[str, Any] = {"address": "127.0.0.1", "port": 0, "default_model": "net"}
    defaults |= {"predict_route": PREDICT, "health_route": "/health"}
    with VertexAI(server, VertexAI.Options(**(defaults | options))) as started:
        yield started.port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, backends_dir: Path) -> Iterator[Server]:
    from tritonfrontend.inprocess import Server

    versions = {"versions": (1, 2), "extra": "version_policy { all {} }"}
    models = [identity("FP32", name="net", **versions)]
    repository = write_repository(tmp_path_factory.mktemp("vertex"), models)
    with Server(model_repository=str(repository), log_error=True).start(
        wait_until_ready=True, timeout=60
    ) as started:
        yield started


@pytest.fixture(scope="module")
def port(server: Server) -> Iterator[int]:
    with frontend(server) as started:
        yield started


def redirect(port: int, path: str, body: bytes = b"{}", *headers: tuple[str, str]) -> Response:
    return call(port, "POST", PREDICT, body, (REDIRECT, path), *headers)


def test_health(port: int) -> None:
    answer = call(port, "GET", "/health")
    assert (answer.status, answer.body) == (200, b"")
    answer = call(port, "POST", "/health", b"")
    assert (answer.status, answer.error()) == (405, "Method Not Allowed")


def test_predict_in_json(port: int) -> None:
    answer = call(port, "POST", PREDICT, json_request())
    assert json_output(answer) == VALUES.tolist()
    assert answer.json()["model_name"] == "net"
    assert call(port, "GET", PREDICT).status == 405


def test_predict_in_binary(port: int) -> None:
    body, size = binary_request()
    headers = (
        ("Content-Type", f"{MIME}{size}"),
        ("Inference-Header-Content-Length", "nonsense"),
    )
    answer = call(port, "POST", PREDICT, body, *headers)
    assert answer.status == 200, answer.body
    assert answer.header("content-type") == "application/octet-stream"
    json_size = int(answer.header("inference-header-content-length") or "")
    assert binary_output(answer, json_size).tolist() == VALUES.tolist()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (f" x {MIME}1", f"expect MIME type for binary data starts with '{MIME}', got: x {MIME}1"),
        (f"{MIME}x", "Unable to parse inference header size, got: x"),
        (f"{MIME}9999", "inference header size should be in range (0, {size}), got: 9999"),
    ],
)
def test_bad_content_types(port: int, kind: str, text: str) -> None:
    body, _ = binary_request()
    answer = call(port, "POST", PREDICT, body, ("Content-Type", kind))
    assert (answer.status, answer.error()) == (400, text.format(size=len(body)))


def test_routes_are_literal(port: int) -> None:
    for path in ("/v1/models/net:preXdict", "/", "/v2", "/v2/models/net/infer", f"{PREDICT}/"):
        answer = call(port, "POST", path, json_request())
        assert (answer.status, answer.error()) == (404, "Not Found")


@pytest.mark.parametrize(
    "path",
    [
        "v2",
        "v2/health/live",
        "v2/health/ready",
        "v2/models/net",
        "v2/models/net/versions/2",
        "v2/models/net/ready",
        "v2/models/net/versions/1/ready",
        "v2/models/net/config",
        "v2/models/net/stats",
        "v2/models/stats",
        "v2/systemsharedmemory/status",
        "v2/cudasharedmemory/status",
        "v2/repository/index",
        "metrics",
    ],
)
def test_redirects_that_read(port: int, path: str) -> None:
    answer = redirect(port, path)
    assert answer.status == 200, answer.body


def test_what_redirects_answer(port: int) -> None:
    assert redirect(port, "v2/models/net").json()["versions"] == ["1", "2"]
    index = redirect(port, "v2/repository/index", b'{"ready":true}').json()
    assert {entry["name"] for entry in index} == {"net"}
    assert redirect(port, "v2/models/nope").status == 404
    metrics = redirect(port, "metrics")
    assert metrics.header("content-type") == "text/plain"
    assert b"# HELP nv_inference_count" in metrics.body


def test_a_redirected_inference(port: int) -> None:
    answer = redirect(port, "v2/models/net/versions/1/infer", json_request())
    assert json_output(answer) == VALUES.tolist()
    assert answer.json()["model_version"] == "1"
    body, size = binary_request()
    answer = redirect(port, "v2/models/net/infer", body, ("Content-Type", f"{MIME}{size}"))
    assert answer.header("content-type") == "application/octet-stream"
    assert redirect(port, "v2/models/nope/infer", json_request()).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "v2/repository/models/net/load",
        "v2/repository/models/net/unload",
        "v2/repository/r/models/net/unload",
        "v2/systemsharedmemory/region/r/register",
        "v2/systemsharedmemory/unregister",
        "v2/cudasharedmemory/region/r/register",
        "v2/cudasharedmemory/region/r/unregister",
    ],
)
def test_redirects_that_change_the_server(port: int, path: str) -> None:
    answer = redirect(port, path)
    assert answer.status == 403
    assert path in answer.error()
    assert call(port, "GET", "/health").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/v2",
        "/metrics",
        "v2/models/net/generate",
        "v2/models/net/generate_stream",
        "v2/trace/setting",
        "v2/logging",
        "nowhere",
    ],
)
def test_unknown_redirects(port: int, path: str) -> None:
    answer = redirect(port, path)
    assert answer.status == 400
    assert answer.error().startswith(f"redirect target '{path}' is unknown")


def test_a_redirect_is_a_post(port: int) -> None:
    answer = call(port, "GET", PREDICT, None, (REDIRECT, "v2"))
    assert (answer.status, answer.header("allow")) == (405, "POST")


def test_a_size_limit(server: Server) -> None:
    with frontend(server, max_input_size=300) as port:
        assert call(port, "POST", PREDICT, json_request()).status == 200
        answer = call(port, "POST", PREDICT, json_request() + b" " * 300)
        assert answer.status == 400
        assert "exceeds the maximum allowed input size of 300 bytes" in answer.error()


def test_restricted_groups(server: Server) -> None:
    rules = ["inference:key=i", "statistics:key=s", "health:key=h", "model-repository:key=r"]
    with frontend(server, restricted_api=rules) as port:
        denied = call(port, "POST", PREDICT, json_request())
        assert denied.status == 403
        assert denied.error() == "This API is restricted, expecting header 'key'"
        assert call(port, "POST", PREDICT, json_request(), ("Key", "i")).status == 200
        assert call(port, "GET", "/health").status == 403
        assert call(port, "GET", "/health", None, ("key", "h")).status == 200
        for path, value in (
            ("v2/models/net/infer", "i"),
            ("metrics", "s"),
            ("v2/models/stats", "s"),
            ("v2/health/ready", "h"),
            ("v2/repository/index", "r"),
        ):
            body = json_request() if value == "i" else b"{}"
            assert redirect(port, path, body).status == 403
            assert redirect(port, path, body, ("key", value)).status == 200, path
        assert redirect(port, "v2").status == 200
        # Nor with the key of the group.
        assert redirect(port, "v2/repository/models/net/load", b"{}", ("key", "r")).status == 403


def test_the_only_model_is_the_default(server: Server) -> None:
    with frontend(server, default_model="") as port:
        assert call(port, "POST", PREDICT, json_request()).json()["model_name"] == "net"


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("nope", "Expect the default model 'nope' is loaded"),
        (
            "",
            "Expect the model repository contains only a single model if default model is not "
            "specified",
        ),
    ],
)
def test_a_default_model_that_cannot_be_told(wide_server: Server, model: str, text: str) -> None:
    from tritonfrontend import InvalidArgumentError

    with (
        pytest.raises(InvalidArgumentError, match=text),
        frontend(wide_server, default_model=model),
    ):
        pass
