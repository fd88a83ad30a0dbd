"""gRPC: what the reference server gets wrong about everything but inference, checked to be right.

Each test is named after the defect.
"""

from __future__ import annotations

import gc
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tritonclient.utils.shared_memory as shm
from calls import HEALTH, channel, infer_request, outcome, raw_call, stub
from helpers.models import identity, standard_models, write_model, write_repository
from streams import descriptors
from tritonclient.grpc import service_pb2 as pb
from waiting import until

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LOCAL = "127.0.0.1"
Setting = pb.TraceSettingRequest.SettingValue
LogValue = pb.LogSettingsRequest.SettingValue


def region(target: Any, name: str, size: int) -> None:
    target.parameters["shared_memory_region"].string_param = name
    target.parameters["shared_memory_byte_size"].int64_param = size


def test_settings_and_shared_memory_of_the_package_crash(triton_stub: Any) -> None:
    """Its frontends have no managers for them."""
    assert triton_stub.TraceSetting(pb.TraceSettingRequest()).settings
    assert triton_stub.LogSettings(pb.LogSettingsRequest()).settings
    triton_stub.SystemSharedMemoryStatus(pb.SystemSharedMemoryStatusRequest())
    triton_stub.CudaSharedMemoryStatus(pb.CudaSharedMemoryStatusRequest())
    request = infer_request(raw=())
    region(request.inputs[0], "r", 4)
    del request.raw_input_contents[:]
    assert outcome(lambda: triton_stub.ModelInfer(request)) == (
        "NOT_FOUND",
        "Unable to find shared memory region: 'r'",
    )


@pytest.mark.parametrize("size", [0, 1, 63, 65])
def test_a_short_handle_is_read_beyond_its_end(open_grpc: Any, size: int) -> None:
    request = pb.CudaSharedMemoryRegisterRequest(name="c", raw_handle=bytes(size), byte_size=1)
    with stub(open_grpc(allow_client_shm=True)) as made:
        assert outcome(lambda: made.CudaSharedMemoryRegister(request)) == (
            "INVALID_ARGUMENT",
            f"failed to register shared memory region 'c': invalid args (raw_handle has {size} "
            "bytes, expected the 64 of a cudaIpcMemHandle_t)",
        )


def test_a_refused_region_leaks_a_descriptor(open_grpc: Any, segments: Any) -> None:
    key, _ = segments(100)
    with stub(open_grpc(allow_client_shm=True)) as made:

        def refused() -> None:
            request = pb.SystemSharedMemoryRegisterRequest(name="r", key=key, byte_size=101)
            assert outcome(lambda: made.SystemSharedMemoryRegister(request)) == (
                "INVALID_ARGUMENT",
                "failed to register shared memory region 'r': invalid args",
            )

        refused()
        gc.collect()
        before = descriptors()
        for _ in range(50):
            refused()
        until(lambda: descriptors() <= before, "every descriptor is closed")


def test_offset_and_size_of_a_region_wrap_around(open_grpc: Any, segments: Any) -> None:
    key, _ = segments(4096)
    with stub(open_grpc(allow_client_shm=True)) as made:
        for offset, size in ((2**64 - 1, 2), (2**64 - 4096, 8192), (1, 2**64 - 1)):
            request = pb.SystemSharedMemoryRegisterRequest(
                name="r", key=key, offset=offset, byte_size=size
            )
            assert outcome(partial(made.SystemSharedMemoryRegister, request)) == (
                "INVALID_ARGUMENT",
                "failed to register shared memory region 'r': invalid args",
            )


def test_a_region_that_is_leaving_takes_new_users(open_grpc: Any, segments: Any) -> None:
    key, handle = segments(64)
    shm.set_shared_memory_region(handle, [np.ones(1, np.float32)])
    request = infer_request("delay", parameters={"delay_ms": 600_000})
    del request.raw_input_contents[:]
    region(request.inputs[0], "leaving", 4)
    register = pb.SystemSharedMemoryRegisterRequest(name="leaving", key=key, byte_size=64)
    unregister = pb.SystemSharedMemoryUnregisterRequest(name="leaving")
    with stub(open_grpc(allow_client_shm=True)) as made:

        def listed() -> bool:
            status = made.SystemSharedMemoryStatus(pb.SystemSharedMemoryStatusRequest())
            return "leaving" in status.regions

        held: list[Any] = []

        def leaves_while_in_use() -> bool:
            made.SystemSharedMemoryRegister(register)
            held.append(made.ModelInfer.future(request))
            made.ServerLive(pb.ServerLiveRequest())
            made.SystemSharedMemoryUnregister(unregister)
            return listed()

        until(leaves_while_in_use, "a region is unregistered while a request has it")
        assert outcome(lambda: made.ModelInfer(request)) == (
            "NOT_FOUND",
            "Unable to find shared memory region: 'leaving'",
        )
        for call in held:
            call.cancel()
        until(lambda: not listed(), "the region is gone")


def test_slow_calls_delay_probes(explicit_server: Server) -> None:
    """Health has threads that no management call ever has."""
    from tritonfrontend import KServeGrpc

    options = KServeGrpc.Options(
        address=LOCAL, port=0, control_thread_count=1, control_queue_limit=1
    )
    with (
        KServeGrpc(explicit_server, options) as frontend,
        channel(frontend.port) as opened,
        stub(frontend.port) as made,
    ):
        spare = pb.RepositoryModelLoadRequest(model_name="spare")
        loads = [made.RepositoryModelLoad.future(spare) for _ in range(20)]
        # Not serving while a model loads; it is the answer that counts.
        assert raw_call(opened, HEALTH) in (b"\x08\x01", b"\x08\x02")
        assert made.ModelReady(pb.ModelReadyRequest(name="identity_fp32")).ready
        assert made.ModelMetadata(pb.ModelMetadataRequest(name="identity_fp32")).name
        codes = {outcome(load.result)[0] for load in loads}
        assert codes <= {"OK", "RESOURCE_EXHAUSTED"}
        made.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="spare"))


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def test_every_load_makes_a_thread(explicit_server: Server) -> None:
    from tritonfrontend import KServeGrpc

    with (
        KServeGrpc(explicit_server, KServeGrpc.Options(address=LOCAL, port=0)) as frontend,
        stub(frontend.port) as made,
    ):
        request = pb.RepositoryModelLoadRequest(model_name="missing")
        outcome(lambda: made.RepositoryModelLoad(request))
        before = threads()
        loads = [made.RepositoryModelLoad.future(request) for _ in range(100)]
        assert threads() < before + 50
        assert {outcome(load.result)[0] for load in loads} == {"INTERNAL"}


def test_trace_settings_are_ignored_or_wrap_around(triton_stub: Any) -> None:
    def refused(**settings: list[str]) -> str:
        values = {key: Setting(value=value) for key, value in settings.items()}
        request = pb.TraceSettingRequest(settings=values)
        code, text = outcome(lambda: triton_stub.TraceSetting(request))
        assert code == "INVALID_ARGUMENT"
        return text

    assert outcome(lambda: triton_stub.TraceSetting(pb.TraceSettingRequest(model_name="nope"))) == (
        "INVALID_ARGUMENT",
        "Request for unknown model : nope",
    )
    assert "trace_rate" in refused(trace_rate=["-1"])
    assert "log_frequency" in refused(log_frequency=["-1"])
    assert "bogus" in refused(bogus=["1"])
    assert "SOMETIMES" in refused(trace_level=["SOMETIMES"])
    before = triton_stub.TraceSetting(pb.TraceSettingRequest())
    assert refused(trace_rate=["7"], trace_count=["x"])
    assert triton_stub.TraceSetting(pb.TraceSettingRequest()) == before


def test_log_settings_are_applied_in_part(triton_stub: Any) -> None:
    before = triton_stub.LogSettings(pb.LogSettingsRequest())
    flag = not before.settings["log_info"].bool_param
    request = pb.LogSettingsRequest(
        settings={
            "log_info": LogValue(bool_param=flag),
            "log_format": LogValue(string_param="x"),
        }
    )
    assert outcome(lambda: triton_stub.LogSettings(request))[0] == "INVALID_ARGUMENT"
    assert triton_stub.LogSettings(pb.LogSettingsRequest()) == before


def test_models_that_are_not_there_have_many_codes(triton_stub: Any, explicit_stub: Any) -> None:
    """What the core says is passed on; readiness is the same with every core."""

    def code(method: str, request: Any) -> str:
        return outcome(lambda: getattr(triton_stub, method)(request))[0]

    assert code("ModelReady", pb.ModelReadyRequest(name="nope")) == "NOT_FOUND"
    assert code("ModelMetadata", pb.ModelMetadataRequest(name="nope")) == "NOT_FOUND"
    assert code("ModelConfig", pb.ModelConfigRequest(name="nope")) == "NOT_FOUND"
    assert code("ModelStatistics", pb.ModelStatisticsRequest(name="nope")) == "INVALID_ARGUMENT"
    unload = pb.RepositoryModelUnloadRequest(model_name="nope")
    assert outcome(lambda: explicit_stub.RepositoryModelUnload(unload)) == ("OK", "")


def test_refused_calls_leak_messages(triton_stub: Any) -> None:
    """Under a sanitizer's leak check this would show; without one the server's memory does."""

    def resident() -> int:
        pages = Path("/proc/self/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def ask(times: int) -> None:
        for _ in range(times):
            outcome(lambda: triton_stub.ModelMetadata(pb.ModelMetadataRequest(name="nope")))
            outcome(lambda: triton_stub.ModelStatistics(pb.ModelStatisticsRequest(name="nope")))
            outcome(lambda: triton_stub.TraceSetting(pb.TraceSettingRequest(model_name="nope")))

    ask(200)
    before = resident()
    ask(500)
    assert resident() - before < 8 << 20


def test_a_load_goes_on_for_nobody(tmp_path: Path, backends_dir: Path) -> None:
    """One that waits for a thread is not begun when its caller has given up."""
    from tritonfrontend import KServeGrpc
    from tritonfrontend.inprocess import ModelControlMode, Server

    repository = write_repository(tmp_path, standard_models()[:1])
    write_model(repository, identity("FP32", name="slow", parameters={"load_delay_ms": "600"}))
    write_model(repository, identity("FP32", name="late"))
    options: dict[str, Any] = {
        "model_repository": str(repository),
        "model_control_mode": ModelControlMode.EXPLICIT,
        "log_error": True,
    }
    with (
        Server(**options).start(wait_until_ready=True, timeout=60) as server,
        KServeGrpc(
            server, KServeGrpc.Options(address=LOCAL, port=0, control_thread_count=1)
        ) as frontend,
        stub(frontend.port) as made,
    ):
        slow = made.RepositoryModelLoad.future(pb.RepositoryModelLoadRequest(model_name="slow"))
        late = made.RepositoryModelLoad.future(pb.RepositoryModelLoadRequest(model_name="late"))
        late.cancel()
        assert outcome(slow.result) == ("OK", "")
        assert outcome(
            lambda: made.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="slow"))
        ) == ("OK", "")
        assert outcome(lambda: made.ModelReady(pb.ModelReadyRequest(name="late")))[0] == "NOT_FOUND"
