"""gRPC: restricted protocols, forwarded metadata, and the caps on inferences."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rawh2
import tritonclient.grpc as grpcclient
from calls import HEALTH, channel, infer_request, outcome, raw_call, stub
from rawh2 import RawH2, open_call
from tritonclient.grpc import service_pb2 as pb
from tritonclient.utils import InferenceServerException
from waiting import until

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LOCAL = "127.0.0.1"
ADMIN = ("triton-grpc-protocol-admin", "s3cret")
USER = ("triton-grpc-protocol-user", "a=b:c")
REFUSED = "This protocol is restricted, expecting header '{}'"
RESERVED = "Header '{}' is reserved for Triton usage and cannot be forwarded."
RULES = [
    "health,metadata,model-config,model-repository,statistics,shared-memory,trace,logging:"
    "Admin=s3cret",
    "inference:user=a=b:c",
]
# One call for each restricted group.
CALLS: dict[str, tuple[str, Any]] = {
    "health": ("ServerReady", pb.ServerReadyRequest()),
    "metadata": ("ModelMetadata", pb.ModelMetadataRequest(name="identity_fp32")),
    "model-config": ("ModelConfig", pb.ModelConfigRequest(name="identity_fp32")),
    "model-repository": ("RepositoryIndex", pb.RepositoryIndexRequest()),
    "statistics": ("ModelStatistics", pb.ModelStatisticsRequest()),
    "shared-memory": ("SystemSharedMemoryStatus", pb.SystemSharedMemoryStatusRequest()),
    "trace": ("TraceSetting", pb.TraceSettingRequest()),
    "logging": ("LogSettings", pb.LogSettingsRequest()),
}


@pytest.fixture(scope="module")
def restricted(wide_server: Server) -> Iterator[int]:
    from tritonfrontend import KServeGrpc

    options = KServeGrpc.Options(
        address=LOCAL, port=0, restricted_protocols=RULES, forward_header_pattern=".*"
    )
    with KServeGrpc(wide_server, options) as frontend:
        yield frontend.port


@pytest.mark.parametrize("group", CALLS)
def test_groups_ask_for_their_key(restricted: int, group: str) -> None:
    method, request = CALLS[group]
    refused = ("UNAVAILABLE", REFUSED.format(ADMIN[0]))
    with stub(restricted) as made:
        ask = getattr(made, method)
        assert outcome(lambda: ask(request, metadata=[ADMIN])) == ("OK", "")
        assert outcome(lambda: ask(request)) == refused
        assert outcome(lambda: ask(request, metadata=[(ADMIN[0], "S3cret")])) == refused
        assert outcome(lambda: ask(request, metadata=[(ADMIN[0], "x"), ADMIN])) == refused
        assert outcome(lambda: ask(request, metadata=[USER])) == refused


def test_inference_and_health_checks(restricted: int) -> None:
    with stub(restricted) as made:
        assert outcome(lambda: made.ModelInfer(infer_request(), metadata=[ADMIN])) == (
            "UNAVAILABLE",
            REFUSED.format(USER[0]),
        )
        assert outcome(lambda: made.ModelInfer(infer_request(), metadata=[USER])) == ("OK", "")
    with channel(restricted) as opened:
        assert outcome(lambda: raw_call(opened, HEALTH))[0] == "UNAVAILABLE"
        assert raw_call(opened, HEALTH, metadata=[ADMIN]) == b"\x08\x01"


def test_the_head_alone_is_judged(restricted: int) -> None:
    """The answer does not wait for the message, which may be gigabytes."""
    with RawH2(restricted) as h2:
        h2.send(open_call(1, "/inference.GRPCInferenceService/ModelInfer"))
        reply = h2.finish(1)
        assert len(reply.headers) == 1
        assert (reply.status, reply.message) == (14, REFUSED.format(USER[0]))
        assert h2.wait_for(rawh2.RST_STREAM, 1).error_code == 0


def test_an_unknown_method_tells_nothing_of_restrictions(restricted: int) -> None:
    with channel(restricted) as opened:
        path = "/inference.GRPCInferenceService/Nope"
        assert outcome(lambda: raw_call(opened, path))[0] == "UNIMPLEMENTED"


def test_clients_with_the_key(restricted: int) -> None:
    headers = {ADMIN[0]: ADMIN[1]}
    with closing(grpcclient.InferenceServerClient(f"{LOCAL}:{restricted}")) as client:
        assert client.is_server_live(headers=headers)
        with pytest.raises(InferenceServerException, match="This protocol is restricted"):
            client.is_server_live()


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("nope:k=v", "unknown restricted protocol 'nope' "),
        ("health,health:k=v", "can not be specified in multiple config groups"),
        ("health=v", "option format is '<config name>:<setting>=<value>'. Got health=v"),
        ("health:k-bin=v", "restricted protocol key 'k-bin' is not a metadata name"),
    ],
)
def test_rules_that_are_refused(rule: str, text: str) -> None:
    from tritonfrontend import InvalidArgumentError, KServeGrpc

    with pytest.raises(InvalidArgumentError) as caught:
        KServeGrpc.Options(restricted_protocols=[rule])
    assert text in str(caught.value)


@pytest.fixture(scope="module")
def port_for(wide_server: Server) -> Iterator[Any]:
    """A port that forwards by the pattern."""
    from tritonfrontend import KServeGrpc

    with ExitStack() as stack:
        ports: dict[str, int] = {}

        def open_port(pattern: str) -> int:
            if pattern not in ports:
                options = KServeGrpc.Options(address=LOCAL, port=0, forward_header_pattern=pattern)
                ports[pattern] = stack.enter_context(KServeGrpc(wide_server, options)).port
            return ports[pattern]

        yield open_port


def echoed(port: int, *metadata: tuple[str, Any], **parameters: Any) -> dict[str, str]:
    request = infer_request("identity_echo", parameters=parameters)
    with stub(port) as made:
        got = made.ModelInfer(request, metadata=metadata)
    return {key: value.string_param for key, value in got.parameters.items()}


def test_metadata_that_matches_is_forwarded(port_for: Any) -> None:
    given = [("x-a", "1"), ("a-x-b", "two words"), ("other", "3"), ("x-c-bin", b"\xe2\x82\xac")]
    got = echoed(port_for("x-"), *given)
    assert got["x-a"] == "1"
    assert got["a-x-b"] == "two words"
    assert got["x-c-bin"] == "\u20ac"
    assert "other" not in got
    assert not {"x-a", "other"} & echoed(port_for(""), *given).keys()
    assert "x-a" not in echoed(port_for("X-"), *given)
    assert echoed(port_for("(?i)X-"), *given)["x-a"] == "1"
    assert echoed(port_for("user-agent"))["user-agent"].startswith("grpc-python")


def test_the_metadata_comes_behind_the_parameter(port_for: Any) -> None:
    assert echoed(port_for("x-"), ("x-a", "metadata"), **{"x-a": "body"})["x-a"] == "metadata"


@pytest.mark.parametrize("name", ["sequence_id", "timeout", "headers", "triton_x", "priority"])
def test_reserved_names_are_refused(port_for: Any, name: str) -> None:
    with stub(port_for(".*")) as made:
        ask = outcome(lambda: made.ModelInfer(infer_request(), metadata=[(name, "1")]))
        assert ask == ("INVALID_ARGUMENT", RESERVED.format(name))
    with stub(port_for("x-")) as made:
        assert outcome(lambda: made.ModelInfer(infer_request(), metadata=[(name, "1")]))[0] == "OK"


def test_the_secret_is_not_forwarded(restricted: int) -> None:
    got = echoed(restricted, USER, ("x-a", "1"))
    assert got["x-a"] == "1"
    assert USER[0] not in got


@pytest.mark.parametrize("option", [{"max_inflight_requests": 1}, {"max_inflight_bytes": 500}])
def test_caps_refuse_and_give_back(open_grpc: Any, option: dict[str, int]) -> None:
    port = open_grpc(**option)
    large = infer_request("delay", parameters={"delay_ms": 600_000, "x": "y" * 300})
    with stub(port) as made:
        calls = [made.ModelInfer.future(large) for _ in range(2)]
        until(lambda: any(call.done() for call in calls), "one of them is refused")
        (refused,) = (call for call in calls if call.done())
        code, text = outcome(refused.result)
        assert code == "RESOURCE_EXHAUSTED"
        assert next(iter(option)) in text
        assert made.ServerLive(pb.ServerLiveRequest()).live
        for call in calls:
            call.cancel()
        until(
            lambda: outcome(lambda: made.ModelInfer(infer_request())) == ("OK", ""),
            "the share came back",
        )


def test_concurrent_calls_of_the_asynchronous_client(grpc_port: int) -> None:
    import tritonclient.grpc.aio as aioclient

    async def run() -> None:
        async with aioclient.InferenceServerClient(f"{LOCAL}:{grpc_port}") as client:
            assert await client.is_server_ready()
            assert (await client.get_server_metadata()).name == "triton"
            config = await client.get_model_config("identity_fp32")
            assert config.config.name == "identity_fp32"
            stats = await client.get_inference_statistics("identity_fp32")
            assert stats.model_stats[0].name == "identity_fp32"
            assert "trace_rate" in (await client.get_trace_settings()).settings
            assert "log_info" in (await client.get_log_settings()).settings
            assert not (await client.get_system_shared_memory_status()).regions
            assert not (await client.get_cuda_shared_memory_status()).regions
            assert len((await client.get_model_repository_index()).models) > 20
            data = np.arange(3, dtype=np.float32)

            async def infer(number: int) -> None:
                tensor = grpcclient.InferInput("INPUT0", [3], "FP32")
                tensor.set_data_from_numpy(data + number)
                result = await client.infer("identity_fp32", [tensor], request_id=str(number))
                assert result.get_response().id == str(number)
                np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), data + number)

            await asyncio.gather(*(infer(number) for number in range(50)))

    asyncio.run(run())
