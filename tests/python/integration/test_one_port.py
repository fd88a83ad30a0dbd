"""HTTP/1.1 and gRPC on one port; and what a port that speaks one of them tells clients of the
other."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from calls import stub
from certificates import Authority, Identity
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rawh2 import PREFACE, RawH2, unary
from rawhttp import HOST, RawHttp, call, request
from streams import OpenStream, ids, number
from tritonclient.grpc import service_pb2 as pb
from waiting import until

from tritonfrontend import InvalidArgumentError, KServeGrpc, KServeHttp

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LIVE = "/v2/health/live"
GRPC_LIVE = "/inference.GRPCInferenceService/ServerLive"


@contextmanager
def shared(server: Server, grpc_options: Any = None, **options: Any) -> Iterator[KServeHttp]:
    chosen = {"address": HOST, "port": 0, "grpc": grpc_options or KServeGrpc.Options(), **options}
    with KServeHttp(server, KServeHttp.Options(**chosen)) as frontend:
        yield frontend


@pytest.fixture(scope="module")
def port(wide_server: Server) -> Iterator[int]:
    with shared(wide_server) as frontend:
        yield frontend.port


def infer(module: Any, client: Any) -> float:
    tensor = module.InferInput("INPUT0", [1], "FP32")
    tensor.set_data_from_numpy(np.array([5], dtype=np.float32))
    return float(client.infer("identity_fp32", [tensor]).as_numpy("OUTPUT0")[0])


def test_both_clients_of_triton(port: int) -> None:
    with httpclient.InferenceServerClient(f"{HOST}:{port}") as client:
        assert infer(httpclient, client) == 5
    with grpcclient.InferenceServerClient(f"{HOST}:{port}") as client:
        assert infer(grpcclient, client) == 5


def test_streams_and_health(port: int) -> None:
    with stub(port) as made:
        stream = OpenStream(made)
        stream.send(number("identity_fp32", 1, "a"))
        assert ids(stream.read(1)) == ["a"]
        stream.half_close()
        assert stream.end() == ("OK", "")
    with grpc.insecure_channel(f"{HOST}:{port}") as opened:
        watch = health_pb2_grpc.HealthStub(opened).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()


def test_the_first_bytes_decide_however_they_are_cut(port: int) -> None:
    for first in (request("GET", LIVE), PREFACE):
        with socket.create_connection((HOST, port), 20) as raw:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in first:
                raw.sendall(bytes([byte]))
            answer = raw.recv(100)
        assert answer.startswith(b"HTTP/1.1 200" if first != PREFACE else b"\0\0")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "P", "PRI"])
def test_methods_that_begin_like_the_preface(port: int, method: str) -> None:
    with RawHttp(port) as raw:
        raw.send(request(method, LIVE))
        assert raw.read().status in (400, 405, 501, 505)


def test_options_of_grpc_are_in_force(wide_server: Server) -> None:
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    with shared(wide_server, {"reflection": True}) as frontend, RawH2(frontend.port) as h2:
        h2.send(unary(1, path, b"\x3a\x00"))
        assert h2.finish(1).status == 0


def test_a_request_over_http2_that_is_no_call(port: int) -> None:
    command = ["curl", "-s", "--http2-prior-knowledge", "-i", f"http://{HOST}:{port}{LIVE}"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
    assert answer.startswith("HTTP/2 405")
    assert "grpc-message: gRPC calls use the method POST" in answer


def test_one_access_log_and_one_count(wide_server: Server, tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    with shared(wide_server, access_log=str(log)) as frontend:
        assert call(frontend.port, "GET", LIVE).status == 200
        with stub(frontend.port) as made:
            assert made.ServerLive(pb.ServerLiveRequest(), timeout=30).live
        assert frontend.statistics()["requests_total"] == 2
        until(lambda: log.read_text().count("\n") == 2, "both requests are logged")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["protocol"], line["path"]) for line in lines] == [
        ("HTTP/1.1", LIVE),
        ("HTTP/2", GRPC_LIVE),
    ]


def test_one_limit_of_connections(wide_server: Server) -> None:
    with shared(wide_server, max_connections=1) as frontend, RawHttp(frontend.port) as raw:
        raw.send(request("GET", LIVE))
        assert raw.read().status == 200
        assert call(frontend.port, "GET", LIVE).status == 429
        with stub(frontend.port) as made, pytest.raises(grpc.RpcError) as caught:
            made.ServerLive(pb.ServerLiveRequest(), timeout=30)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_drain_is_for_both(wide_server: Server) -> None:
    with shared(wide_server) as frontend, stub(frontend.port) as made:
        stream = OpenStream(made)
        stream.send(number("identity_fp32", 1))
        stream.read(1)
        assert frontend.drain(30)
        assert stream.end()[0] == "UNAVAILABLE"


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls_port(wide_server: Server, identity: Identity) -> Iterator[int]:
    files = {"server_cert": str(identity.cert), "server_key": str(identity.key)}
    with shared(wide_server, use_ssl=True, **files) as frontend:
        yield frontend.port


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["h2"], "h2"),
        (["http/1.1"], "http/1.1"),
        (["h2", "http/1.1"], "http/1.1"),
        ([], None),
    ],
)
def test_alpn(tls_port: int, authority: Authority, offered: list[str], chosen: str | None) -> None:
    context = ssl.create_default_context(cafile=str(authority.cert))
    if offered:
        context.set_alpn_protocols(offered)
    with (
        socket.create_connection((HOST, tls_port), 20) as raw,
        context.wrap_socket(raw, server_hostname=HOST) as secure,
    ):
        assert secure.selected_alpn_protocol() == chosen
        if chosen != "h2":
            secure.sendall(request("GET", LIVE))
            assert secure.recv(100).startswith(b"HTTP/1.1 200")


def test_both_clients_over_tls(tls_port: int, authority: Authority) -> None:
    root = authority.cert.read_bytes()
    credentials = grpc.ssl_channel_credentials(root)
    with grpc.secure_channel(f"{HOST}:{tls_port}", credentials) as opened:
        method = opened.unary_unary(GRPC_LIVE, _registered_method=False)
        assert method(b"", timeout=30) == b"\x08\x01"
    command = ["curl", "-s", "--cacert", str(authority.cert), "-w", "%{http_version} %{http_code}"]
    command.append(f"https://{HOST}:{tls_port}{LIVE}")
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
    assert answer == "1.1 200"


# --- Options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"port": 9000}, "KServeGrpc.Options.port: gRPC shares the port of KServeHttp, set"),
        ({"address": "::1"}, "set KServeHttp.Options.address"),
        ({"infer_thread_count": 4}, "set KServeHttp.Options.thread_count"),
        ({"max_connections": 4}, "set KServeHttp.Options.max_connections"),
        ({"access_log": "-"}, "set KServeHttp.Options.access_log"),
    ],
)
def test_nothing_of_the_port_is_said_twice(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=text):
        KServeHttp.Options(grpc=KServeGrpc.Options(**options))


def test_options_are_checked() -> None:
    with pytest.raises(InvalidArgumentError, match=r"expected KServeGrpc\.Options, got 1"):
        KServeHttp.Options(grpc=1)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=r"max_stream_backlog: expected an integer"):
        KServeHttp.Options(grpc={"max_stream_backlog": 0})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="no_such_option"):
        KServeHttp.Options(grpc={"no_such_option": 0})  # type: ignore[arg-type]
    made = KServeHttp.Options(grpc={"reflection": True})  # type: ignore[arg-type]
    assert made.as_dict()["grpc"]["reflection"] is True
    assert KServeHttp.Options().as_dict()["grpc"] is None


# --- Ports that speak one of the two -------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        request("GET", LIVE),
        request("POST", "/v2/models/identity_fp32/infer", b"{}"),
        request("GET", "/", version="HTTP/1.0"),
    ],
)
def test_http_clients_on_a_grpc_port_are_told(grpc_port: int, sent: bytes) -> None:
    with RawHttp(grpc_port) as raw:
        raw.send(sent)
        answer = raw.read()
    assert answer.status == 400
    assert "this port speaks gRPC" in answer.error()
    assert "the HTTP port" in answer.error()


def test_grpc_clients_on_an_http_port_are_told(http_port: int) -> None:
    with stub(http_port) as made, pytest.raises(grpc.RpcError) as caught:
        made.ServerLive(pb.ServerLiveRequest(), timeout=30)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
