"""gRPC: shared memory of clients, registered and used in inference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.utils.shared_memory as shm
from calls import infer_request, outcome, output, stub, tensor
from rawhttp import call
from tritonclient.grpc import service_pb2 as pb
from tritonclient.utils import InferenceServerException

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LOCAL = "127.0.0.1"
OFF = "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable."
VALUES = np.arange(4, dtype=np.float32)


@pytest.fixture(scope="module")
def port(shm_server: Server) -> Iterator[int]:
    from tritonfrontend import KServeGrpc

    options = KServeGrpc.Options(address=LOCAL, port=0, allow_client_shm=True)
    with KServeGrpc(shm_server, options) as frontend:
        yield frontend.port


@pytest.fixture
def client(port: int) -> Iterator[grpcclient.InferenceServerClient]:
    """Leaves no region behind."""
    with closing(grpcclient.InferenceServerClient(f"{LOCAL}:{port}")) as made:
        yield made
        made.unregister_system_shared_memory()
        made.unregister_cuda_shared_memory()
        assert not made.get_system_shared_memory_status().regions


def region_input(region: str, offset: int = 0) -> grpcclient.InferInput:
    made = grpcclient.InferInput("INPUT0", list(VALUES.shape), "FP32")
    made.set_shared_memory(region, VALUES.nbytes, offset=offset)
    return made


def region_output(region: str, size: int, offset: int = 0) -> grpcclient.InferRequestedOutput:
    made = grpcclient.InferRequestedOutput("OUTPUT0")
    made.set_shared_memory(region, size, offset=offset)
    return made


def test_register_infer_unregister(client: Any, segments: Any) -> None:
    key, handle = segments(4096)
    shm.set_shared_memory_region(handle, [VALUES])
    client.register_system_shared_memory("r", key, 4096)
    status = client.get_system_shared_memory_status(as_json=True)
    assert status == {"regions": {"r": {"name": "r", "key": key, "byte_size": "4096"}}}
    result = client.infer(
        "identity_fp32",
        [region_input("r")],
        outputs=[region_output("r", VALUES.nbytes, offset=1024)],
    )
    answer = result.get_response()
    assert list(answer.raw_output_contents) == [b""]
    assert (answer.outputs[0].datatype, list(answer.outputs[0].shape)) == ("FP32", [4])
    read = shm.get_contents_as_numpy(handle, np.float32, [4], offset=1024)
    np.testing.assert_array_equal(read, VALUES)
    client.unregister_system_shared_memory("r")
    with pytest.raises(InferenceServerException, match="Unable to find system shared memory"):
        client.get_system_shared_memory_status("r")
    with pytest.raises(InferenceServerException, match="Unable to find shared memory region: 'r'"):
        client.infer("identity_fp32", [region_input("r")])


def test_regions_are_those_of_http(client: Any, shm_port: int, segments: Any) -> None:
    key, _ = segments(64)
    client.register_system_shared_memory("r", key, 64)
    (found,) = call(shm_port, "GET", "/v2/systemsharedmemory/status").json()
    assert found == {"name": "r", "key": key, "offset": 0, "byte_size": 64}
    assert call(shm_port, "POST", "/v2/systemsharedmemory/region/r/unregister").status == 200
    assert not client.get_system_shared_memory_status().regions


def test_a_region_and_a_message_in_one_request(port: int, client: Any, segments: Any) -> None:
    """Raw contents belong to the inputs that have no region."""
    key, handle = segments(4096)
    shm.set_shared_memory_region(handle, [VALUES])
    client.register_system_shared_memory("r", key, 4096)
    first = tensor("INPUT0", "FP32", [4])
    for name, value in (("shared_memory_region", "r"), ("shared_memory_byte_size", 16)):
        set_parameter(first, name, value)
    request = infer_request(
        "identity_two",
        [first, tensor("INPUT1", "BYTES", [1])],
        [b"\x02\0\0\0hi"],
    )
    with stub(port) as made:
        got = made.ModelInfer(request)
    assert {o.name: raw for o, raw in zip(got.outputs, got.raw_output_contents, strict=True)} == {
        "OUTPUT0": VALUES.tobytes(),
        "OUTPUT1": b"\x02\0\0\0hi",
    }


def set_parameter(target: Any, name: str, value: Any) -> None:
    kind = "string_param" if isinstance(value, str) else "int64_param"
    target.parameters[name].CopyFrom(pb.InferParameter(**{kind: value}))


@pytest.mark.parametrize(
    ("offset", "size", "code", "text"),
    [
        (4096, 1, "INVALID_ARGUMENT", "Invalid offset for shared memory region: 'r'"),
        (-1, 1, "INVALID_ARGUMENT", "Invalid offset for shared memory region: 'r'"),
        (4090, 16, "INVALID_ARGUMENT", "Invalid offset + byte size for shared memory region: 'r'"),
        (
            16,
            -1,
            "INVALID_ARGUMENT",
            "Integer overflow detected: byte_size (18446744073709551615) + offset (16) exceeds "
            "maximum value (18446744073709551615) for region 'r'",
        ),
        (
            0,
            15,
            "INTERNAL",
            "shared memory size specified with the request for output 'OUTPUT0' (15 bytes) should "
            "be at least 16 bytes to hold the results",
        ),
    ],
)
def test_outputs_out_of_bounds(
    port: int, client: Any, segments: Any, offset: int, size: int, code: str, text: str
) -> None:
    key, _ = segments(4096)
    client.register_system_shared_memory("r", key, 4096)
    wanted = output("OUTPUT0")
    for name, value in (
        ("shared_memory_region", "r"),
        ("shared_memory_offset", offset),
        ("shared_memory_byte_size", size),
    ):
        set_parameter(wanted, name, value)
    request = infer_request(
        "identity_fp32", [tensor("INPUT0", "FP32", [4])], [VALUES.tobytes()], outputs=[wanted]
    )
    with stub(port) as made:
        assert outcome(lambda: made.ModelInfer(request)) == (code, text)


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        (
            {"key": "/"},
            "INVALID_ARGUMENT",
            "cannot register shared memory region 'r' - invalid shm key '/'",
        ),
        (
            {"key": "/triton_python_backend_shm_region_1"},
            "INVALID_ARGUMENT",
            "cannot register shared memory region 'r' with key "
            "'/triton_python_backend_shm_region_1' as the key contains the reserved prefix "
            "'triton_python_backend_shm_region_'",
        ),
        ({"key": "/tfe_none"}, "INTERNAL", "Unable to open shared memory region: '/tfe_none'"),
    ],
)
def test_registrations_that_are_refused(
    port: int, fields: dict[str, Any], code: str, text: str
) -> None:
    request = pb.SystemSharedMemoryRegisterRequest(name="r", byte_size=1, **fields)
    with stub(port) as made:
        assert outcome(lambda: made.SystemSharedMemoryRegister(request)) == (code, text)


def test_cuda_without_a_gpu(port: int) -> None:
    request = pb.CudaSharedMemoryRegisterRequest(name="c", raw_handle=bytes(64), byte_size=1)
    with stub(port) as made:
        code, text = outcome(lambda: made.CudaSharedMemoryRegister(request))
        assert code == "INVALID_ARGUMENT"
        assert text.startswith("failed to register ")
        assert not made.CudaSharedMemoryStatus(pb.CudaSharedMemoryStatusRequest()).regions
        assert outcome(
            lambda: made.CudaSharedMemoryStatus(pb.CudaSharedMemoryStatusRequest(name="c"))
        ) == ("NOT_FOUND", "Unable to find cuda shared memory region: 'c'")


def test_off_by_default(triton_stub: Any) -> None:
    for change in (
        lambda: triton_stub.SystemSharedMemoryRegister(pb.SystemSharedMemoryRegisterRequest()),
        lambda: triton_stub.SystemSharedMemoryUnregister(pb.SystemSharedMemoryUnregisterRequest()),
        lambda: triton_stub.CudaSharedMemoryRegister(pb.CudaSharedMemoryRegisterRequest()),
        lambda: triton_stub.CudaSharedMemoryUnregister(pb.CudaSharedMemoryUnregisterRequest()),
    ):
        assert outcome(change) == ("UNIMPLEMENTED", OFF)
    assert not triton_stub.SystemSharedMemoryStatus(pb.SystemSharedMemoryStatusRequest()).regions
