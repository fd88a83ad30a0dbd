"""Inference through the in-process API on the real core."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from tritonfrontend.inprocess import (
    InferenceRequest,
    InvalidArgumentError,
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
