"""Frontends as Python objects: start, stop and drain in any order, ours and foreign servers."""

from __future__ import annotations

import http.client
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from helpers.models import identity, standard_models, write_repository

from tritonfrontend import (
    AlreadyExistsError,
    InvalidArgumentError,
    KServeGrpc,
    KServeHttp,
    Metrics,
    UnavailableError,
)
from tritonfrontend.inprocess import Server

LOCAL: dict[str, Any] = {"address": "127.0.0.1", "port": 0}
ALL = [(KServeHttp, "HTTP"), (KServeGrpc, "GRPC"), (Metrics, "Metrics")]


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def make(kind: Any, server: Any, **changes: Any) -> Any:
    return kind(server, kind.Options(**(LOCAL | changes)))


@pytest.fixture
def own_server(tmp_path: Path, backends_dir: Path) -> Any:
    repository = write_repository(tmp_path / "models", [identity("FP32")])
    return Server(model_repository=str(repository)).start(wait_until_ready=True)


@pytest.mark.parametrize(("kind", "label"), ALL)
def test_start_and_stop(server: Server, kind: Any, label: str) -> None:
    frontend = make(kind, server)
    assert frontend.statistics() == {}
    for refused in (frontend.stop, frontend.drain, lambda: frontend.port):
        with pytest.raises(UnavailableError, match=rf"{label} server is not running\."):
            refused()
    for _ in range(3):
        assert frontend.start() is None
        with pytest.raises(AlreadyExistsError, match=rf"{label} server is already running\."):
            frontend.start()
        with socket.create_connection(("127.0.0.1", frontend.port), timeout=20):
            pass
        assert frontend.statistics()
        assert frontend.stop() is None


@pytest.mark.parametrize(("kind", "label"), ALL)
def test_context_manager(server: Server, kind: Any, label: str) -> None:
    frontend = make(kind.Server, server)
    assert isinstance(frontend, kind)
    error = KeyError("mine")
    with pytest.raises(KeyError) as caught, frontend:
        raise error
    assert caught.value is error
    with frontend as entered:
        assert entered is frontend
        frontend.stop()


@pytest.mark.parametrize(("kind", "label"), ALL)
def test_port_in_use(server: Server, kind: Any, label: str) -> None:
    with make(kind, server) as first:
        second = make(kind, server, port=first.port)
        with pytest.raises(UnavailableError, match=rf"127\.0\.0\.1:{first.port}.* in use"):
            second.start()
    with second:
        assert second.port


@pytest.mark.parametrize(("kind", "label"), ALL)
def test_inherited_socket(server: Server, kind: Any, label: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for _ in range(2):
            with make(kind, server, fd=listener.fileno()) as frontend:
                assert frontend.port == port
                with socket.create_connection(("127.0.0.1", port), timeout=20):
                    pass


@pytest.mark.parametrize(("kind", "label"), ALL)
def test_drain(server: Server, kind: Any, label: str) -> None:
    with make(kind, server) as frontend:
        with pytest.raises(InvalidArgumentError, match="timeout_s"):
            frontend.drain(-1)
        assert frontend.drain(20.0) is True


def test_health_and_metrics(server: Server) -> None:
    with make(KServeHttp, server) as frontend, make(Metrics, server) as metrics:
        assert get(frontend.port, "/v2/health/ready")[0] == 200
        status, text = get(metrics.port, "/metrics")
        assert status == 200
        assert b"nv_inference_request_success" in text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_connection_age_ms", 1000),
        ("http2_max_ping_strikes", 0),
        ("infer_compression_level", KServeGrpc.Grpc_compression_level.HIGH),
        ("forward_header_pattern", ".*"),
    ],
)
def test_every_option_of_nvidia_is_offered(server: Server, field: str, value: object) -> None:
    with make(KServeGrpc, server, **{field: value}) as frontend:
        assert frontend.port > 0


def test_unstarted_server() -> None:
    with pytest.raises(InvalidArgumentError, match="Server not started"):
        KServeHttp(Server(model_repository="x"))


def test_server_stops_first(own_server: Any) -> None:
    with make(KServeHttp, own_server) as frontend, make(KServeGrpc, own_server):
        assert get(frontend.port, "/v2/models/identity_fp32/ready")[0] == 200
        own_server.stop()
        assert get(frontend.port, "/v2/health/ready")[0] == 503
        assert get(frontend.port, "/v2/models/identity_fp32/config")[0] == 503
    with pytest.raises(InvalidArgumentError, match="Server not started"):
        KServeHttp(own_server)


def test_server_is_dropped_first(own_server: Any) -> None:
    frontend = make(KServeHttp, own_server)
    del own_server
    with frontend:
        assert get(frontend.port, "/v2/health/ready")[0] == 200


class Foreign:
    """What NVIDIA's Server looks like to a frontend."""

    def __init__(self, server: Server) -> None:
        self._address = server._ptr()
        self._server = object()

    def _ptr(self) -> int:
        return self._address


def test_foreign_server(own_server: Any) -> None:
    with make(KServeHttp, Foreign(own_server)) as frontend:
        assert get(frontend.port, "/v2/models/identity_fp32/ready")[0] == 200
        own_server.stop()
        assert get(frontend.port, "/v2/health/ready")[0] == 503
        assert get(frontend.port, "/v2/models/identity_fp32/config")[0] == 503


# The model ignores that it is cancelled, and its answer is large enough to be encoded by a worker.
LATE = """\
import json, socket, sys, time
import tritonserver
from tritonfrontend import KServeHttp
server = tritonserver.Server(model_repository=sys.argv[1]).start(wait_until_ready=True)
http = KServeHttp(server, KServeHttp.Options(address="127.0.0.1", port=0))
http.start()
tensor = {"name": "INPUT0", "datatype": "FP32", "shape": [200000], "data": [1.5] * 200000}
body = json.dumps({"inputs": [tensor], "parameters": {"gap_ms": 1500}}).encode()
client = socket.create_connection(("127.0.0.1", http.port))
head = b"POST /v2/models/split/infer HTTP/1.1\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
client.sendall(head + body)
def pending():
    text = server.metrics()
    lines = [line for line in text.splitlines() if line.startswith("nv_inference_exec_count{")]
    return not any(line.endswith(" 1") for line in lines)
while pending():
    time.sleep(0.02)
http.stop()
del http
server.stop()
client.close()
"""


def test_answer_after_the_frontend_has_gone(
    run_script: Any, tmp_path: Path, backends_dir: Path
) -> None:
    models = [model for model in standard_models() if model.name == "split"]
    repository = write_repository(tmp_path / "models", models)
    # Memory that was given back is filled with rubbish at once.
    rubbish = {"MALLOC_PERTURB_": "165", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
    done = run_script(LATE, repository, env={**os.environ, **rubbish})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
