"""The SageMaker frontend over real sockets: /ping and /invocations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cloud import VALUES, binary_output, binary_request, json_output, json_request
from rawhttp import RawHttp, call, chunked, request
from sagemaker_endpoint import MIME, explicit_models, frontend

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, backends_dir: Path) -> Iterator[Server]:
    with explicit_models(tmp_path_factory.mktemp("single")) as started:
        yield started


@pytest.fixture(scope="module")
def port(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with frontend(server, tmp_path_factory.mktemp("models")) as started:
        yield started


@pytest.mark.parametrize("mode", ["ready", "live"])
def test_ping(server: Server, tmp_path: Path, mode: str) -> None:
    with frontend(server, tmp_path, ping_mode=mode) as port:
        answer = call(port, "GET", "/ping")
        assert (answer.status, answer.body) == (200, b"")
        refused = call(port, "POST", "/ping", b"")
        assert (refused.status, refused.error()) == (405, "Method Not Allowed")
        assert refused.header("allow") == "GET, HEAD"


def test_invocations_in_json(port: int) -> None:
    answer = call(port, "POST", "/invocations", json_request())
    assert json_output(answer) == VALUES.tolist()
    assert call(port, "GET", "/invocations").status == 405


def test_invocations_in_binary(port: int) -> None:
    body, size = binary_request()
    headers = [("Content-Type", f"{MIME}{size}")]
    # Its own header says nothing here.
    headers.append(("Inference-Header-Content-Length", "nonsense"))
    answer = call(port, "POST", "/invocations", body, *headers)
    assert answer.status == 200, answer.body
    kind = answer.header("content-type")
    assert kind is not None
    assert kind.startswith(MIME)
    assert answer.header("inference-header-content-length") is None
    assert binary_output(answer, int(kind.removeprefix(MIME))).tolist() == VALUES.tolist()


def test_binary_in_json_out(port: int) -> None:
    body, size = binary_request(binary_output=False)
    answer = call(port, "POST", "/invocations", body, ("Content-Type", f"{MIME}{size}"))
    assert json_output(answer) == VALUES.tolist()


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream", "text/plain"])
def test_other_content_types_are_json(port: int, kind: str) -> None:
    answer = call(port, "POST", "/invocations", json_request(), ("Content-Type", kind))
    assert json_output(answer) == VALUES.tolist()


def test_raw_binary(port: int) -> None:
    answer = call(port, "POST", "/invocations", VALUES.tobytes(), ("Content-Type", f"{MIME}0"))
    kind = answer.header("content-type")
    assert (answer.status, kind is not None and kind.startswith(MIME)) == (200, True)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            f"x;{MIME}1",
            f"expect MIME type for binary data starts with '{MIME}', got: x;{MIME}1",
        ),
        (f"{MIME}x", "Unable to parse inference header size, got: x"),
        (
            f"{MIME}99999999999",
            "Unable to parse inference header size, value is out of range, got: 99999999999",
        ),
        (f"{MIME}-1", "inference header size should be in range (0, {size}), got: -1"),
        (f"{MIME}9999", "inference header size should be in range (0, {size}), got: 9999"),
    ],
)
def test_bad_content_types(port: int, kind: str, text: str) -> None:
    body, _ = binary_request()
    answer = call(port, "POST", "/invocations", body, ("Content-Type", kind))
    assert (answer.status, answer.error()) == (400, text.format(size=len(body)))


def test_compression_is_not_offered(port: int) -> None:
    headers = (("Accept-Encoding", "gzip"), ("Content-Encoding", "gzip"))
    answer = call(port, "POST", "/invocations", json_request(), *headers)
    assert json_output(answer) == VALUES.tolist()
    assert answer.header("content-encoding") is None


def test_invocations_have_the_status_codes_of_kserve(server: Server, tmp_path: Path) -> None:
    with frontend(server, tmp_path, default_model="nowhere") as port:
        answer = call(port, "POST", "/invocations", json_request())
        assert answer.status == 404
    with frontend(server, tmp_path, default_model="fail") as port:
        answer = call(port, "POST", "/invocations", json_request(error_code=4))
        assert answer.status == 503, answer.body
        assert call(port, "POST", "/invocations", b"{").status == 500


def test_invocations_have_a_size_limit(server: Server, tmp_path: Path) -> None:
    with frontend(server, tmp_path, max_input_size=300) as port:
        assert call(port, "POST", "/invocations", json_request()).status == 200
        answer = call(port, "POST", "/invocations", json_request() + b" " * 300)
        assert answer.status == 400
        assert "exceeds the maximum allowed input size of 300 bytes" in answer.error()
        size = len(json_request())
        pieces = chunked([json_request(), b" " * 300])
        head = request("POST", "/invocations", None, [("Transfer-Encoding", "chunked")])
        with RawHttp(port) as connection:
            late = connection.roundtrip(head + pieces)
        assert (late.status, size < 300) == (400, True)


def test_generate(server: Server, tmp_path: Path) -> None:
    with frontend(server, tmp_path, inference_type="generate") as port:
        answer = call(port, "POST", "/invocations", b'{"INPUT0":[1.5,2]}')
        assert answer.status == 200, answer.body
        assert answer.json()["OUTPUT0"] == [1.5, 2.0]
        assert call(port, "POST", "/invocations", b"{").status >= 400


def test_generate_stream(server: Server, tmp_path: Path) -> None:
    options = {"inference_type": "generate_stream", "default_model": "repeat"}
    with frontend(server, tmp_path, **options) as port:
        body = b'{"INPUT0":[1],"responses":3}'
        answer = call(port, "POST", "/invocations", body)
        assert answer.status == 200, answer.body
        kind = answer.header("content-type")
        assert kind is not None
        assert kind.startswith("text/event-stream")
        events = [item for item in answer.body.decode().split("\n\n") if item]
        assert [json.loads(item.removeprefix("data: "))["INDEX"] for item in events] == [0, 1, 2]
