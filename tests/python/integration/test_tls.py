"""TLS and mutual TLS on the HTTP frontends: clients, refusals, and certificates that change."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from certificates import Authority, Identity
from rawhttp import HOST, TIMEOUT_S, RawHttp, request
from waiting import until

from tritonfrontend import InvalidArgumentError, KServeHttp, Metrics

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LIVE = "/v2/health/live"


@contextmanager
def https(server: Server, identity: Identity, **options: Any) -> Iterator[KServeHttp]:
    made = KServeHttp.Options(
        address=HOST,
        port=0,
        use_ssl=True,
        server_cert=str(identity.cert),
        server_key=str(identity.key),
        **options,
    )
    with KServeHttp(server, made) as frontend:
        yield frontend


@pytest.fixture(scope="module")
def tls_port(wide_server: Server, identity: Identity) -> Iterator[int]:
    with https(wide_server, identity) as frontend:
        yield frontend.port


@pytest.fixture(scope="module")
def mutual_port(wide_server: Server, identity: Identity, authority: Authority) -> Iterator[int]:
    options = {"use_mutual_auth": True, "root_cert": str(authority.cert)}
    with https(wide_server, identity, **options) as frontend:
        yield frontend.port


class RawHttps(RawHttp):
    """A connection of exact bytes, over TLS."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__(port)
        self.socket = context.wrap_socket(self.socket, server_hostname=HOST)

    def __enter__(self) -> RawHttps:
        return self

    def subject(self) -> str:
        assert isinstance(self.socket, ssl.SSLSocket)
        certificate: Any = self.socket.getpeercert()
        return str(dict(item[0] for item in certificate["subject"])["commonName"])


def curl(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["curl", "-sS", "--max-time", str(TIMEOUT_S), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def infer_with_tritonclient(port: int, context: ssl.SSLContext) -> None:
    import tritonclient.http

    client = tritonclient.http.InferenceServerClient(
        f"{HOST}:{port}", ssl=True, ssl_context_factory=lambda: context
    )
    with closing(client):
        data = np.arange(300_000, dtype=np.float32)  # many records both ways
        tensor = tritonclient.http.InferInput("INPUT0", data.shape, "FP32")
        tensor.set_data_from_numpy(data)
        for _ in range(3):
            result = client.infer("identity_fp32", [tensor])
            assert np.array_equal(result.as_numpy("OUTPUT0"), data)


def test_tritonclient(tls_port: int, authority: Authority) -> None:
    infer_with_tritonclient(tls_port, authority.client())


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl(tls_port: int, authority: Authority, version: str) -> None:
    done = curl(
        "--cacert", str(authority.cert), f"--tlsv{version}", "--tls-max", version,
        "-o", "/dev/null", "-w", "%{http_code} %{http_version}", f"https://{HOST}:{tls_port}{LIVE}",
    )  # fmt: skip
    assert done.stdout == "200 1.1", done.stderr


def test_alpn_is_http1(tls_port: int, authority: Authority) -> None:
    context = authority.client()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with RawHttps(tls_port, context) as connection:
        assert isinstance(connection.socket, ssl.SSLSocket)
        assert connection.socket.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        RawHttps(tls_port, context)


def test_keep_alive_pipelining_and_close(tls_port: int, authority: Authority) -> None:
    with RawHttps(tls_port, authority.client()) as connection:
        for _ in range(5):
            assert connection.roundtrip(request("GET", LIVE)).status == 200
        connection.send(request("GET", LIVE) * 50)
        assert [connection.read().status for _ in range(50)] == [200] * 50
        last = connection.roundtrip(request("GET", LIVE, headers=[("Connection", "close")]))
        assert last.header("connection") == "close"
        # A missing close_notify would raise an SSLEOFError.
        assert connection.at_end()


def test_a_request_byte_by_byte(tls_port: int, authority: Authority) -> None:
    with RawHttps(tls_port, authority.client()) as connection:
        for byte in request("GET", LIVE):
            connection.send(bytes([byte]))
        assert connection.read().status == 200


def test_clear_text_is_told(tls_port: int) -> None:
    with RawHttp(tls_port) as connection:
        answer = connection.roundtrip(request("GET", LIVE))
        assert answer.status == 400
        assert "TLS" in answer.error()
        assert connection.at_end()


def test_tls_on_a_clear_text_port_fails_cleanly(http_port: int, authority: Authority) -> None:
    with pytest.raises(ssl.SSLError):
        RawHttps(http_port, authority.client())


def test_mutual_tls(mutual_port: int, authority: Authority) -> None:
    infer_with_tritonclient(mutual_port, authority.client(authority.issue("client")))


def refused(port: int, context: ssl.SSLContext) -> bool:
    """With TLS 1.3 a client learns of it when it reads first."""
    try:
        with RawHttps(port, context) as connection:
            connection.roundtrip(request("GET", LIVE))
    except (ssl.SSLError, ConnectionError, EOFError):
        return True
    return False


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_mutual_tls_refuses(
    mutual_port: int, authority: Authority, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    stranger = Authority(tmp_path, "Other CA").issue("client")
    for context in (authority.client(), authority.client(stranger)):
        context.maximum_version = version
        assert refused(mutual_port, context)


def test_over_a_unix_socket(
    wide_server: Server, identity: Identity, authority: Authority, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    options = KServeHttp.Options(
        address=f"unix:{path}",
        use_ssl=True,
        server_cert=str(identity.cert),
        server_key=str(identity.key),
    )
    with KServeHttp(wide_server, options):
        done = curl(
            "--cacert", str(authority.cert), "--unix-socket", str(path),
            "-o", "/dev/null", "-w", "%{http_code}", f"https://localhost{LIVE}",
        )  # fmt: skip
        assert done.stdout == "200", done.stderr


def test_metrics_over_tls(wide_server: Server, identity: Identity, authority: Authority) -> None:
    options = Metrics.Options(
        address=HOST,
        port=0,
        use_ssl=True,
        server_cert=str(identity.cert),
        server_key=str(identity.key),
    )
    with (
        Metrics(wide_server, options) as frontend,
        RawHttps(frontend.port, authority.client()) as connection,
    ):
        assert b"nv_" in connection.roundtrip(request("GET", "/metrics")).body


def test_files_are_named(wide_server: Server, identity: Identity, tmp_path: Path) -> None:
    missing = Identity(tmp_path / "none.pem", identity.key)
    with (
        pytest.raises(InvalidArgumentError, match=r"none\.pem.*No such file"),
        https(wide_server, missing),
    ):
        pass
    garbage = tmp_path / "garbage.key"
    garbage.write_text("no key")
    with (
        pytest.raises(InvalidArgumentError, match=r"garbage\.key.*PEM"),
        https(wide_server, Identity(identity.cert, garbage)),
    ):
        pass


def test_renewal_under_traffic(wide_server: Server, authority: Authority, tmp_path: Path) -> None:
    """Every handshake succeeds while the pair is replaced, and the new one is served."""
    current = Identity(tmp_path / "live.pem", tmp_path / "live.key")

    def install(name: str) -> None:
        made = authority.issue(name)
        os.replace(made.key, current.key)
        os.replace(made.cert, current.cert)

    install("first")
    with https(wide_server, current) as frontend:
        stopping = threading.Event()
        failures: list[Exception] = []
        seen: set[str] = set()

        def traffic() -> None:
            while not stopping.is_set():
                try:
                    with RawHttps(frontend.port, authority.client()) as connection:
                        assert connection.roundtrip(request("GET", LIVE)).status == 200
                        seen.add(connection.subject())
                except Exception as error:
                    failures.append(error)

        threads = [threading.Thread(target=traffic) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: "first" in seen, "the first certificate is served")
            for name in ("second", "third"):
                install(name)
                until(lambda name=name: name in seen, f"{name} is served")  # type: ignore[misc]
            current.cert.write_text("broken")
            seen.clear()
            until(lambda: "third" in seen, "the last good one stays")
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        assert failures == []


def test_drain_ends_idle_connections(
    wide_server: Server, identity: Identity, authority: Authority
) -> None:
    with (
        https(wide_server, identity) as frontend,
        RawHttps(frontend.port, authority.client()) as idle,
    ):
        assert idle.roundtrip(request("GET", LIVE)).status == 200
        with socket.create_connection((HOST, frontend.port), TIMEOUT_S):  # in its handshake
            assert frontend.drain(TIMEOUT_S)
        assert idle.at_end()
