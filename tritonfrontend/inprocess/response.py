"""InferenceResponse: what a model answered."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import _native
from ..errors import InvalidArgumentError, TritonError
from .enums import DataType, MemoryType
from .memory import MemoryBuffer
from .tensor import Tensor

if TYPE_CHECKING:
    from .model import Model
    from .request import InferenceRequest

__all__ = ["InferenceResponse", "convert"]


@dataclass(eq=False)
class InferenceResponse:
    """`model` names the version that answered; `outputs` lie where the model wrote them.

    `error` is set for a failed inference. `final` marks the last response; models that answer any
    number of times may send one with nothing else in it.
    """

    model: Model
    request_id: str | None = None
    parameters: dict[str, str | int | float | bool] = field(default_factory=dict)
    outputs: dict[str, Tensor] = field(default_factory=dict)
    error: TritonError | None = None
    classification_label: str | None = None
    final: bool = False


def convert(
    request: InferenceRequest, native: _native.Response | None, final: bool
) -> InferenceResponse:
    """The Python form of a delivery. Raises InvalidArgumentError for a bad output_memory_type."""
    if native is None:
        return InferenceResponse(request.model, request.request_id, final=final)
    model = copy.copy(request.model)  # the caller's stays as it is
    model.name, model.version = native.model_name, native.model_version
    response = InferenceResponse(model, native.id, native.parameters(), final=final)
    error: Any = native.error
    if error is None:
        response.outputs = _outputs(native, request)
        return response
    # The error carries a copy of the response, not the response itself: the two would keep each
    # other, and with a traceback the whole request, until the garbage collector comes by.
    carried = copy.copy(response)
    carried.error = type(error)(*error.args)
    response.error = type(error)(*error.args, carried)
    return response


def _outputs(native: _native.Response, request: InferenceRequest) -> dict[str, Tensor]:
    import numpy

    outputs = {}
    for name, data_type, shape, address, size, memory_type, memory_id, owner in native.outputs():
        buffer = MemoryBuffer(address, MemoryType(memory_type), memory_id, size, owner)
        tensor = Tensor(DataType(data_type), numpy.array(shape, dtype=numpy.int64), buffer)
        outputs[name] = _moved(tensor, request)
    return outputs


def _moved(tensor: Tensor, request: InferenceRequest) -> Tensor:
    wanted = request.output_memory_type
    if wanted is None:
        return tensor
    try:
        return tensor.to_device(wanted)
    except TritonError as error:
        raise InvalidArgumentError(f"Memory type {wanted} not supported: {error}") from error
