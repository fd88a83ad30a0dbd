"""grpc.health.v1 through the client of grpcio-health-checking."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import grpc
from calls import channel, stub
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
SERVICE = "inference.GRPCInferenceService"


def health(opened: grpc.Channel) -> Any:
    return health_pb2_grpc.HealthStub(opened)


def request(service: str = "") -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=service)


def test_check(grpc_port: int) -> None:
    with channel(grpc_port) as opened:
        for service in ("", SERVICE, "anything"):
            assert health(opened).Check(request(service), timeout=30).status == SERVING


def test_watch_tells_the_state_at_once(grpc_port: int) -> None:
    with channel(grpc_port) as opened:
        for service in ("", SERVICE, "grpc.health.v1.Health"):
            call = health(opened).Watch(request(service), timeout=30)
            assert next(call).status == SERVING
            call.cancel()


def test_watch_of_an_unknown_service(grpc_port: int) -> None:
    with channel(grpc_port) as opened:
        call = health(opened).Watch(request("nope"), timeout=30)
        assert next(call).status == SERVICE_UNKNOWN
        assert call.is_active()
        call.cancel()


def test_watch_follows_the_server_and_ends_with_its_frontend(
    tmp_path: Any, backends_dir: Any
) -> None:
    from helpers.models import identity, write_repository

    from tritonfrontend import KServeGrpc
    from tritonfrontend.inprocess import Server

    write_repository(tmp_path / "models", [identity("FP32")])
    server = Server(model_repository=str(tmp_path / "models")).start(wait_until_ready=True)
    options = KServeGrpc.Options(address="127.0.0.1", port=0)
    with KServeGrpc(server, options) as frontend, channel(frontend.port) as opened:
        first = health(opened).Watch(request())
        assert next(first).status == SERVING
        server.stop()
        assert next(first).status == NOT_SERVING
        second = health(opened).Watch(request())
        assert next(second).status == NOT_SERVING
        assert frontend.drain(30)
        for call in (first, second):
            assert list_status(call) == "UNAVAILABLE"


def list_status(call: Any) -> str:
    with suppress(grpc.RpcError):
        list(call)
    return str(call.code().name)


def test_a_drain_tells_watchers_first(wide_server: Any) -> None:
    from tritonfrontend import KServeGrpc

    options = KServeGrpc.Options(address="127.0.0.1", port=0)
    with KServeGrpc(wide_server, options) as frontend, channel(frontend.port) as opened:
        call = health(opened).Watch(request())
        assert next(call).status == SERVING
        assert frontend.drain(30)
        assert next(call).status == NOT_SERVING
        assert list_status(call) == "UNAVAILABLE"


# What grpcio does with a service config: calls wait until the service is healthy.
def test_clients_with_health_checking(grpc_port: int) -> None:
    config = '{"healthCheckConfig": {"serviceName": "inference.GRPCInferenceService"}, '
    config += '"loadBalancingConfig": [{"round_robin": {}}]}'
    from tritonclient.grpc import service_pb2 as pb

    with stub(grpc_port, ("grpc.service_config", config)) as made:
        assert made.ServerLive(pb.ServerLiveRequest(), timeout=30).live
