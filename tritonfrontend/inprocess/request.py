"""InferenceRequest: what a model is asked; reusable, a new request of the core for every send."""

from __future__ import annotations

import asyncio
import queue
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

from .. import _native
from ..errors import InvalidArgumentError
from .devices import DeviceOrMemoryType
from .tensor import Tensor

if TYPE_CHECKING:
    from .model import Model

__all__ = ["InferenceRequest", "ResponseQueueType", "build"]

ResponseQueueType = Union["queue.SimpleQueue[Any]", "asyncio.Queue[Any]"]

_UINT64 = 2**64 - 1
_UINT32 = 2**32 - 1
_INT64 = range(-(2**63), 2**63)


@dataclass(eq=False)
class InferenceRequest:
    """One request for `model`. All outputs of the model are returned.

    request_id: appears in responses and error texts.
    flags: 1 starts a sequence, 2 ends it.
    correlation_id: the sequence, an int or a str of at most 128 characters.
    priority: 0 for the model's default.
    timeout: microseconds in the queue, where the model's queue policy allows it; 0 for none.
    inputs: by name, Tensor, numpy.ndarray, list or an object with `__dlpack__`; see `Tensor`.
    parameters: str, int, float or bool by name.
    output_memory_type: where output tensors are to lie, see `Tensor.to_device`.
    response_queue: receives every response as well.
    """

    model: Model
    request_id: str | None = None
    flags: int = 0
    correlation_id: int | str | None = None
    priority: int = 0
    timeout: int = 0
    inputs: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, str | int | float | bool] = field(default_factory=dict)
    output_memory_type: DeviceOrMemoryType | None = None
    response_queue: ResponseQueueType | None = None
    _serialized_inputs: dict[str, Any] = field(init=False, default_factory=dict, repr=False)
    _server: Any = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        self._server = getattr(self.model, "_server", None)


def build(request: InferenceRequest) -> _native.Request:
    """A request of the core, not yet sent. Raises what the core says, or InvalidArgumentError."""
    model = request.model
    native = _native.Request.create(model._server, model.name, model.version)
    if request.request_id is not None:
        native.set_id(_text("request_id", request.request_id))
    native.set_priority(_number("priority", request.priority, _UINT64))
    native.set_timeout_us(_number("timeout", request.timeout, _UINT64))
    if isinstance(request.correlation_id, str):
        native.set_correlation_id(_text("correlation_id", request.correlation_id))
    elif request.correlation_id is not None:
        native.set_correlation_id(_number("correlation_id", request.correlation_id, _UINT64))
    native.set_flags(_number("flags", request.flags, _UINT32))
    for name, value in request.inputs.items():
        _add_input(native, _text("input name", name), Tensor.from_object(value))
    for name, parameter in request.parameters.items():
        native.set_parameter(_text("parameter name", name), _parameter(name, parameter))
    return native


def _add_input(native: _native.Request, name: str, tensor: Tensor) -> None:
    buffer = tensor.memory_buffer
    shape = [int(dimension) for dimension in tensor.shape]
    native.add_input(name, tensor.data_type.value, shape)
    native.append_input(
        name,
        address=buffer.data_ptr,
        size=buffer.size,
        memory_type=buffer.memory_type.value,
        memory_id=buffer.memory_type_id,
        owner=buffer,
    )


def _parameter(name: str, value: object) -> str | int | float | bool:
    # By exact type: a numpy integer or a str subclass is more likely a mistake than a wish.
    if type(value) is bool or type(value) is float:
        return value
    if type(value) is str:
        return _text(f"parameter {name!r}", value)
    if type(value) is int:
        if value not in _INT64:
            raise InvalidArgumentError(f"parameter {name!r}: {value} does not fit 64 bits")
        return value
    raise InvalidArgumentError(
        f"Unsupported Value. Can't convert {type(value)} to Request Parameter {name!r}"
    )


def _number(name: str, value: object, largest: int) -> int:
    index = getattr(type(value), "__index__", None)
    number = -1 if index is None else int(index(value))
    if not 0 <= number <= largest:
        raise InvalidArgumentError(f"{name}: expected an integer in 0..{largest}, got {value!r}")
    return number


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise InvalidArgumentError(f"{name}: expected a str without zero characters, got {value!r}")
    return value
