"""Bad options, busy ports and unusable repositories: errors that name what is wrong."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from extra_models import broken_model
from helpers.models import identity, write_repository

from tritonfrontend import (
    InvalidArgumentError,
    KServeGrpc,
    KServeHttp,
    Metrics,
    TritonError,
    UnavailableError,
)
from tritonfrontend.inprocess import Server

FRONTENDS: list[Any] = [KServeHttp, KServeGrpc, Metrics]


@pytest.fixture
def busy() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


EVERY = [
    ("port", -1),
    ("port", 65536),
    ("port", "port"),
    ("port", 80.5),
    ("port", None),
    ("port", b"80"),
    ("port", [1]),
    ("address", 5),
    ("address", None),
    ("address", "a\0b"),
    ("reuse_port", "perhaps"),
    ("reuse_port", 2),
    ("reuse_port", None),
]
HTTP = [
    ("thread_count", 0),
    ("thread_count", -1),
    ("thread_count", "many"),
    ("thread_count", None),
    ("header_forward_pattern", 10),
]
GRPC = [
    ("infer_thread_count", 0),
    ("infer_thread_count", -5),
    ("keepalive_time_ms", -1),
    ("keepalive_time_ms", 2**31),
    ("http2_max_ping_strikes", -1),
    ("max_connection_age_ms", -1),
    ("infer_compression_level", 99),
    ("infer_compression_level", -1),
    ("max_response_pool_size", 0),
    ("forward_header_pattern", 10),
    ("use_ssl", "perhaps"),
    ("server_cert", 5),
    ("restricted_protocols", "health:key=value"),
    ("restricted_protocols", [1]),
    ("allow_client_shm", "perhaps"),
    ("max_tensors", 0),
    ("max_parameters", 0),
    ("max_inflight_requests", -1),
    ("max_inflight_bytes", 2**63),
    ("control_thread_count", 0),
    ("control_queue_limit", 0),
    ("deadline_as_queue_timeout", "perhaps"),
]
BAD = (
    [(c, *f) for c in FRONTENDS for f in EVERY]
    + [(KServeHttp, *f) for f in HTTP]
    + [(Metrics, "thread_count", 0)]
    + [(KServeGrpc, *f) for f in GRPC]
)


@pytest.mark.parametrize(("frontend", "field", "value"), BAD)
def test_bad_option_values(frontend: Any, field: str, value: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        frontend.Options(**{field: value})
    assert isinstance(caught.value, ValueError)
    assert f"{frontend.__name__}.Options.{field}" in str(caught.value)


@pytest.mark.parametrize(("frontend", "field", "value"), BAD)
def test_bad_values_assigned_later(
    wide_server: Server, frontend: Any, field: str, value: Any
) -> None:
    options = frontend.Options(port=0)
    setattr(options, field, value)
    with pytest.raises(InvalidArgumentError, match=field):
        frontend(wide_server, options)


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_values_that_convert(frontend: Any) -> None:
    options = frontend.Options(address="127.0.0.1", port="8123", reuse_port="yes")
    assert (options.port, options.reuse_port) == (8123, True)
    assert frontend.Options(port=8000.0).port == 8000


@pytest.mark.parametrize("frontend", FRONTENDS)
@pytest.mark.parametrize("options", [5, "options", {}, object()])
def test_options_of_the_wrong_type(wide_server: Server, frontend: Any, options: Any) -> None:
    text = (
        f"Incorrect type for options. options argument must be of type {frontend.__name__}.Options"
    )
    with pytest.raises(InvalidArgumentError) as caught:
        frontend(wide_server, options)
    assert str(caught.value) == text


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_options_of_another_frontend(wide_server: Server, frontend: Any) -> None:
    other = KServeGrpc if frontend is KServeHttp else KServeHttp
    with pytest.raises(InvalidArgumentError, match=r"must be of type"):
        frontend(wide_server, other.Options())


@pytest.mark.parametrize("frontend", FRONTENDS)
@pytest.mark.parametrize("server", [None, 5, "server", object()])
def test_something_that_is_no_server(frontend: Any, server: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="server: expected a started"):
        frontend(server)


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_a_server_that_was_not_started(frontend: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="Server not started"):
        frontend(Server(model_repository="/nowhere"))


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_a_port_in_use(wide_server: Server, frontend: Any, busy: int) -> None:
    made = frontend(wide_server, frontend.Options(address="127.0.0.1", port=busy))
    for _ in range(2):
        with pytest.raises(UnavailableError) as caught:
            made.start()
        assert str(caught.value).startswith(f"Socket '127.0.0.1:{busy}' already in use")


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_a_port_that_becomes_free(wide_server: Server, frontend: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    made = frontend(wide_server, frontend.Options(address="127.0.0.1", port=port))
    with pytest.raises(UnavailableError):
        made.start()
    listener.close()
    with made:
        assert made.port == port


def test_two_frontends_cannot_share_a_port_by_accident(wide_server: Server) -> None:
    with KServeHttp(wide_server, KServeHttp.Options(address="127.0.0.1", port=0)) as first:
        second = KServeGrpc(wide_server, KServeGrpc.Options(address="127.0.0.1", port=first.port))
        with pytest.raises(UnavailableError, match="already in use"):
            second.start()


def test_two_frontends_can_share_a_port_on_purpose(wide_server: Server) -> None:
    options = KServeHttp.Options(address="127.0.0.1", port=0, reuse_port=True)
    with KServeHttp(wide_server, options) as first:
        same = KServeHttp.Options(address="127.0.0.1", port=first.port, reuse_port=True)
        with KServeHttp(wide_server, same) as second:
            assert first.port == second.port


@pytest.mark.parametrize("frontend", FRONTENDS)
@pytest.mark.parametrize(
    "address", ["999.1.1.1", "no such host", "192.0.2.1", "[::1", "host.invalid"]
)
def test_addresses_that_cannot_be(wide_server: Server, frontend: Any, address: str) -> None:
    made = frontend(wide_server, frontend.Options(address=address, port=0))
    with pytest.raises((InvalidArgumentError, UnavailableError)) as caught:
        made.start()
    assert address in str(caught.value)


@pytest.mark.parametrize("fd", [-1, "x", 2**31])
def test_descriptors_out_of_range(fd: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"Options\.fd"):
        KServeHttp.Options(fd=fd)


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_a_descriptor_that_is_no_socket(wide_server: Server, frontend: Any, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        made = frontend(wide_server, frontend.Options(fd=file.fileno()))
        with pytest.raises(TritonError) as caught:
            made.start()
        assert str(file.fileno()) in str(caught.value)
        assert not file.closed


def test_a_missing_repository(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(TritonError) as caught:
        Server(model_repository=str(missing)).start()
    assert str(missing) in str(caught.value)


@pytest.mark.parametrize("repository", [[], None])
def test_no_repository(repository: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        Server(model_repository=repository).start()


def test_a_model_that_does_not_load(tmp_path: Path, backends_dir: Path) -> None:
    write_repository(tmp_path, [broken_model(), identity("FP32")])
    with pytest.raises(TritonError) as caught:
        Server(model_repository=str(tmp_path)).start(wait_until_ready=True, timeout=30)
    assert str(caught.value)


def test_a_model_that_does_not_load_beside_one_that_does(
    tmp_path: Path, backends_dir: Path
) -> None:
    write_repository(tmp_path, [broken_model(), identity("FP32")])
    with Server(
        model_repository=str(tmp_path), exit_on_error=False, strict_readiness=False
    ) as server:
        assert server.model("identity_fp32").ready()
        assert not server.model("broken").ready()


@pytest.mark.parametrize("config", ["nonsense {", 'name: "other"', 'backend: "nowhere"', ""])
def test_configurations_that_cannot_be(tmp_path: Path, config: str) -> None:
    (tmp_path / "bad" / "1").mkdir(parents=True)
    (tmp_path / "bad" / "config.pbtxt").write_text(config)
    with pytest.raises(TritonError):
        Server(model_repository=str(tmp_path)).start(wait_until_ready=True, timeout=30)
