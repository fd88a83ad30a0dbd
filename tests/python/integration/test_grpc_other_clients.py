"""Clients on other HTTP/2 implementations: nghttp and h2load (nghttp2), grpc-js (node's)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from calls import SERVICE, infer_request, slow_request, tensor
from grpc_frontends import grpc_frontend
from rawh2 import message
from rawhttp import HOST

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

HERE = Path(__file__).parent


def run(*command: str, **options: Any) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.fixture
def h2load() -> str:
    program = shutil.which("h2load")
    if program is None:
        pytest.skip("h2load is not installed (package nghttp2-client)")
    return program


@pytest.mark.parametrize(("clients", "streams"), [(1, 1), (1, 100), (8, 100)])
def test_h2load(grpc_port: int, h2load: str, tmp_path: Path, clients: int, streams: int) -> None:
    body = tmp_path / "request"
    body.write_bytes(message(infer_request().SerializeToString()))
    report = run(
        h2load, f"-n{clients * 400}", f"-c{clients}", f"-m{streams}", "-t1", f"--data={body}",
        "-Hcontent-type: application/grpc", "-Hte: trailers",
        f"http://{HOST}:{grpc_port}{SERVICE}ModelInfer",
    )  # fmt: skip
    counts = re.search(r"requests: (\d+) total, .* (\d+) succeeded, (\d+) failed", report)
    assert counts is not None, report
    assert counts.groups() == (str(clients * 400), str(clients * 400), "0")


def test_h2load_with_small_windows(grpc_port: int, h2load: str, tmp_path: Path) -> None:
    size = 1_000_000
    body = tmp_path / "request"
    request = infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [size])], [bytes(size)])
    body.write_bytes(message(request.SerializeToString()))
    report = run(
        h2load, "-n40", "-c2", "-m10", "-t1", "-w16", "-W16", f"--data={body}",
        "-Hcontent-type: application/grpc", "-Hte: trailers",
        f"http://{HOST}:{grpc_port}{SERVICE}ModelInfer",
    )  # fmt: skip
    assert "40 succeeded, 0 failed" in report


def test_nghttp(grpc_port: int, tmp_path: Path) -> None:
    program = shutil.which("nghttp")
    if program is None:
        pytest.skip("nghttp is not installed (package nghttp2-client)")
    body = tmp_path / "request"
    body.write_bytes(message(b""))
    report = run(
        program, "-v", "-n", f"--data={body}", "-Hcontent-type: application/grpc",
        "-Hte: trailers", f"http://{HOST}:{grpc_port}{SERVICE}ServerLive",
    )  # fmt: skip
    assert ":status: 200" in report
    assert "grpc-status: 0" in report


@pytest.fixture(scope="module")
def grpc_js() -> dict[str, str]:
    """The environment in which node finds the package."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    environ = dict(os.environ)
    modules = environ.get("TRITONFRONTEND_TEST_NODE_MODULES")
    if modules:
        environ["NODE_PATH"] = modules
    found = subprocess.run(
        [node, "-e", "require('@grpc/grpc-js')"], env=environ, capture_output=True, check=False
    )
    if found.returncode != 0:
        pytest.skip("node does not find @grpc/grpc-js (TRITONFRONTEND_TEST_NODE_MODULES)")
    return environ


@pytest.fixture(scope="module", params=[0, 3])
def js_result(
    request: pytest.FixtureRequest, wide_server: Server, grpc_js: dict[str, str]
) -> Iterator[dict[str, Any]]:
    size = 60_000  # hexadecimal and still an argument of a command
    large = infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [size])], [os.urandom(size)])
    with grpc_frontend(wide_server, infer_compression_level=request.param) as frontend:
        output = run(
            "node", str(HERE / "grpc_js_client.js"), f"{HOST}:{frontend.port}",
            infer_request().SerializeToString().hex(), slow_request().SerializeToString().hex(),
            large.SerializeToString().hex(), env=grpc_js,
        )  # fmt: skip
        yield json.loads(output)


def test_grpc_js_unary(js_result: dict[str, Any]) -> None:
    assert js_result["live"] == {"code": 0, "answer": "0801"}
    assert js_result["unknown"]["code"] == 12
    assert js_result["health"] == {"code": 0, "answer": "0801"}


def test_grpc_js_metadata(js_result: dict[str, Any]) -> None:
    assert js_result["metadata"] == {"code": 0, "answer": "0801"}


def test_grpc_js_compression(js_result: dict[str, Any]) -> None:
    for algorithm in ("gzip", "deflate"):
        assert js_result[algorithm]["code"] == 0
        assert js_result[algorithm]["answer"].endswith("0000803f")


def test_grpc_js_deadline(js_result: dict[str, Any]) -> None:
    assert js_result["deadline"]["code"] == 4


def test_grpc_js_small_windows(js_result: dict[str, Any]) -> None:
    assert len(js_result["large"]) == 40
    for code, length in js_result["large"]:
        assert code == 0
        assert length > 60_000


def test_grpc_js_stream(js_result: dict[str, Any]) -> None:
    assert js_result["stream"]["code"] == 0
    assert len(js_result["stream"]["answers"]) == 3
