"""Before anything is timed: both servers must give the same answer to every prepared request."""

from __future__ import annotations

import http.client
from pathlib import Path

import grpc
from cases import GRPC_PATH, Case
from servers import BenchServer
from tritonclient.grpc import service_pb2

PREFIX_BYTES = 5
UNLIMITED = (("grpc.max_receive_message_length", -1),)


class VerifyError(RuntimeError):
    """The servers disagree, or one did not answer with success."""


def http_answer(port: int, case: Case, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", case.path, body, dict(case.headers))
        response = connection.getresponse()
        data = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise VerifyError(f"{case.name}: status {response.status}: {data[:200]!r}")
    return data


def grpc_answer(port: int, case: Case, body: bytes) -> object:
    """The parsed response: two encoders may order fields differently and still agree."""
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=UNLIMITED) as channel:
        call = channel.unary_unary(
            GRPC_PATH,
            request_serializer=None,
            response_deserializer=service_pb2.ModelInferResponse.FromString,
        )
        try:
            return call(body[PREFIX_BYTES:], timeout=30)
        except grpc.RpcError as error:
            raise VerifyError(f"{case.name}: {error.code()}: {error.details()}") from None


def verify(case: Case, bodies: Path, ours: BenchServer, reference: BenchServer) -> None:
    """Raises VerifyError unless both answer ``case`` with the same content."""
    body = (bodies / case.body).read_bytes()
    if case.protocol == "http":
        same = http_answer(ours.http, case, body) == http_answer(reference.http, case, body)
    else:
        same = grpc_answer(ours.grpc, case, body) == grpc_answer(reference.grpc, case, body)
    if not same:
        raise VerifyError(f"{case.name}: the servers answer differently")
