"""Fixtures of the tests that talk to frontends over sockets.

The servers and frontends live as long as the run and are shared: a test leaves them as it found
them, and what hurts one client must not hurt the next, which is itself a thing these tests check.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Identity
from extra_models import broken_model, device_model, extra_models
from helpers.models import standard_models, write_model, write_repository

if TYPE_CHECKING:
    import tritonclient.grpc
    import tritonclient.http

    from tritonfrontend import KServeGrpc
    from tritonfrontend.inprocess import Server

LOCAL = "127.0.0.1"


def started(repository: Path) -> Iterator[Server]:
    """A server of the models in ``repository``, started."""
    from tritonfrontend.inprocess import Server

    stopped = Server(model_repository=str(repository), log_error=True)
    with stopped.start(wait_until_ready=True, timeout=60) as server:
        yield server


def port_of(kind: type[Any], server: Server) -> Iterator[int]:
    """The port of a frontend of this kind with default options."""
    with kind(server, kind.Options(address=LOCAL, port=0)) as frontend:
        yield frontend.port


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def identity(authority: Authority) -> Identity:
    """The certificate of a server."""
    return authority.issue("server")


@pytest.fixture(scope="module")
def client_identity(authority: Authority) -> Identity:
    return authority.issue("client")


@pytest.fixture(scope="session")
def wide_server(tmp_path_factory: pytest.TempPathFactory, backends_dir: Path) -> Iterator[Server]:
    """A started server with the standard models and those of ``extra_models``."""

    repository = tmp_path_factory.mktemp("wide")
    write_repository(repository, [*standard_models(), *extra_models()])
    yield from started(repository)


@pytest.fixture(scope="session")
def crowd_server(tmp_path_factory: pytest.TempPathFactory, backends_dir: Path) -> Iterator[Server]:
    """The standard models that have no batcher, for tests with a thousand requests at once.

    A core that has held more than 1,000 of them writes to memory it has freed when a batcher goes
    on (docs/faults.md): the process that runs the tests would be the one to abort.
    """

    models = [model for model in standard_models() if "batching" not in model.extra]
    repository = write_repository(tmp_path_factory.mktemp("crowd"), models)
    yield from started(repository)


@pytest.fixture(scope="session")
def explicit_server(
    tmp_path_factory: pytest.TempPathFactory, backends_dir: Path
) -> Iterator[Server]:
    """The same in explicit model control, plus the model ``broken``, which does not load."""
    from tritonfrontend.inprocess import ModelControlMode, Server

    models = [*standard_models(), *extra_models()]
    repository = write_repository(tmp_path_factory.mktemp("explicit"), models)
    write_model(repository, broken_model())
    options: dict[str, Any] = {
        "model_repository": str(repository),
        "model_control_mode": ModelControlMode.EXPLICIT,
        "startup_models": ["identity_fp32"],
        "log_error": True,
    }
    with Server(**options).start(wait_until_ready=True, timeout=60) as server:
        yield server


@pytest.fixture(scope="session")
def http_port(wide_server: Server) -> Iterator[int]:
    from tritonfrontend import KServeHttp

    yield from port_of(KServeHttp, wide_server)


@pytest.fixture(scope="session")
def grpc_port(wide_server: Server) -> Iterator[int]:
    from tritonfrontend import KServeGrpc

    yield from port_of(KServeGrpc, wide_server)


@pytest.fixture(scope="session")
def crowd_http_port(crowd_server: Server) -> Iterator[int]:
    from tritonfrontend import KServeHttp

    yield from port_of(KServeHttp, crowd_server)


@pytest.fixture(scope="session")
def crowd_grpc_port(crowd_server: Server) -> Iterator[int]:
    from tritonfrontend import KServeGrpc

    yield from port_of(KServeGrpc, crowd_server)


@pytest.fixture(scope="session")
def metrics_port(wide_server: Server) -> Iterator[int]:
    from tritonfrontend import Metrics

    yield from port_of(Metrics, wide_server)


@pytest.fixture(scope="session")
def explicit_http_port(explicit_server: Server) -> Iterator[int]:
    from tritonfrontend import KServeHttp

    yield from port_of(KServeHttp, explicit_server)


@pytest.fixture(scope="session")
def explicit_grpc_port(explicit_server: Server) -> Iterator[int]:
    from tritonfrontend import KServeGrpc

    yield from port_of(KServeGrpc, explicit_server)


@pytest.fixture(scope="session")
def shm_server(tmp_path_factory: pytest.TempPathFactory, backends_dir: Path) -> Iterator[Server]:
    """The standard models and ``device``, for clients that bring shared memory."""

    models = [*standard_models(), device_model()]
    repository = write_repository(tmp_path_factory.mktemp("shm"), models)
    yield from started(repository)


@pytest.fixture(scope="session")
def shm_port(shm_server: Server) -> Iterator[int]:
    from tritonfrontend import KServeHttp

    options = KServeHttp.Options(address=LOCAL, port=0, allow_client_shm=True)
    with KServeHttp(shm_server, options) as frontend:
        yield frontend.port


@pytest.fixture
def shm_client(shm_port: int) -> Iterator[tritonclient.http.InferenceServerClient]:
    """Leaves no region behind."""
    import tritonclient.http

    url = f"{LOCAL}:{shm_port}"
    with closing(tritonclient.http.InferenceServerClient(url, concurrency=4)) as client:
        yield client
        client.unregister_system_shared_memory()
        client.unregister_cuda_shared_memory()
        assert client.get_system_shared_memory_status() == []


@pytest.fixture
def segments() -> Iterator[Callable[[int], tuple[str, Any]]]:
    """Makes shared memory objects as clients do, (key, handle) each; removes them."""
    import tritonclient.utils.shared_memory as shm

    made: list[Any] = []

    def make(size: int) -> tuple[str, Any]:
        key = f"/tfe_{os.getpid()}_{len(made)}"
        made.append(shm.create_shared_memory_region(key.strip("/"), key, size))
        return key, made[-1]

    yield make
    for handle in made:
        shm.destroy_shared_memory_region(handle)


@pytest.fixture
def http_client(http_port: int) -> Iterator[tritonclient.http.InferenceServerClient]:
    import tritonclient.http

    with closing(tritonclient.http.InferenceServerClient(f"{LOCAL}:{http_port}")) as client:
        yield client


@pytest.fixture
def grpc_client(grpc_port: int) -> Iterator[tritonclient.grpc.InferenceServerClient]:
    import tritonclient.grpc

    with closing(tritonclient.grpc.InferenceServerClient(f"{LOCAL}:{grpc_port}")) as client:
        yield client


@pytest.fixture
def triton_stub(grpc_port: int) -> Iterator[Any]:
    """Every method of the service, with messages as the protocol has them."""
    from calls import stub

    with stub(grpc_port) as made:
        yield made


@pytest.fixture
def explicit_stub(explicit_grpc_port: int) -> Iterator[Any]:
    from calls import stub

    with stub(explicit_grpc_port) as made:
        yield made


@contextmanager
def starting(kind: type[Any], server: Server) -> Iterator[Callable[..., Any]]:
    """Starts frontends of a kind with the given options; they end with the block."""
    started: list[Any] = []

    def start(**options: Any) -> Any:
        chosen = kind.Options(**{"address": LOCAL, "port": 0, **options})
        frontend = kind(server, chosen)
        frontend.start()
        started.append(frontend)
        return frontend

    yield start
    for frontend in started:
        frontend.stop()


@pytest.fixture
def open_http(wide_server: Server) -> Iterator[Callable[..., int]]:
    """Starts HTTP frontends with the given options, gives their ports; they end with the test."""
    from tritonfrontend import KServeHttp

    with starting(KServeHttp, wide_server) as start:
        yield lambda **options: start(**options).port


@pytest.fixture
def start_grpc(wide_server: Server) -> Iterator[Callable[..., KServeGrpc]]:
    """Starts gRPC frontends with the given options; they end with the test."""
    from tritonfrontend import KServeGrpc

    with starting(KServeGrpc, wide_server) as start:
        yield start


@pytest.fixture
def start_crowd_grpc(crowd_server: Server) -> Iterator[Callable[..., KServeGrpc]]:
    """Starts gRPC frontends of ``crowd_server``; they end with the test."""
    from tritonfrontend import KServeGrpc

    with starting(KServeGrpc, crowd_server) as start:
        yield start


@pytest.fixture
def open_grpc(start_grpc: Callable[..., KServeGrpc]) -> Callable[..., int]:
    """The same, but gives their ports."""
    return lambda **options: start_grpc(**options).port
