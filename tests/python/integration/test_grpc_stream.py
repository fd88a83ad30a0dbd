"""ModelStreamInfer through grpcio: order, finals, errors, its end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from calls import infer_request, stub, tensor
from streams import FOREVER_MS, OpenStream, endless, ids, index_of, is_final, number, repeat
from tritonclient.grpc import service_pb2 as pb


def test_a_stream_of_nothing(triton_stub: Any) -> None:
    assert list(triton_stub.ModelStreamInfer(iter([]))) == []


def test_order_across_models(triton_stub: Any) -> None:
    requests = [
        number("delay", 1, "a", delay_ms=100),
        number("identity_fp32", 2, "b"),
        number("nope", 3, "c"),
        number("delay", 4, "d", delay_ms=1),
        number("split", 5, "e"),
        number("fail", 6, "f"),
    ]
    answers = list(triton_stub.ModelStreamInfer(iter(requests)))
    assert ids(answers) == ["a", "b", "c", "d", "e", "f"]
    assert [bool(answer.error_message) for answer in answers] == [False] * 2 + [True] + [
        False,
        False,
        True,
    ]
    # A refusal has no final flag; that of `split` comes after its response.
    assert [is_final(answer) for answer in answers] == [True, True, False, True, True, True]


def test_decoupled_models_overtake(triton_stub: Any) -> None:
    stream = OpenStream(triton_stub)
    stream.send(number("delay", 1, "slow", delay_ms=FOREVER_MS), repeat(3, "quick"))
    answers = stream.read(3)
    assert ids(answers) == ["quick"] * 3
    assert [index_of(answer) for answer in answers] == [0, 1, 2]
    assert [is_final(answer) for answer in answers] == [False, False, True]
    stream.call.cancel()


def test_each_decoupled_request_keeps_its_own_order(triton_stub: Any) -> None:
    requests = [repeat(50, str(n)) for n in range(20)]
    answers = list(triton_stub.ModelStreamInfer(iter(requests)))
    assert len(answers) == 1000
    for n in range(20):
        mine = [answer for answer in answers if answer.infer_response.id == str(n)]
        assert [index_of(answer) for answer in mine] == list(range(50))


def test_no_response_at_all(triton_stub: Any) -> None:
    requests = [repeat(0, "a"), repeat(0, "b", triton_enable_empty_final_response=True)]
    (answer,) = triton_stub.ModelStreamInfer(iter(requests))
    assert answer == pb.ModelStreamInferResponse(
        infer_response=pb.ModelInferResponse(
            model_name="repeat",
            id="b",
            parameters={"triton_final_response": pb.InferParameter(bool_param=True)},
        )
    )


def test_replies_after_a_half_close(triton_stub: Any) -> None:
    stream = OpenStream(triton_stub)
    stream.send(number("delay", 1, "a", delay_ms=50), repeat(5, "b", interval_ms=5))
    stream.half_close()
    assert sorted(ids(stream.rest())) == ["a"] + ["b"] * 5


def test_replies_before_a_half_close(triton_stub: Any) -> None:
    stream = OpenStream(triton_stub)
    for n in range(5):
        stream.send(number("identity_fp32", n, str(n)))
        assert ids(stream.read(1)) == [str(n)]
    stream.half_close()
    assert stream.end() == ("OK", "")


def test_large_tensors(triton_stub: Any) -> None:
    sizes = [5, 3 << 20, 17, 9 << 20, 1 << 16]
    blobs = [bytes([size % 251]) * size for size in sizes]
    requests = [
        infer_request("identity_uint8", [tensor("INPUT0", "UINT8", [len(blob)])], [blob])
        for blob in blobs
    ]
    answers = triton_stub.ModelStreamInfer(iter(requests * 3))
    assert [answer.infer_response.raw_output_contents[0] for answer in answers] == blobs * 3


def test_sequences(triton_stub: Any) -> None:
    steps = [{"sequence_start": True}, {}, {"sequence_end": True}]
    requests = [
        infer_request(
            "sequence",
            [tensor(shape=[1, 1])],
            [np.float32(n).tobytes()],
            id=f"{n}",
            parameters={"sequence_id": 77, **step},
        )
        for n, step in enumerate(steps)
    ]
    answers = list(triton_stub.ModelStreamInfer(iter(requests)))
    assert [answer.error_message for answer in answers] == [""] * 3
    assert ids(answers) == ["0", "1", "2"]


def test_many_streams_at_once(grpc_port: int) -> None:
    def work(n: int) -> list[str]:
        with stub(grpc_port) as made:
            requests = [number("identity_fp32", n, f"{n}.{k}") for k in range(5)]
            return ids(list(made.ModelStreamInfer(iter(requests), timeout=60)))

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(64))) == [
            [f"{n}.{k}" for k in range(5)] for n in range(64)
        ]


def test_errors_end_a_stream_in_both_places_they_come_from(triton_stub: Any) -> None:
    metadata = [("triton_grpc_error", "true")]
    for request, expected in (
        (number("nope", 1), ("NOT_FOUND", "Request for unknown model: 'nope' is not found")),
        (number("fail", 1), ("INTERNAL", "the model fails on demand")),
        (repeat(3, fail_at=1), ("INTERNAL", "the stream fails at response 1")),
    ):
        stream = OpenStream(triton_stub, metadata=metadata)
        stream.send(number("identity_fp32", 1))
        assert len(stream.read(1)) == 1
        stream.send(endless(), request)
        assert stream.end() == expected


@pytest.mark.parametrize("value", ["True", "1", "false", ""])
def test_other_values_leave_errors_in_messages(triton_stub: Any, value: str) -> None:
    call = triton_stub.ModelStreamInfer(
        iter([number("fail", 1)]), metadata=[("triton_grpc_error", value)]
    )
    (answer,) = call
    assert answer.error_message == "the model fails on demand"
