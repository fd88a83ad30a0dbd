"""Fixtures of all Python tests. Everything real: the core, sockets, clients.

Nothing heavy is imported before a fixture needs it, so that pure unit tests stay instant.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers import models

if TYPE_CHECKING:
    from tritonfrontend import KServeGrpc, KServeHttp
    from tritonfrontend.inprocess import Server

# A run that was started in the background ignores SIGINT, and so would every process it starts;
# tests that interrupt need it to arrive.
signal.signal(signal.SIGINT, signal.default_int_handler)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """The servers of the run end with the last test: what the core says then is not captured, for
    an abort would take it along.
    """
    if nextitem is not None:
        yield
        return
    capture = item.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        yield


@pytest.fixture(scope="session")
def backends_dir() -> Path:
    """Folder of our C++ test backends; an error if they were not built."""
    return models.backends_directory()


@pytest.fixture(scope="session")
def model_repository(tmp_path_factory: pytest.TempPathFactory, backends_dir: Path) -> Path:
    """The models of :func:`helpers.models.standard_models`. Shared: do not change it."""
    return models.write_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="session")
def example_repository() -> Path:
    """The repository that the project ships; its models need the python backend."""
    return EXAMPLES / "models"


@pytest.fixture(scope="session")
def server(model_repository: Path) -> Iterator[Server]:
    """One started in-process server for the whole run. Tests leave it as they found it."""
    from tritonfrontend.inprocess import Server

    started = Server(model_repository=str(model_repository), log_error=True)
    started.start(wait_until_ready=True, timeout=60)
    yield started
    started.stop()


@pytest.fixture
def http_frontend(server: Server) -> Iterator[KServeHttp]:
    """A started HTTP frontend on a free port of 127.0.0.1 (``http_frontend.port``)."""
    from tritonfrontend import KServeHttp

    with KServeHttp(server, KServeHttp.Options(address="127.0.0.1", port=0)) as frontend:
        yield frontend


@pytest.fixture
def grpc_frontend(server: Server) -> Iterator[KServeGrpc]:
    """A started gRPC frontend on a free port of 127.0.0.1 (``grpc_frontend.port``)."""
    from tritonfrontend import KServeGrpc

    with KServeGrpc(server, KServeGrpc.Options(address="127.0.0.1", port=0)) as frontend:
        yield frontend


@pytest.fixture(scope="session")
def numpy2_dir() -> Path:
    """A folder with NumPy 2, to be put on the path of a process of its own."""
    value = os.environ.get("TRITONFRONTEND_TEST_NUMPY2", "")
    if not (Path(value) / "numpy").is_dir():
        pytest.fail(
            f"TRITONFRONTEND_TEST_NUMPY2 must name a folder with NumPy 2, got {value!r}: "
            "`make test` makes it"
        )
    return Path(value)
