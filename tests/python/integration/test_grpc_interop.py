"""Every transport of the gRPC port with every client of Python: plain, TLS, mutual TLS, unix
sockets and an inherited descriptor, with tritonclient (sync and aio) and grpcio."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
from calls import OPTIONS, SERVICE, infer_request, outcome
from certificates import Authority, Identity
from grpc_frontends import grpc_frontend
from rawhttp import HOST, TIMEOUT_S
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc
from waiting import until

if TYPE_CHECKING:
    from tritonfrontend import KServeGrpc
    from tritonfrontend.inprocess import Server

TRANSPORTS = ("plain", "tls", "mutual", "unix", "unix tls", "inherited")


@dataclass
class Endpoint:
    url: str  # as clients write it
    authority: Authority | None = None
    identity: Identity | None = None  # of the client

    def credentials(self) -> grpc.ChannelCredentials:
        assert self.authority is not None
        mine = self.identity
        return grpc.ssl_channel_credentials(
            self.authority.cert.read_bytes(),
            mine.key.read_bytes() if mine else None,
            mine.cert.read_bytes() if mine else None,
        )

    def channel_options(self) -> list[tuple[str, Any]]:
        options = list(OPTIONS.items())
        if self.authority is not None and self.url.startswith("unix:"):
            options.append(("grpc.ssl_target_name_override", "localhost"))
        return options

    def channel(self) -> grpc.Channel:
        if self.authority is None:
            return grpc.insecure_channel(self.url, self.channel_options())
        return grpc.secure_channel(self.url, self.credentials(), self.channel_options())


@pytest.fixture(scope="module", params=TRANSPORTS)
def endpoint(
    request: pytest.FixtureRequest,
    wide_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    identity: Identity,
    client_identity: Identity,
) -> Iterator[Endpoint]:
    transport = str(request.param)
    tls: dict[str, Any] = {
        "use_ssl": True,
        "server_cert": str(identity.cert),
        "server_key": str(identity.key),
    }
    mutual = tls | {"use_mutual_auth": True, "root_cert": str(authority.cert)}
    path = tmp_path_factory.mktemp("s") / "grpc.sock"
    with ExitStack() as stack:
        options: dict[str, Any] = {"plain": {}, "tls": tls, "mutual": mutual}.get(transport, {})
        if transport.startswith("unix"):
            options = {"address": f"unix:{path}"} | (tls if "tls" in transport else {})
        if transport == "inherited":
            listener = stack.enter_context(socket.create_server((HOST, 0)))
            options = {"fd": listener.fileno()}
        frontend = stack.enter_context(grpc_frontend(wide_server, **options))
        url = f"unix:{path}" if transport.startswith("unix") else f"{HOST}:{frontend.port}"
        yield Endpoint(
            url,
            authority if options.get("use_ssl") else None,
            client_identity if transport == "mutual" else None,
        )


def tritonclient_arguments(endpoint: Endpoint) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "url": endpoint.url,
        "channel_args": endpoint.channel_options(),
    }
    if endpoint.authority is not None:
        arguments["creds"] = endpoint.credentials()
    return arguments


def large() -> Any:
    return np.arange(1_500_000, dtype=np.float32)  # many frames, many TLS records


def test_tritonclient(endpoint: Endpoint) -> None:
    from tritonclient.grpc import InferenceServerClient, InferInput

    with closing(InferenceServerClient(**tritonclient_arguments(endpoint))) as client:
        assert client.is_server_live()
        data = large()
        tensor = InferInput("INPUT0", data.shape, "FP32")
        tensor.set_data_from_numpy(data)
        for algorithm in (None, "gzip", "deflate"):
            result = client.infer("identity_fp32", [tensor], compression_algorithm=algorithm)
            assert np.array_equal(result.as_numpy("OUTPUT0"), data)


def test_tritonclient_aio(endpoint: Endpoint) -> None:
    from tritonclient.grpc import InferInput
    from tritonclient.grpc.aio import InferenceServerClient

    async def run() -> None:
        async with InferenceServerClient(**tritonclient_arguments(endpoint)) as client:
            assert await client.is_server_live()
            data = large()
            tensor = InferInput("INPUT0", data.shape, "FP32")
            tensor.set_data_from_numpy(data)
            results = await asyncio.gather(
                *(client.infer("identity_fp32", [tensor]) for _ in range(4))
            )
            for result in results:
                assert np.array_equal(result.as_numpy("OUTPUT0"), data)

    asyncio.run(run())


def test_grpcio(endpoint: Endpoint) -> None:
    with endpoint.channel() as channel:
        made = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        metadata = [("x-bin", b"\0\1\2\xff"), ("x", "y")]
        assert made.ServerLive(pb.ServerLiveRequest(), metadata=metadata, timeout=30).live
        calls = [made.ModelInfer.future(infer_request(), timeout=30) for _ in range(100)]
        for call in calls:
            assert call.result().raw_output_contents[0] == b"\0\0\x80\x3f"
        assert outcome(lambda: made.ModelMetadata(pb.ModelMetadataRequest(name="none")))[0] == (
            "NOT_FOUND"
        )


def test_grpcio_deadline(endpoint: Endpoint) -> None:
    from calls import slow_request

    with endpoint.channel() as channel:
        made = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        assert outcome(lambda: made.ModelInfer(slow_request(), timeout=0.2))[0] == (
            "DEADLINE_EXCEEDED"
        )
        assert made.ServerLive(pb.ServerLiveRequest(), timeout=30).live


# --- TLS in particular -------------------------------------------------------------------------


def dial(
    frontend: KServeGrpc, authority: Authority, identity: Identity | None = None
) -> grpc.Channel:
    return Endpoint(f"{HOST}:{frontend.port}", authority, identity).channel()


def tls_options(identity: Identity) -> dict[str, Any]:
    return {
        "use_ssl": True,
        "server_cert": str(identity.cert),
        "server_key": str(identity.key),
    }


@pytest.mark.parametrize("offered", [["h2"], ["http/1.1", "h2"]])
def test_alpn_is_h2(
    wide_server: Server, identity: Identity, authority: Authority, offered: list[str]
) -> None:
    with grpc_frontend(wide_server, **tls_options(identity)) as frontend:
        context = authority.client()
        context.set_alpn_protocols(offered)
        with (
            socket.create_connection((HOST, frontend.port), TIMEOUT_S) as raw,
            context.wrap_socket(raw, server_hostname=HOST) as secure,
        ):
            assert secure.selected_alpn_protocol() == "h2"


def test_alpn_without_a_common_protocol_is_refused(
    wide_server: Server, identity: Identity, authority: Authority
) -> None:
    with grpc_frontend(wide_server, **tls_options(identity)) as frontend:
        context = authority.client()
        context.set_alpn_protocols(["http/1.1"])
        with (
            socket.create_connection((HOST, frontend.port), TIMEOUT_S) as raw,
            pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"),
        ):
            context.wrap_socket(raw, server_hostname=HOST)


def test_a_client_without_a_certificate_is_unavailable(
    wide_server: Server, identity: Identity, authority: Authority
) -> None:
    options = tls_options(identity) | {
        "use_mutual_auth": True,
        "root_cert": str(authority.cert),
    }
    with grpc_frontend(wide_server, **options) as frontend, dial(frontend, authority) as channel:
        made = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = pb.ServerLiveRequest()
        assert outcome(lambda: made.ServerLive(request, timeout=30))[0] == "UNAVAILABLE"


def test_a_client_of_another_authority_is_unavailable(
    wide_server: Server, identity: Identity, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "Other CA").issue("stranger")
    options = tls_options(identity) | {
        "use_mutual_auth": True,
        "root_cert": str(authority.cert),
    }
    with (
        grpc_frontend(wide_server, **options) as frontend,
        dial(frontend, authority, stranger) as channel,
    ):
        made = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = pb.ServerLiveRequest()
        assert outcome(lambda: made.ServerLive(request, timeout=30))[0] == "UNAVAILABLE"


def test_a_renewed_certificate_is_used_by_new_connections(
    wide_server: Server, authority: Authority, tmp_path: Path
) -> None:
    first, second = authority.issue("first"), authority.issue("second")
    live = Identity(tmp_path / "live.pem", tmp_path / "live.key")

    def install(chosen: Identity) -> None:
        for source, target in ((chosen.cert, live.cert), (chosen.key, live.key)):
            fresh = target.with_suffix(target.suffix + ".new")
            fresh.write_bytes(source.read_bytes())
            os.replace(fresh, target)

    def subject(port: int) -> str:
        with socket.create_connection((HOST, port), TIMEOUT_S) as raw:
            context = authority.client()
            context.set_alpn_protocols(["h2"])
            with context.wrap_socket(raw, server_hostname=HOST) as secure:
                certificate: Any = secure.getpeercert()
                return str(dict(item[0] for item in certificate["subject"])["commonName"])

    install(first)
    with (
        grpc_frontend(wide_server, **tls_options(live)) as frontend,
        dial(frontend, authority) as channel,
    ):
        made = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        assert made.ServerLive(pb.ServerLiveRequest(), timeout=30).live
        assert subject(frontend.port) == "first"
        install(second)
        until(lambda: subject(frontend.port) == "second", "the new certificate is shown")
        assert made.ServerLive(pb.ServerLiveRequest(), timeout=30).live


def test_clear_text_on_a_tls_port_fails_and_hurts_nobody(
    wide_server: Server, identity: Identity, authority: Authority
) -> None:
    with grpc_frontend(wide_server, **tls_options(identity)) as frontend:
        url = f"{HOST}:{frontend.port}"
        with grpc.insecure_channel(url) as channel:
            method = channel.unary_unary(SERVICE + "ServerLive", _registered_method=False)
            assert outcome(lambda: method(b"", timeout=30))[0] == "UNAVAILABLE"
        with Endpoint(url, authority).channel() as channel:
            method = channel.unary_unary(SERVICE + "ServerLive", _registered_method=False)
            assert outcome(lambda: method(b"", timeout=30)) == ("OK", "")
