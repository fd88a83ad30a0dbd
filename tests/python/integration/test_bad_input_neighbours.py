"""While one client sends garbage, a well-behaved client of each port sees only success."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
import rawh2
from calls import infer_request, outcome, slow_request, stub
from rawh2 import PREFACE, RawH2, frame, settings, unary
from rawhttp import RawHttp, request
from waiting import until

INFER = "/v2/models/identity_fp32/infer"
BODY = b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1],"data":[1]}]}'
RPC = "/inference.GRPCInferenceService/ModelInfer"
ROUNDS = 20


def noise(generator: random.Random, size: int) -> bytes:
    return generator.randbytes(size)


def mutated(generator: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(generator.randint(1, 8)):
        out[generator.randrange(len(out))] = generator.randrange(256)
    return bytes(out)


def http_requests(generator: random.Random) -> bytes:
    return mutated(generator, request("POST", INFER, BODY) * 2)


def http_bodies(generator: random.Random) -> bytes:
    return request("POST", INFER, mutated(generator, BODY)) * 5


def http_truncations(generator: random.Random) -> bytes:
    data = request("POST", INFER, BODY)
    return data[: generator.randrange(1, len(data))]


def http_slow_inferences(_: random.Random) -> bytes:
    return request("POST", "/v2/models/delay/infer", b'{"parameters":{"delay_ms":500},' + BODY[1:])


def h2_frames(generator: random.Random) -> bytes:
    good = unary(1, RPC, infer_request().SerializeToString())
    return PREFACE + settings({}) + mutated(generator, good * 2)


def h2_random_frames(generator: random.Random) -> bytes:
    frames = [
        frame(
            generator.randrange(12),
            generator.randrange(256),
            generator.randrange(9),
            noise(generator, generator.randrange(60)),
        )
        for _ in range(20)
    ]
    return PREFACE + settings({}) + b"".join(frames)


def h2_messages(generator: random.Random) -> bytes:
    payload = infer_request().SerializeToString()
    calls = [unary(s, RPC, mutated(generator, payload)) for s in range(1, 41, 2)]
    return PREFACE + settings({}) + b"".join(calls)


def h2_slow_inferences(_: random.Random) -> bytes:
    payload = slow_request(500).SerializeToString()
    return PREFACE + settings({}) + b"".join(unary(s, RPC, payload) for s in range(1, 41, 2))


def plain_noise(generator: random.Random) -> bytes:
    return noise(generator, generator.randint(1, 50_000))


GARBAGE: dict[str, list[Callable[[random.Random], bytes]]] = {
    "http": [
        http_requests,
        http_bodies,
        http_truncations,
        http_slow_inferences,
        plain_noise,
        h2_frames,
    ],
    "grpc": [
        h2_frames,
        h2_random_frames,
        h2_messages,
        h2_slow_inferences,
        plain_noise,
        http_requests,
    ],
    "metrics": [http_requests, http_truncations, plain_noise, h2_random_frames],
}
CASES = [(port, kind) for port, kinds in GARBAGE.items() for kind in kinds]


def throw(port: int, data: bytes, generator: random.Random) -> None:
    """Sends garbage on a connection of its own and leaves in one of the ways that clients have."""
    with RawHttp(port) as connection, suppress(OSError):
        connection.send(data)
        match generator.randrange(3):
            case 0:
                connection.reset()
            case 1:
                connection.half_close()
                connection.socket.recv(1000)
            case _:
                pass


@contextmanager
def steady(name: str, work: Callable[[], None]) -> Iterator[None]:
    """Repeats ``work`` in a thread meanwhile; any failure of it fails the test."""
    over = threading.Event()
    failed: list[BaseException] = []
    done = [0]

    def run() -> None:
        while not over.is_set() and not failed:
            try:
                work()
                done[0] += 1
            except BaseException as error:
                failed.append(error)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not failed, f"{name}: {failed[0]!r} after {done[0]} successes"
    assert done[0]


@pytest.fixture
def clients(http_port: int, grpc_port: int, metrics_port: int) -> Iterator[None]:
    with RawHttp(http_port) as http, RawHttp(metrics_port) as metrics, stub(grpc_port) as rpc:

        def on_http() -> None:
            answer = http.roundtrip(request("POST", INFER, BODY))
            assert (answer.status, answer.json()["outputs"][0]["data"]) == (200, [1.0])

        def on_grpc() -> None:
            answer: Any = rpc.ModelInfer(infer_request(), timeout=30)
            assert list(answer.raw_output_contents) == [b"\0\0\x80\x3f"]

        def on_metrics() -> None:
            assert metrics.roundtrip(request("GET", "/metrics")).status == 200

        with steady("http", on_http), steady("grpc", on_grpc), steady("metrics", on_metrics):
            yield


@pytest.mark.parametrize(("target", "kind"), CASES, ids=[f"{p}-{k.__name__}" for p, k in CASES])
def test_others_see_only_success(
    clients: None,
    http_port: int,
    grpc_port: int,
    metrics_port: int,
    target: str,
    kind: Callable[[random.Random], bytes],
) -> None:
    port = {"http": http_port, "grpc": grpc_port, "metrics": metrics_port}[target]
    for seed in range(ROUNDS):
        generator = random.Random(seed)
        throw(port, kind(generator), generator)


def test_the_connection_of_a_malformed_call_serves_the_next(grpc_port: int) -> None:
    with RawH2(grpc_port) as h2:
        for at in range(50):
            h2.send(
                unary(4 * at + 1, RPC, b"\xff\xff")
                + unary(4 * at + 3, RPC, infer_request().SerializeToString())
            )
            assert h2.finish(4 * at + 1).status == 13
            assert h2.finish(4 * at + 3).status == 0


def test_announced_messages_reserve_nothing_for_others_to_miss(grpc_port: int) -> None:
    # Each announces a large message and never sends it; others must not run out of memory by it.
    prefix = b"\0" + (1 << 30).to_bytes(4, "big")
    with ExitStack() as stack:
        for _ in range(20):
            h2 = stack.enter_context(RawH2(grpc_port))
            data = frame(rawh2.DATA, 0, 1, prefix + bytes(1000))
            h2.send(rawh2.open_call(1, RPC) + data)
            h2.ping()
        with stub(grpc_port) as made:
            assert made.ModelInfer(infer_request()).model_name == "identity_fp32"


def test_memory_of_abandoned_messages_is_given_back(grpc_port: int) -> None:
    prefix = b"\0" + (1 << 30).to_bytes(4, "big")
    for _ in range(40):
        with RawH2(grpc_port) as h2:
            data = frame(rawh2.DATA, 0, 1, prefix + bytes(1000))
            h2.send(rawh2.open_call(1, RPC) + data)
            h2.ping()

    def served() -> bool:
        with stub(grpc_port) as made:
            return outcome(lambda: made.ModelInfer(infer_request()))[0] == "OK"

    until(served, "closed connections give their memory back")
