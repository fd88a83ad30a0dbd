"""HTTP: device memory of clients, on the fake CUDA runtime of the build."""

from __future__ import annotations

import base64
import ctypes
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.utils.shared_memory as shm
from helpers.isolation import run_script
from helpers.models import backends_directory, write_repository
from rawhttp import call
from shm_calls import post, refused, region_input, region_output
from tritonclient.http import InferenceServerClient as Client
from tritonclient.utils import InferenceServerException


class FakeCuda:
    """The fake CUDA runtime of the build, loaded into this process."""

    def __init__(self) -> None:
        path = backends_directory() / "fake_cuda" / "libcudart.so.12"
        self.library = ctypes.CDLL(str(path))

    def mappings(self) -> int:
        return int(self.library.fakeCudaMappings())


@pytest.fixture(scope="module")
def fake_cuda(backends_dir: Path) -> FakeCuda:
    return FakeCuda()


def handle_of(key: str) -> bytes:
    return base64.b64encode(key.encode().ljust(64, b"\0"))


def test_device_memory(
    shm_client: Client, shm_port: int, fake_cuda: FakeCuda, segments: Any
) -> None:
    key, handle = segments(4096)
    floats = np.array([5, 6], dtype=np.float32)
    shm.set_shared_memory_region(handle, [floats], offset=8)
    before = fake_cuda.mappings()
    shm_client.register_cuda_shared_memory("g", handle_of(key), 1, 4096)
    listed = [{"name": "g", "device_id": 1, "byte_size": 4096}]
    assert shm_client.get_cuda_shared_memory_status() == listed
    assert shm_client.get_cuda_shared_memory_status("g") == listed
    result = shm_client.infer(
        "device",
        [region_input("INPUT0", floats, "g", offset=8)],
        outputs=[region_output("OUTPUT0", "g", 16, offset=64)],
    )
    assert result.get_output("OUTPUT0") == {"name": "OUTPUT0", "datatype": "FP32", "shape": [2]}
    told = result.get_response()["parameters"]
    assert told == {
        "INPUT0_place": "2:1:8",
        "INPUT0_handle": key,
        "OUTPUT0_expected": "2:1",
        "OUTPUT0_place": "2:1:8",
        "OUTPUT0_handle": key,
    }
    read = shm.get_contents_as_numpy(handle, np.float32, [2], offset=64)
    np.testing.assert_array_equal(read, floats)
    for kind, other in (("system", "CUDA"), ("cuda", "system")):
        name = "g" if kind == "system" else "s"
        if kind == "cuda":
            shm_client.register_system_shared_memory("s", key, 64)
        answer = call(shm_port, "GET", f"/v2/{kind}sharedmemory/region/{name}/status")
        mine = "CUDA" if kind == "cuda" else "system"
        assert refused(answer) == (
            404,
            f"The region named '{name}' is registered as {other} shared memory, not {mine} shared "
            "memory",
        )
    with pytest.raises(InferenceServerException, match="already in manager"):
        shm_client.register_system_shared_memory("g", key, 64)
    shm_client.unregister_cuda_shared_memory("g")
    assert shm_client.get_cuda_shared_memory_status() == []
    assert fake_cuda.mappings() == before


def test_device_memory_that_is_none(
    shm_client: Client, shm_port: int, fake_cuda: FakeCuda, segments: Any
) -> None:
    key, _ = segments(4096)
    path = "cudasharedmemory/region/g/register"
    for handle in (b"", base64.b64encode(b"x" * 63), base64.b64encode(b"x" * 65)):
        body = {"raw_handle": {"b64": handle.decode()}, "device_id": 0, "byte_size": 1}
        assert refused(post(shm_port, path, body)) == (
            400,
            "'raw_handle' must be a valid base64 encoded cudaIpcMemHandle_t",
        )
    with pytest.raises(InferenceServerException) as caught:
        shm_client.register_cuda_shared_memory("g", handle_of("/nothing"), 0, 1)
    assert caught.value.status() == "400"
    assert caught.value.message().startswith(
        "failed to register shared memory region: invalid args"
    )
    with pytest.raises(InferenceServerException, match="'g': invalid args"):
        shm_client.register_cuda_shared_memory("g", handle_of(key), 0, 4097)
    for device in (7, 2**40):
        with pytest.raises(InferenceServerException, match="invalid args"):
            shm_client.register_cuda_shared_memory("g", handle_of(key), device, 1)
    assert shm_client.get_cuda_shared_memory_status() == []


def test_a_mapping_that_cannot_be_closed(
    shm_client: Client, shm_port: int, fake_cuda: FakeCuda
) -> None:
    shm_client.register_cuda_shared_memory("g", handle_of("stuck"), 0, 1)
    with pytest.raises(InferenceServerException) as caught:
        shm_client.unregister_cuda_shared_memory()
    assert caught.value.status() == "500"
    assert caught.value.message() == (
        "Failed to unregister the following cuda shared memory regions: g ,"
    )
    assert shm_client.get_cuda_shared_memory_status() == []


WITHOUT_CUDA = """
import base64, json, sys, urllib.request
from tritonfrontend import KServeHttp
from tritonfrontend.inprocess import Server

with Server(model_repository=sys.argv[1]).start(wait_until_ready=True, timeout=60) as server:
    options = KServeHttp.Options(address="127.0.0.1", port=0, allow_client_shm=True)
    with KServeHttp(server, options) as frontend:
        handle = {"b64": base64.b64encode(bytes(64)).decode()}
        body = json.dumps({"raw_handle": handle, "device_id": 0, "byte_size": 1}).encode()
        url = f"http://127.0.0.1:{frontend.port}/v2/cudasharedmemory/region/g/register"
        try:
            urllib.request.urlopen(url, body)
        except urllib.error.HTTPError as error:
            print("ANSWER", error.code, error.read().decode())
"""


def test_without_cuda_the_answer_says_what_is_missing(tmp_path: Path, backends_dir: Path) -> None:
    # A process of its own, which has never loaded the fake.
    done = run_script(WITHOUT_CUDA, str(write_repository(tmp_path / "models", [])))
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("ANSWER")]
    code, text = line.removeprefix("ANSWER ").split(" ", 1)
    assert code == "400"
    assert json.loads(text)["error"] == (
        "failed to register CUDA shared memory region: 'g', GPUs not supported: the library of "
        "the NVIDIA driver, libcuda.so.1, was not found"
    )
