"""MemoryBuffer: a piece of memory and the object that keeps it alive."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from .. import _native
from ..errors import InvalidArgumentError, UnsupportedError
from .datatypes import from_dlpack_type, from_numpy_dtype, item_size
from .devices import from_dlpack_device
from .enums import DataType, MemoryType

__all__ = ["MemoryBuffer", "import_dlpack", "import_numpy"]


@dataclass
class MemoryBuffer:
    """`size` bytes at the address `data_ptr`; `owner` keeps them allocated.

    `memory_type_id` is the number of the GPU, 0 for host memory.
    """

    data_ptr: int
    memory_type: MemoryType
    memory_type_id: int
    size: int
    owner: Any

    @staticmethod
    def from_dlpack(owner: Any) -> MemoryBuffer:
        """The memory of an object with `__dlpack__`, not copied.

        Raises InvalidArgumentError if it does not offer DLPack or is not contiguous.
        """
        return import_dlpack(owner)[2]


def import_dlpack(source: Any) -> tuple[DataType, tuple[int, ...], MemoryBuffer]:
    """Data type, shape and memory of an object with `__dlpack__`, not copied."""
    if not hasattr(source, "__dlpack__") or not hasattr(source, "__dlpack_device__"):
        raise InvalidArgumentError("Object does not support DLpack protocol")
    tensor = _native.DlpackTensor(_capsule(source))
    if not tensor.contiguous:
        raise InvalidArgumentError("Only contiguous memory is supported")
    data_type = from_dlpack_type(tensor.code, tensor.bits, tensor.lanes)
    memory_type, memory_id = from_dlpack_device(tensor.device_type, tensor.device_id)
    size = prod(tensor.shape) * item_size(data_type)
    address = tensor.address if size else 0
    return data_type, tensor.shape, MemoryBuffer(address, memory_type, memory_id, size, tensor)


def import_numpy(array: Any) -> tuple[DataType, tuple[int, ...], MemoryBuffer]:
    """Data type, shape and memory of an array.

    Not copied if it is contiguous and of native byte order; BYTES are always written out anew.
    """
    import numpy

    data_type = from_numpy_dtype(array.dtype)
    shape = tuple(array.shape)
    if data_type is DataType.BYTES:
        text = _native.encode_bytes(array.ravel(order="C").tolist())
        array = numpy.frombuffer(text, dtype=numpy.int8)
    else:
        array = numpy.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
    buffer = MemoryBuffer(array.ctypes.data, MemoryType.CPU, 0, array.nbytes, array)
    return data_type, shape, buffer


def _capsule(source: Any) -> Any:
    memory_type, number = from_dlpack_device(*_device(source))
    if memory_type is MemoryType.GPU:
        return _gpu_capsule(source, number)
    try:
        return source.__dlpack__(max_version=(1, 0))
    except TypeError:  # a producer of the first version of the protocol
        return source.__dlpack__()


def _device(source: Any) -> tuple[int, int]:
    kind, number = source.__dlpack_device__()
    return int(kind), int(number)


def _gpu_capsule(source: Any, number: int) -> Any:
    # The producer makes its stream wait for nothing but the given one; the core knows no streams,
    # so the data must be complete on return.
    try:
        import cupy  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        unsupported = UnsupportedError("GPU tensors need cupy, which is not installed")
        raise InvalidArgumentError(str(unsupported)) from error
    with cupy.cuda.Device(number):
        stream = cupy.cuda.Stream(non_blocking=True)
        capsule = source.__dlpack__(stream=stream.ptr)
        stream.synchronize()
    return capsule
