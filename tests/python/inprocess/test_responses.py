"""Responses: errors, streams, cancellation, queues, and how long their memory lives."""

from __future__ import annotations

import gc
import queue
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest

from tritonfrontend.inprocess import (
    AlreadyExistsError,
    CancelledError,
    InternalError,
    InvalidArgumentError,
    MemoryType,
    Server,
)


def one(responses: Any) -> Any:
    """The only response."""
    (response,) = list(responses)
    return response


def output(responses: Any, name: str = "OUTPUT0") -> Any:
    return np.from_dlpack(one(responses).outputs[name])


def test_failing_model(server: Server) -> None:
    model = server.model("fail")
    request = model.create_request(
        inputs={"INPUT0": np.ones(1, np.float32)}, parameters={"error_message": "böse"}
    )
    with pytest.raises(InternalError, match="böse") as caught:
        list(model.infer(request))
    message, response = caught.value.args
    assert "böse" in message
    assert response.final
    response = one(model.infer(request, raise_on_error=False))
    assert isinstance(response.error, InternalError)
    assert response.error.args[1].request_id == response.request_id
    assert response.outputs == {}


def test_error_leaves_no_cycle(server: Server) -> None:
    model = server.model("fail")
    gc.collect()
    gc.disable()
    try:
        inputs = {"INPUT0": np.ones(1, np.float32)}
        response = one(model.infer(inputs=inputs, raise_on_error=False))
        alive = weakref.ref(response)
        del response
        assert alive() is None
    finally:
        gc.enable()


def test_decoupled(server: Server) -> None:
    model = server.model("repeat")
    inputs = {"INPUT0": np.ones(1, np.float32)}
    parameters: dict[str, Any] = {"responses": 3}
    responses = list(model.infer(inputs=inputs, parameters=parameters))
    assert [int(np.from_dlpack(r.outputs["INDEX"])[0]) for r in responses] == [0, 1, 2]
    assert [r.final for r in responses] == [False, False, True]
    parameters["final"] = "separate"
    *responses, last = model.infer(inputs=inputs, parameters=parameters, request_id="d")
    assert len(responses) == 3
    assert (last.outputs, last.final, last.error, last.request_id) == ({}, True, None, "d")
    parameters["responses"] = 0
    (only,) = model.infer(inputs=inputs, parameters=parameters)
    assert only.final


def test_iterator_after_the_end(server: Server) -> None:
    responses = server.model("identity_fp32").infer(inputs={"INPUT0": np.ones(1, np.float32)})
    assert iter(responses) is responses
    next(responses)
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(responses)
    responses.cancel()


def test_cancel(server: Server) -> None:
    responses = server.model("repeat").infer(
        inputs={"INPUT0": np.ones(1, np.float32)},
        parameters={"responses": 100000, "interval_ms": 5},
    )
    next(responses)
    responses.cancel()
    with pytest.raises(CancelledError):
        list(responses)


def test_one_fetch_at_a_time(server: Server) -> None:
    responses = server.model("delay").infer(
        inputs={"INPUT0": np.ones(1, np.float32)}, parameters={"delay_ms": 400}
    )
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    thread = threading.Thread(target=lambda: answers.put(next(responses)))
    thread.start()

    def fetch_until_refused() -> None:
        while thread.is_alive():
            next(responses)

    with pytest.raises(AlreadyExistsError):
        fetch_until_refused()
    thread.join()
    assert answers.get().final


def test_response_queue_and_iterator_see_everything(server: Server) -> None:
    user: queue.SimpleQueue[Any] = queue.SimpleQueue()
    responses = list(
        server.model("repeat").infer(
            inputs={"INPUT0": np.ones(1, np.float32)},
            parameters={"responses": 4},
            response_queue=user,
        )
    )
    assert len(responses) == 4
    assert [user.get() for _ in range(4)] == responses
    assert user.empty()


def test_response_queue_gets_errors_as_responses(server: Server) -> None:
    user: queue.SimpleQueue[Any] = queue.SimpleQueue()
    model = server.model("fail")
    responses = model.infer(inputs={"INPUT0": np.ones(1, np.float32)}, response_queue=user)
    assert isinstance(user.get(timeout=10).error, InternalError)
    with pytest.raises(InternalError):
        list(responses)


def test_wrong_response_queue(server: Server) -> None:
    with pytest.raises(InvalidArgumentError, match="response_queue"):
        server.model("identity_fp32").infer(
            inputs={"INPUT0": np.ones(1, np.float32)}, response_queue=5
        )


def test_output_memory_type(server: Server) -> None:
    model = server.model("identity_fp32")
    inputs = {"INPUT0": np.ones(1, np.float32)}
    response = one(model.infer(inputs=inputs, output_memory_type="cpu"))
    assert response.outputs["OUTPUT0"].memory_type is MemoryType.CPU
    for wanted in ("gpu", "nonsense"):
        responses = model.infer(inputs=inputs, output_memory_type=wanted, raise_on_error=False)
        with pytest.raises(InvalidArgumentError, match=f"Memory type {wanted} not supported"):
            next(responses)


def test_temporary_inputs_survive_the_queue(server: Server) -> None:
    """Arrays that exist only for the request are kept until the model has read them."""
    model = server.model("delay")
    sent = [
        model.infer(
            inputs={"INPUT0": np.full(2000, i, np.float32)[::2]}, parameters={"delay_ms": 20}
        )
        for i in range(16)
    ]
    gc.collect()
    for i, responses in enumerate(sent):
        np.testing.assert_array_equal(output(responses), np.full(1000, i, np.float32))


def test_inputs_live_until_the_model_is_done(server: Server) -> None:
    array = np.ones(4, np.float32)
    alive = weakref.ref(array)
    responses = server.model("delay").infer(inputs={"INPUT0": array}, parameters={"delay_ms": 300})
    del array, responses
    gc.collect()
    assert alive() is not None
    deadline = time.monotonic() + 30
    while alive() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert alive() is None


def test_outputs_outlive_their_response(server: Server) -> None:
    model = server.model("identity_fp32")
    arrays = [
        output(model.infer(inputs={"INPUT0": np.full(100, i, np.float32)})) for i in range(50)
    ]
    gc.collect()
    for i, array in enumerate(arrays):
        np.testing.assert_array_equal(array, np.full(100, i, np.float32))
