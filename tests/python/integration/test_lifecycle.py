"""Start, stop, drain and restart of frontends, in every order, with clients that keep sending."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from calls import HEALTH, channel, infer_request, outcome, raw_call, slow_request, stub
from helpers.models import standard_models, write_repository
from rawhttp import RawHttp, call, request
from tritonclient.grpc import service_pb2 as pb
from waiting import until

from tritonfrontend import (
    AlreadyExistsError,
    InvalidArgumentError,
    KServeGrpc,
    KServeHttp,
    Metrics,
    UnavailableError,
)
from tritonfrontend.inprocess import Server

FRONTENDS: list[Any] = [KServeHttp, KServeGrpc, Metrics]
LABELS = {KServeHttp: "HTTP", KServeGrpc: "GRPC", Metrics: "Metrics"}
INFER = "/v2/models/identity_fp32/infer"
BODY = b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1],"data":[1]}]}'
SLOW = b'{"parameters":{"delay_ms":%d},' + BODY[1:]


def local(frontend: Any, server: Any, port: int = 0) -> Any:
    return frontend(server, frontend.Options(address="127.0.0.1", port=port))


@pytest.fixture
def own_server(tmp_path: Path, backends_dir: Path) -> Iterator[Server]:
    """A server that the test may stop."""
    models = [m for m in standard_models() if m.name in ("identity_fp32", "delay")]
    server = Server(model_repository=str(write_repository(tmp_path, models)))
    server.start(wait_until_ready=True, timeout=60)
    yield server
    with suppress(InvalidArgumentError):  # the test has stopped it
        server.stop()


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_start_and_stop_texts(wide_server: Server, frontend: Any) -> None:
    made = local(frontend, wide_server)
    label = LABELS[frontend]
    with pytest.raises(UnavailableError, match=f"^{label} server is not running\\.$"):
        made.stop()
    for _ in range(2):
        assert made.start() is None
        with pytest.raises(AlreadyExistsError, match=f"^{label} server is already running\\.$"):
            made.start()
        assert made.stop() is None
        with pytest.raises(UnavailableError, match=f"^{label} server is not running\\.$"):
            made.stop()


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_context_manager(wide_server: Server, frontend: Any) -> None:
    with frontend.Server(wide_server, frontend.Options(address="127.0.0.1", port=0)) as made:
        assert isinstance(made, frontend)
        port = made.port
        socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    with pytest.raises(KeyError, match="own"), local(frontend, wide_server):
        raise KeyError("own")


def test_restart_on_the_same_port(wide_server: Server) -> None:
    http = local(KServeHttp, wide_server)
    http.start()
    port = http.port
    http.stop()
    for _ in range(3):
        with local(KServeHttp, wide_server, port):
            assert call(port, "POST", INFER, BODY).status == 200


def test_restart_of_one_object(wide_server: Server) -> None:
    http, rpc = local(KServeHttp, wide_server), local(KServeGrpc, wide_server)
    for _ in range(3):
        with http, rpc:
            assert call(http.port, "POST", INFER, BODY).status == 200
            with stub(rpc.port) as made:
                assert made.ModelInfer(infer_request()).model_name == "identity_fp32"


def check_unavailable(http_port: int, grpc_port: int) -> None:
    for method, path, body in (
        ("POST", INFER, BODY),
        ("GET", "/v2/models/identity_fp32", None),
        ("GET", "/v2/health/ready", None),
        ("GET", "/v2/models/stats", None),
    ):
        answer = call(http_port, method, path, body)
        assert answer.status == 503, (path, answer)
        assert answer.error()
    with stub(grpc_port) as made:
        for rpc in (
            lambda: made.ModelInfer(infer_request()),
            lambda: made.ServerReady(pb.ServerReadyRequest()),
            lambda: made.ModelMetadata(pb.ModelMetadataRequest(name="identity_fp32")),
        ):
            assert outcome(rpc)[0] == "UNAVAILABLE"
    with channel(grpc_port) as opened:
        assert outcome(lambda: raw_call(opened, HEALTH))[0] == "UNAVAILABLE"


def test_requests_after_the_server_stopped(own_server: Server) -> None:
    with (
        local(KServeHttp, own_server) as http,
        local(KServeGrpc, own_server) as rpc,
        local(Metrics, own_server) as metrics,
    ):
        assert call(http.port, "POST", INFER, BODY).status == 200
        own_server.stop()
        check_unavailable(http.port, rpc.port)
        assert call(metrics.port, "GET", "/metrics").status in (200, 503)


def test_requests_on_open_connections_after_the_server_stopped(own_server: Server) -> None:
    with (
        local(KServeHttp, own_server) as http,
        local(KServeGrpc, own_server) as rpc,
        RawHttp(http.port) as connection,
        stub(rpc.port) as made,
    ):
        assert connection.roundtrip(request("POST", INFER, BODY)).status == 200
        assert made.ModelInfer(infer_request()).model_name
        own_server.stop()
        assert connection.roundtrip(request("POST", INFER, BODY)).status == 503
        assert outcome(lambda: made.ModelInfer(infer_request()))[0] == "UNAVAILABLE"


def test_the_server_may_be_dropped_first(tmp_path: Path, backends_dir: Path) -> None:
    models = [m for m in standard_models() if m.name == "identity_fp32"]
    server = Server(model_repository=str(write_repository(tmp_path, models)))
    server.start(wait_until_ready=True, timeout=60)
    http, rpc = local(KServeHttp, server), local(KServeGrpc, server)
    http.start()
    rpc.start()
    server.stop()
    del server
    gc.collect()
    check_unavailable(http.port, rpc.port)
    rpc.stop()
    http.stop()


@pytest.mark.parametrize("order", ["http first", "grpc first", "server first", "dropped"])
def test_stop_in_any_order(own_server: Server, order: str) -> None:
    http, rpc = local(KServeHttp, own_server), local(KServeGrpc, own_server)
    http.start()
    rpc.start()
    assert call(http.port, "GET", "/v2/health/ready").status == 200
    if order == "dropped":
        del http, rpc
        gc.collect()
        return
    steps = {
        "http first": [http.stop, rpc.stop, own_server.stop],
        "grpc first": [rpc.stop, http.stop],
        "server first": [own_server.stop, http.stop, rpc.stop],
    }[order]
    for step in steps:
        step()


def test_stop_gives_up_what_is_in_flight(wide_server: Server, http_port: int) -> None:
    http, rpc = local(KServeHttp, wide_server), local(KServeGrpc, wide_server)
    http.start()
    rpc.start()
    with RawHttp(http.port) as connection, stub(rpc.port) as made:
        connection.send(request("POST", "/v2/models/delay/infer", SLOW % 600_000))
        pending = made.ModelInfer.future(slow_request())
        assert made.ServerLive(pb.ServerLiveRequest()).live
        http.stop()
        rpc.stop()
        assert connection.at_end()
        assert (pending.code(), pending.details()) == (grpc.StatusCode.CANCELLED, "CANCELLED")
    # And the work behind it is cancelled: the model answers others again.
    until(
        lambda: call(http_port, "POST", "/v2/models/delay/infer", SLOW % 0).status == 200,
        "free again",
    )


def test_drain_finishes_what_is_in_flight(wide_server: Server) -> None:
    http, rpc = local(KServeHttp, wide_server), local(KServeGrpc, wide_server)
    http.start()
    rpc.start()
    with RawHttp(http.port) as busy, RawHttp(http.port) as idle, stub(rpc.port) as made:
        assert idle.roundtrip(request("GET", "/v2/health/live")).status == 200
        pending = made.ModelInfer.future(slow_request(300))
        assert made.ServerLive(pb.ServerLiveRequest()).live
        busy.send(request("POST", "/v2/models/delay/infer", SLOW % 300))
        assert call(http.port, "GET", "/v2/health/live").status == 200
        assert http.drain(30.0) is True
        assert rpc.drain(30.0) is True
        assert busy.read().json()["outputs"][0]["data"] == [1.0]
        assert pending.result().model_name == "delay"
        assert busy.at_end()
        assert idle.at_end()
        with pytest.raises(ConnectionRefusedError):
            RawHttp(http.port)
    http.stop()
    rpc.stop()


@pytest.mark.parametrize("frontend", [KServeHttp, KServeGrpc])
def test_drain_gives_up_after_its_time(wide_server: Server, frontend: Any) -> None:
    made = local(frontend, wide_server)
    made.start()
    with RawHttp(made.port) as connection, stub(made.port) as rpc:
        if frontend is KServeHttp:
            connection.send(request("POST", "/v2/models/delay/infer", SLOW % 600_000))
            assert call(made.port, "GET", "/v2/health/live").status == 200
        else:
            pending = rpc.ModelInfer.future(slow_request())
            assert rpc.ServerLive(pb.ServerLiveRequest()).live
        assert made.drain(0.2) is False
        made.stop()
        if frontend is KServeGrpc:
            assert pending.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_drain_without_work(wide_server: Server, frontend: Any) -> None:
    made = local(frontend, wide_server)
    with pytest.raises(UnavailableError, match="is not running"):
        made.drain()
    made.start()
    assert made.drain(10) is True
    made.stop()
    for timeout in (-1, "x", None, float("nan")):
        with pytest.raises(ValueError, match="timeout_s"):
            made.drain(timeout)


def test_many_cycles_with_clients_that_keep_sending(wide_server: Server) -> None:
    http, rpc = local(KServeHttp, wide_server), local(KServeGrpc, wide_server)
    ports: list[int] = []
    over = threading.Event()
    answered = [0, 0]
    strange: list[object] = []

    def http_client() -> None:
        while not over.is_set():
            try:
                answer = call(ports[0], "POST", INFER, BODY)
                answered[0] += 1
                if answer.status != 200:
                    strange.append(answer)
            except (OSError, EOFError, IndexError, ValueError):
                pass  # the frontend is away or went away meanwhile

    def grpc_client() -> None:
        while not over.is_set():
            if len(ports) == 2:
                with stub(ports[1]) as made:
                    code, text = outcome(lambda: made.ModelInfer(infer_request(), timeout=5))
                answered[1] += code == "OK"
                if code not in ("OK", "UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED"):
                    strange.append((code, text))

    threads = [threading.Thread(target=t) for t in (http_client, http_client, grpc_client)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            with http, rpc:
                answered[:] = [0, 0]
                ports[:] = [http.port, rpc.port]
                until(lambda: all(answered), "both are served")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not strange
