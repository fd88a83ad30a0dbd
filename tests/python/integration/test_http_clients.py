"""HTTP through the clients that people use: tritonclient, its asyncio variant, and curl."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as httpclient
import tritonclient.http.aio as aioclient
from rawhttp import call
from tritonclient.utils import InferenceServerException


def tensor(module: Any, values: Any, *, binary: bool = True) -> Any:
    data = np.asarray(values, dtype=np.float32)
    made = module.InferInput("INPUT0", list(data.shape), "FP32")
    made.set_data_from_numpy(data, binary_data=binary)
    return made


def test_every_call_of_the_client(http_client: httpclient.InferenceServerClient) -> None:
    client = http_client
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("identity_fp32")
    assert client.is_model_ready("identity_fp32", "1")
    assert not client.is_model_ready("nope")
    assert client.get_server_metadata()["name"]
    assert client.get_model_metadata("identity_fp32")["name"] == "identity_fp32"
    assert client.get_model_config("identity_fp32", "1")["backend"] == "identity"
    assert client.get_inference_statistics()["model_stats"]
    assert (
        client.get_inference_statistics("identity_fp32")["model_stats"][0]["name"]
        == "identity_fp32"
    )
    assert {
        "name": "fixed",
        "version": "1",
        "state": "READY",
    } in client.get_model_repository_index()


def test_explicit_control(explicit_http_port: int) -> None:
    with httpclient.InferenceServerClient(f"127.0.0.1:{explicit_http_port}") as client:
        client.load_model("labels")
        assert client.is_model_ready("labels")
        client.unload_model("labels")
        assert not client.is_model_ready("labels")
        with pytest.raises(InferenceServerException, match="failed to load 'nope'"):
            client.load_model("nope")


def test_infer_with_everything(http_client: httpclient.InferenceServerClient) -> None:
    result = http_client.infer(
        "identity_echo",
        [tensor(httpclient, [1, 2])],
        model_version="1",
        request_id="id-1",
        outputs=[httpclient.InferRequestedOutput("OUTPUT0")],
        timeout=500,
        parameters={"text": "x", "number": 5, "flag": True},
        headers={"X-Any": "thing"},
        query_params={"a": "b"},
    )
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), [1, 2])
    response = result.get_response()
    assert response["id"] == "id-1"
    got = response["parameters"]
    assert (got["text"], got["number"], got["flag"], got["request.timeout_us"]) == (
        "x",
        5,
        True,
        500,
    )


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br"])
def test_unknown_content_codings_are_refused(http_port: int, coding: str) -> None:
    answer = call(
        http_port, "POST", "/v2/models/identity_fp32/infer", b"x", ("Content-Encoding", coding)
    )
    assert (answer.status, answer.error()) == (501, "Unsupported compression type")
    assert answer.header("accept-encoding")


def test_async_infer(http_port: int) -> None:
    url = f"127.0.0.1:{http_port}"
    with httpclient.InferenceServerClient(url, concurrency=8) as client:
        pending = [
            client.async_infer("identity_fp32", [tensor(httpclient, [n])]) for n in range(100)
        ]
        got = [float(p.get_result().as_numpy("OUTPUT0")[0]) for p in pending]
    assert got == list(range(100))


def test_aio(http_port: int) -> None:
    async def run() -> list[float]:
        async with aioclient.InferenceServerClient(f"127.0.0.1:{http_port}") as client:
            assert await client.is_server_ready()
            assert not await client.is_model_ready("nope")
            calls = [client.infer("identity_fp32", [tensor(aioclient, [n])]) for n in range(100)]
            results = await asyncio.gather(*calls)
            with pytest.raises(InferenceServerException, match="'nope' is not found"):
                await client.get_model_metadata("nope")
        return [float(result.as_numpy("OUTPUT0")[0]) for result in results]

    assert asyncio.run(run()) == list(range(100))


def test_errors_reach_the_client(http_client: httpclient.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException) as caught:
        http_client.infer("identity_fp32", [tensor(httpclient, [[1, 2]])])
    assert caught.value.status() == "400"
    assert "unexpected shape for input 'INPUT0'" in caught.value.message()


def curl(port: int, path: str, *arguments: str) -> tuple[int, bytes]:
    url = f"http://127.0.0.1:{port}{path}"
    command = ["curl", "-sS", "--max-time", "30", "-w", "\n%{http_code}", *arguments, url]
    done = subprocess.run(command, capture_output=True, check=True)
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


JSON = '{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2],"data":[1.5,2]}]}'


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-H", "Content-Type: application/json"),
        ("--http1.0",),
        ("-H", "Transfer-Encoding: chunked"),
        ("-H", "Expect: 100-continue"),
        ("--compressed",),
        ("-H", "Expect:"),
    ],
)
def test_curl_infer(http_port: int, arguments: tuple[str, ...]) -> None:
    status, body = curl(http_port, "/v2/models/identity_fp32/infer", "-d", JSON, *arguments)
    assert status == 200
    assert json.loads(body)["outputs"][0]["data"] == [1.5, 2.0]


def test_curl_large_file(http_port: int, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(bytes(range(256)) * 40_000)  # large enough for curl to ask for 100-continue
    status, body = curl(
        http_port,
        "/v2/models/identity_uint8/infer",
        "--data-binary",
        f"@{path}",
        "-H",
        "Inference-Header-Content-Length: 0",
    )
    assert status == 200
    assert body.endswith(path.read_bytes())


def test_curl_health_and_errors(http_port: int) -> None:
    assert curl(http_port, "/v2/health/ready") == (200, b"")
    assert curl(http_port, "/nowhere") == (404, b'{"error":"Not Found"}')
    assert curl(http_port, "/v2", "-X", "DELETE") == (405, b'{"error":"Method Not Allowed"}')
    assert curl(http_port, "/v2", "-I")[0] in (200, 405)
