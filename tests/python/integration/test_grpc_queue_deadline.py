"""`deadline_as_queue_timeout`: what models see as the timeout of a request. What the scheduler does
with it is in tests/cpp/kserve_grpc/queue_deadline_test.cc."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from calls import infer_request, stub
from rawhttp import HOST

from tritonfrontend import KServeGrpc, KServeHttp

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

DEADLINE_S = 40.0
#: gRPC clients round what they send up, to three digits.
DEADLINE_US = int(DEADLINE_S * 1.01e6)


def seen(response: Any) -> int:
    """By the model, in microseconds; 0 for none."""
    return int(response.parameters["request.timeout_us"].int64_param)


def ask(made: Any, deadline_s: float | None = DEADLINE_S, **parameters: Any) -> int:
    request = infer_request("identity_echo", parameters=parameters)
    return seen(made.ModelInfer(request, timeout=deadline_s))


@pytest.fixture
def on(open_grpc: Callable[..., int]) -> int:
    return open_grpc(deadline_as_queue_timeout=True)


def test_what_is_left_of_the_deadline(on: int) -> None:
    with stub(on) as made:
        assert 0 < ask(made) <= DEADLINE_US
        assert ask(made, None) == 0
        assert ask(made, timeout=7) == 7


def test_each_request_of_a_stream_gets_what_is_left_then(on: int) -> None:
    with stub(on) as made:
        requests = iter([infer_request("identity_echo")] * 3)
        answers = made.ModelStreamInfer(requests, timeout=DEADLINE_S)
        left = [seen(answer.infer_response) for answer in answers]
    assert len(left) == 3
    assert 0 < left[2] <= left[1] <= left[0] <= DEADLINE_US


def test_off_by_default(triton_stub: Any) -> None:
    assert ask(triton_stub) == 0
    assert ask(triton_stub, timeout=7) == 7


def test_on_the_http_port(wide_server: Server) -> None:
    grpc = KServeGrpc.Options(deadline_as_queue_timeout=True)
    options = KServeHttp.Options(address=HOST, port=0, grpc=grpc)
    with KServeHttp(wide_server, options) as frontend, stub(frontend.port) as made:
        assert 0 < ask(made) <= DEADLINE_US
