"""HTTP: shared memory of clients, system and CUDA, registered and used in inference."""

from __future__ import annotations

import contextlib
import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as httpclient
import tritonclient.utils.shared_memory as shm
from helpers.models import write_repository
from rawhttp import RawHttp, call, request
from shm_calls import post, refused, region_input, region_output
from streams import descriptors
from tritonclient.http import InferenceServerClient as Client
from tritonclient.utils import InferenceServerException
from waiting import until

from tritonfrontend import KServeHttp
from tritonfrontend.inprocess import Server

LOCAL = "127.0.0.1"
PAGE = os.sysconf("SC_PAGESIZE")
OFF = "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable."
DOUBLES = np.arange(4, dtype=np.float64)


def test_register_infer_unregister(shm_client: Client, segments: Any) -> None:
    key, handle = segments(4096)
    shm.set_shared_memory_region(handle, [DOUBLES])
    shm_client.register_system_shared_memory("r", key, 4096)
    assert shm_client.get_system_shared_memory_status() == [
        {"name": "r", "key": key, "offset": 0, "byte_size": 4096}
    ]
    result = shm_client.infer(
        "identity_fp64",
        [region_input("INPUT0", DOUBLES, "r")],
        outputs=[region_output("OUTPUT0", "r", DOUBLES.nbytes, offset=1024)],
    )
    entry = result.get_output("OUTPUT0")
    assert entry == {"name": "OUTPUT0", "datatype": "FP64", "shape": [4]}
    read = shm.get_contents_as_numpy(handle, np.float64, [4], offset=1024)
    np.testing.assert_array_equal(read, DOUBLES)
    shm_client.unregister_system_shared_memory("r")
    with pytest.raises(InferenceServerException, match="Unable to find system shared memory"):
        shm_client.get_system_shared_memory_status("r")


def test_text_tensors(shm_client: Client, segments: Any) -> None:
    key, handle = segments(4096)
    words = np.array([b"one", b"", "zwölf".encode()], dtype=np.object_)
    from tritonclient.utils import serialize_byte_tensor

    serialized = serialize_byte_tensor(words)
    size = len(serialized.item())
    shm.set_shared_memory_region(handle, [serialized])
    shm_client.register_system_shared_memory("r", key, 4096)
    tensor = httpclient.InferInput("INPUT0", [3], "BYTES")
    tensor.set_shared_memory("r", size)
    shm_client.infer(
        "identity_bytes", [tensor], outputs=[region_output("OUTPUT0", "r", 1000, 2048)]
    )
    read = shm.get_contents_as_numpy(handle, np.object_, [3], offset=2048)
    assert list(read) == list(words)


def test_an_offset_need_not_be_page_aligned(shm_client: Client, segments: Any) -> None:
    key, handle = segments(3 * PAGE)
    shm.set_shared_memory_region(handle, [DOUBLES], offset=PAGE + 24)
    shm_client.register_system_shared_memory("r", key, PAGE, offset=PAGE + 24)
    result = shm_client.infer("identity_fp64", [region_input("INPUT0", DOUBLES, "r")])
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), DOUBLES)


def test_memory_and_data_in_one_request(shm_client: Client, segments: Any) -> None:
    key, handle = segments(4096)
    floats = np.array([1, 2], dtype=np.float32)
    shm.set_shared_memory_region(handle, [floats])
    shm_client.register_system_shared_memory("r", key, 4096)
    text = httpclient.InferInput("INPUT1", [1], "BYTES")
    text.set_data_from_numpy(np.array([b"x"], dtype=np.object_), binary_data=True)
    outputs = [
        region_output("OUTPUT0", "r", 8, 64),
        httpclient.InferRequestedOutput("OUTPUT1", binary_data=True),
    ]
    inputs = [region_input("INPUT0", floats, "r"), text]
    result = shm_client.infer("identity_two", inputs, outputs=outputs)
    assert list(result.as_numpy("OUTPUT1")) == [b"x"]
    assert "data" not in result.get_output("OUTPUT0")
    read = shm.get_contents_as_numpy(handle, np.float32, [2], offset=64)
    np.testing.assert_array_equal(read, floats)


@pytest.mark.parametrize(
    ("offset", "size", "status", "message"),
    [
        (4096, 4, 400, "Invalid offset for shared memory region: 'r'"),
        (4090, 8, 400, "Invalid offset + byte size for shared memory region: 'r'"),
        (
            8,
            2**64 - 8,
            400,
            "Integer overflow detected: byte_size (18446744073709551608) + offset (8) exceeds "
            "maximum value (18446744073709551615) for region 'r'",
        ),
    ],
)
@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_bounds_of_a_reference(
    shm_client: Client, shm_port: int, segments: Any,
    side: str, offset: int, size: int, status: int, message: str,
) -> None:  # fmt: skip
    key, _ = segments(4096)
    shm_client.register_system_shared_memory("r", key, 4096)
    reference = {
        "shared_memory_region": "r",
        "shared_memory_offset": offset,
        "shared_memory_byte_size": size,
    }
    tensor: dict[str, Any] = {"name": "INPUT0", "datatype": "FP32", "shape": [1]}
    body: dict[str, Any] = {"inputs": [tensor]}
    if side == "inputs":
        tensor["parameters"] = reference
    else:
        tensor["data"] = [1]
        body["outputs"] = [{"name": "OUTPUT0", "parameters": reference}]
    assert refused(post(shm_port, "models/identity_fp32/infer", body)) == (status, message)


def test_an_output_that_does_not_fit(shm_client: Client, segments: Any) -> None:
    key, _ = segments(4096)
    shm_client.register_system_shared_memory("r", key, 4096)
    with pytest.raises(InferenceServerException) as caught:
        shm_client.infer(
            "identity_fp64",
            [region_input("INPUT0", DOUBLES, "r")],
            outputs=[region_output("OUTPUT0", "r", 31, 64)],
        )
    assert caught.value.status() == "500"
    assert caught.value.message() == (
        "shared memory size specified with the request for output 'OUTPUT0' (31 bytes) should be "
        "at least 32 bytes to hold the results"
    )


def test_an_input_of_another_size(shm_client: Client, segments: Any) -> None:
    key, _ = segments(4096)
    shm_client.register_system_shared_memory("r", key, 4096)
    tensor = httpclient.InferInput("INPUT0", [4], "FP64")
    tensor.set_shared_memory("r", 31)
    with pytest.raises(InferenceServerException, match="Expected 32, got 31"):
        shm_client.infer("identity_fp64", [tensor])


def test_an_unknown_region(shm_client: Client) -> None:
    with pytest.raises(InferenceServerException) as caught:
        shm_client.infer("identity_fp64", [region_input("INPUT0", DOUBLES, "x")])
    assert caught.value.status() == "404"
    assert caught.value.message() == "Unable to find shared memory region: 'x'"


def test_a_client_that_truncates_its_object_is_refused(shm_client: Client, segments: Any) -> None:
    key, handle = segments(4 * PAGE)
    shm.set_shared_memory_region(handle, [np.zeros(4 * PAGE, dtype=np.uint8)])
    shm_client.register_system_shared_memory("r", key, 4 * PAGE)
    os.truncate(f"/dev/shm{key}", PAGE)
    tensor = httpclient.InferInput("INPUT0", [2], "BYTES")
    tensor.set_shared_memory("r", 8, offset=2 * PAGE)
    with pytest.raises(InferenceServerException, match="made smaller after it was registered"):
        shm_client.infer("identity_bytes", [tensor])
    with pytest.raises(InferenceServerException, match="made smaller after it was registered"):
        shm_client.infer(
            "identity_fp64",
            [region_input("INPUT0", DOUBLES, "r")],
            outputs=[region_output("OUTPUT0", "r", 32, 2 * PAGE)],
        )
    assert shm_client.is_server_live()
    os.truncate(f"/dev/shm{key}", 4 * PAGE)


def test_unregistering_while_in_use(shm_client: Client, segments: Any) -> None:
    key, handle = segments(4096)
    floats = np.array([3, 4], dtype=np.float32)
    shm.set_shared_memory_region(handle, [floats])
    shm_client.register_system_shared_memory("r", key, 4096)
    running = shm_client.async_infer(
        "delay",
        [region_input("INPUT0", floats, "r")],
        outputs=[region_output("OUTPUT0", "r", 8, 64)],
        parameters={"delay_ms": 1500},
    )
    probe = region_input("INPUT0", floats, "r")

    # The request is submitted once an unregistered region stays listed.
    def in_use() -> bool:
        shm_client.unregister_system_shared_memory("r")
        if shm_client.get_system_shared_memory_status():
            return True
        shm_client.register_system_shared_memory("r", key, 4096)
        return False

    until(in_use, "the request uses the region")
    with pytest.raises(InferenceServerException, match="already in manager"):
        shm_client.register_system_shared_memory("r", key, 4096)
    with pytest.raises(InferenceServerException, match="Unable to find shared memory region"):
        shm_client.infer("identity_fp32", [probe])
    running.get_result()
    assert shm_client.get_system_shared_memory_status() == []
    read = shm.get_contents_as_numpy(handle, np.float32, [2], offset=64)
    np.testing.assert_array_equal(read, floats)
    shm_client.register_system_shared_memory("r", key, 4096)


def test_a_client_that_leaves_frees_its_region(
    shm_client: Client, shm_port: int, segments: Any
) -> None:
    key, _ = segments(4096)
    shm_client.register_system_shared_memory("r", key, 4096)
    reference = {"shared_memory_region": "r", "shared_memory_byte_size": 4}
    tensor = {"name": "INPUT0", "datatype": "FP32", "shape": [1], "parameters": reference}
    body = json.dumps({"parameters": {"delay_ms": 60000}, "inputs": [tensor]}).encode()
    with RawHttp(shm_port) as raw:
        raw.send(request("POST", "/v2/models/delay/infer", body))
        raw.reset()

    def gone() -> bool:
        shm_client.unregister_system_shared_memory("r")
        return bool(shm_client.get_system_shared_memory_status() == [])

    until(gone, "the cancelled request lets go of the region")


def test_frontends_of_one_server_share_the_regions(
    shm_client: Client, shm_server: Server, segments: Any
) -> None:
    key, handle = segments(4096)
    shm.set_shared_memory_region(handle, [DOUBLES])
    shm_client.register_system_shared_memory("r", key, 4096)
    options = KServeHttp.Options(address=LOCAL, port=0, allow_client_shm=True)
    with (
        KServeHttp(shm_server, options) as frontend,
        closing(Client(f"{LOCAL}:{frontend.port}")) as other,
    ):
        assert [region["name"] for region in other.get_system_shared_memory_status()] == ["r"]
        result = other.infer("identity_fp64", [region_input("INPUT0", DOUBLES, "r")])
        np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), DOUBLES)
        other.unregister_system_shared_memory("r")
    assert shm_client.get_system_shared_memory_status() == []


def test_off_by_default(shm_client: Client, shm_server: Server, segments: Any) -> None:
    key, _ = segments(4096)
    shm_client.register_system_shared_memory("r", key, 4096)
    with KServeHttp(shm_server, KServeHttp.Options(address=LOCAL, port=0)) as frontend:
        port = frontend.port
        for kind in ("system", "cuda"):
            for verb in ("register", "unregister"):
                for path in (verb, f"region/r/{verb}"):
                    assert refused(post(port, f"{kind}sharedmemory/{path}")) == (501, OFF)
        status = call(port, "GET", "/v2/systemsharedmemory/status")
        assert [region["name"] for region in status.json()] == ["r"]
        tensor = {
            "name": "INPUT0", "datatype": "FP32", "shape": [1],
            "parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 4},
        }  # fmt: skip
        answer = post(port, "models/identity_fp32/infer", {"inputs": [tensor]})
        assert refused(answer) == (404, "Unable to find shared memory region: 'r'")


def test_names_and_keys(shm_client: Client, shm_port: int, segments: Any) -> None:
    key, _ = segments(64)
    shm_client.register_system_shared_memory("a b;c%", key.strip("/"), 64)
    (region,) = shm_client.get_system_shared_memory_status("a b;c%")
    assert (region["name"], region["key"]) == ("a b;c%", key.strip("/"))
    with pytest.raises(InferenceServerException) as caught:
        shm_client.register_system_shared_memory("a b;c%", key, 64)
    assert caught.value.status() == "400"
    assert caught.value.message() == "shared memory region 'a b;c%' already in manager"
    path = "systemsharedmemory/region/r/register"
    for bad in ("", "/", "///"):
        assert refused(post(shm_port, path, {"key": bad, "byte_size": 1})) == (
            400,
            f"cannot register shared memory region 'r' - invalid shm key '{bad}'",
        )
    prefix = "triton_python_backend_shm_region_"
    for bad in (prefix, f"/{prefix}1", f"//{prefix}1"):
        assert refused(post(shm_port, path, {"key": bad, "byte_size": 1})) == (
            400,
            f"cannot register shared memory region 'r' with key '{bad}' as the key contains the "
            f"reserved prefix '{prefix}'",
        )


@pytest.mark.parametrize(
    ("offset", "size"), [(0, 65), (64, 1), (1, 2**64 - 1), (2**64 - 1, 1), (2**63, 2**63)]
)
def test_a_region_beyond_its_object(
    shm_client: Client, shm_port: int, segments: Any, offset: int, size: int
) -> None:
    key, _ = segments(64)
    before = descriptors()
    body = {"key": key, "offset": offset, "byte_size": size}
    for _ in range(20):
        assert refused(post(shm_port, "systemsharedmemory/region/r/register", body)) == (
            400,
            "failed to register shared memory region 'r': invalid args",
        )
    until(lambda: descriptors() <= before, "every descriptor is closed")


def test_unregister_of_nothing(shm_client: Client, shm_port: int) -> None:
    shm_client.unregister_system_shared_memory("nobody")
    shm_client.unregister_cuda_shared_memory("nobody")
    answer = post(shm_port, "systemsharedmemory/region/x/unregister", b"{not read")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("content-type") == "application/json"


def test_many_clients_register_and_infer(shm_port: int, shm_client: Client, segments: Any) -> None:
    """Each client works on its own regions while the others come and go."""
    from concurrent.futures import ThreadPoolExecutor

    objects = [segments(4096) for _ in range(4)]

    def work(number: int) -> None:
        key, handle = objects[number]
        with closing(Client(f"{LOCAL}:{shm_port}")) as mine:
            for turn in range(10):
                data = np.full(4, number * 100 + turn, dtype=np.float64)
                shm.set_shared_memory_region(handle, [data])
                mine.register_system_shared_memory(f"r{number}", key, 4096)
                mine.infer(
                    "identity_fp64",
                    [region_input("INPUT0", data, f"r{number}")],
                    outputs=[region_output("OUTPUT0", f"r{number}", 32, 512)],
                )
                read = shm.get_contents_as_numpy(handle, np.float64, [4], offset=512)
                np.testing.assert_array_equal(read, data)
                mine.unregister_system_shared_memory(f"r{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


def test_regions_are_dropped_with_the_last_frontend(
    tmp_path: Path, backends_dir: Path, segments: Any
) -> None:
    key, _ = segments(4096)
    repository = write_repository(tmp_path / "models", [])
    options = KServeHttp.Options(address=LOCAL, port=0, allow_client_shm=True)
    with Server(model_repository=str(repository)).start(wait_until_ready=True) as server:
        for _ in range(2):
            with (
                KServeHttp(server, options) as frontend,
                closing(Client(f"{LOCAL}:{frontend.port}")) as mine,
            ):
                assert mine.get_system_shared_memory_status() == []
                mine.register_system_shared_memory("r", key, 4096)
            with contextlib.suppress(FileNotFoundError):
                maps = Path("/proc/self/maps").read_text()
                # Only the client's own mapping is left.
                assert maps.count(key) == 1
