"""Inference through the in-process API on the real core."""

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
    InferenceRequest,
    InternalError,
    InvalidArgumentError,
    MemoryType,
    ModelBatchFlag,
    ModelTxnPropertyFlag,
    NotFoundError,
    Server,
    Tensor,
)

NUMERIC = {
    "bool": "?",
    "uint8": "u1",
    "uint16": "u2",
    "uint32": "u4",
    "uint64": "u8",
    "int8": "i1",
    "int16": "i2",
    "int32": "i4",
    "int64": "i8",
    "fp16": "f2",
    "fp32": "f4",
    "fp64": "f8",
}


def one(responses: Any) -> Any:
    """The only response."""
    (response,) = list(responses)
    return response


def output(responses: Any, name: str = "OUTPUT0") -> Any:
    return np.from_dlpack(one(responses).outputs[name])


@pytest.mark.parametrize("name", NUMERIC)
def test_numeric_types(server: Server, name: str) -> None:
    array = np.arange(5).astype(NUMERIC[name])
    back = output(server.model(f"identity_{name}").infer(inputs={"INPUT0": array}))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_bytes(server: Server) -> None:
    model = server.model("identity_bytes")
    response = one(model.infer(inputs={"INPUT0": ["héllo", b"\0\0", ""]}))
    tensor = response.outputs["OUTPUT0"]
    assert tensor.to_bytes_array().tolist() == ["héllo".encode(), b"\0\0", b""]
    assert tensor.to_string_array().tolist()[0] == "héllo"
    assert isinstance(tensor.shape, np.ndarray)
    assert tensor.shape.tolist() == [3]


def test_bf16_and_prepared_tensors(server: Server) -> None:
    raw = np.arange(4, dtype=np.uint16)
    words = Tensor.from_object(raw)
    from tritonfrontend.inprocess import DataType

    tensor = Tensor(DataType.BF16, (4,), words.memory_buffer)
    response = one(server.model("identity_bf16").infer(inputs={"INPUT0": tensor}))
    assert response.outputs["OUTPUT0"].data_type is DataType.BF16
    assert response.outputs["OUTPUT0"].size == 8


def test_strided_input(server: Server) -> None:
    array = np.arange(10, dtype=np.float32)[::3]
    back = output(server.model("identity_fp32").infer(inputs={"INPUT0": array}))
    np.testing.assert_array_equal(back, array)


def test_empty_input(server: Server) -> None:
    back = output(server.model("identity_fp32").infer(inputs={"INPUT0": np.zeros(0, np.float32)}))
    assert back.shape == (0,)


def test_response_fields(server: Server) -> None:
    model = server.model("identity_versions")
    response = one(model.infer(request_id="r1", inputs={"INPUT0": np.ones(1, np.float32)}))
    assert response.request_id == "r1"
    assert response.final
    assert response.error is None
    assert response.classification_label is None
    assert (response.model.name, response.model.version) == ("identity_versions", 3)
    assert model.version == -1
    old = server.model("identity_versions", 1)
    assert one(old.infer(inputs={"INPUT0": np.ones(1, np.float32)})).model.version == 1


def test_unset_request_id_is_empty(server: Server) -> None:
    responses = server.model("identity_fp32").infer(inputs={"INPUT0": np.ones(1, np.float32)})
    assert one(responses).request_id == ""


def test_parameters_both_ways(server: Server) -> None:
    given = {"text": "ä", "big": (1 << 40) + 5, "negative": -1, "yes": True, "half": 0.5}
    responses = server.model("identity_echo").infer(
        inputs={"INPUT0": np.ones(1, np.float32)}, parameters=given
    )
    echoed = one(responses).parameters
    for name, value in given.items():
        assert echoed[name] == value
        assert type(echoed[name]) is type(value)


@pytest.mark.parametrize("value", [np.int64(1), None, {}, [1], b"x", 1 << 63])
def test_bad_parameters(server: Server, value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="bad"):
        server.model("identity_fp32").infer(
            inputs={"INPUT0": np.ones(1, np.float32)}, parameters={"bad": value}
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_id", 5),
        ("request_id", "a\0b"),
        ("flags", -1),
        ("flags", 1 << 32),
        ("priority", "high"),
        ("timeout", -1),
        ("correlation_id", -1),
        ("correlation_id", 1.5),
    ],
)
def test_bad_fields(server: Server, field: str, value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=field):
        server.model("identity_fp32").infer(**{field: value})


def test_refused_requests(server: Server) -> None:
    with pytest.raises(NotFoundError, match="missing"):
        server.model("missing").infer()
    model = server.model("identity_fp32")
    with pytest.raises(InvalidArgumentError, match="INPUT0"):
        model.infer(inputs={"INPUT0": np.ones(1, np.int32)})
    with pytest.raises(InvalidArgumentError):
        model.infer(inputs={"OTHER": np.ones(1, np.float32)})
    with pytest.raises(InvalidArgumentError, match="not supported"):
        model.infer(inputs={"INPUT0": (1.0,)})
    with pytest.raises(TypeError):
        model.infer(no_such_field=1)


def test_requests_are_reusable(server: Server) -> None:
    request = server.model("identity_fp32").create_request(request_id="again", model="ignored")
    assert isinstance(request, InferenceRequest)
    other = server.model("identity_int32")
    for value in (1.0, 2.0):
        request.inputs["INPUT0"] = np.full(2, value, np.float32)
        # The request's own model answers, whichever model sends it.
        response = one(other.infer(request, request_id="ignored"))
        assert response.request_id == "again"
        assert response.model.name == "identity_fp32"
        np.testing.assert_array_equal(np.from_dlpack(response.outputs["OUTPUT0"]), [value] * 2)


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


def test_model_properties(server: Server) -> None:
    assert server.model("identity_batch").batch_properties() is ModelBatchFlag.FIRST_DIM
    assert server.model("identity_fp32").batch_properties() is ModelBatchFlag.UNKNOWN
    repeat = server.model("repeat")
    assert repeat.transaction_properties() is ModelTxnPropertyFlag.DECOUPLED
    assert server.model("delay").transaction_properties() is ModelTxnPropertyFlag.ONE_TO_ONE
    assert repeat.metadata()["name"] == "repeat"
    assert repeat.config()["backend"] == "repeat"
    assert repeat.statistics()["model_stats"][0]["name"] == "repeat"
    with pytest.raises(InvalidArgumentError):
        repeat.config(config_version=2)
    assert repeat.ready()
    assert not server.model("missing").ready()
    assert repr(repeat) == "{'name': 'repeat', 'version': -1, 'state': None}"
    with pytest.raises(NotFoundError):
        server.model("missing").metadata()


def test_many_threads(server: Server) -> None:
    model = server.model("identity_int32")
    wrong: list[int] = []

    def work(number: int) -> None:
        for i in range(50):
            array = np.full(64, number * 1000 + i, np.int32)
            if not np.array_equal(output(model.infer(inputs={"INPUT0": array})), array):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
