"""Tensor: data type, shape and memory; from and to NumPy and DLPack without a copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from .. import _native
from ..errors import InvalidArgumentError, UnsupportedError
from .datatypes import dlpack_type
from .devices import DeviceOrMemoryType, DLDeviceType, parse_device
from .enums import DataType, MemoryType
from .memory import MemoryBuffer, import_dlpack, import_numpy

__all__ = ["Tensor"]


@dataclass(eq=False)
class Tensor:
    """`shape` includes the batch dimension where the model has one.

    BYTES data is, for each element in row-major order, a 4-byte native length and the bytes.
    The memory of an input belongs to the core from `infer` until the request is released; do not
    write to it meanwhile. The memory of an output is the one that the model wrote; it stays valid
    as long as the tensor or a view made from it lives, also after the server has stopped.
    """

    data_type: DataType
    shape: Any
    memory_buffer: MemoryBuffer

    @property
    def data_ptr(self) -> int:
        """Address of the first byte."""
        return self.memory_buffer.data_ptr

    @property
    def memory_type(self) -> MemoryType:
        """Kind of memory."""
        return self.memory_buffer.memory_type

    @property
    def memory_type_id(self) -> int:
        """Number of the GPU, 0 for host memory."""
        return self.memory_buffer.memory_type_id

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.memory_buffer.size

    @staticmethod
    def from_dlpack(obj: Any) -> Tensor:
        """A tensor over the memory of an object with `__dlpack__`, not copied."""
        return Tensor(*import_dlpack(obj))

    @staticmethod
    def from_object(obj: Any) -> Tensor:
        """A tensor from a Tensor, a numpy.ndarray, a list or an object with `__dlpack__`.

        Arrays are not copied if they are contiguous; lists become the array that numpy makes of
        them. Raises InvalidArgumentError for everything else.
        """
        if isinstance(obj, Tensor):
            return obj
        import numpy

        if type(obj) is numpy.ndarray:
            return Tensor(*import_numpy(obj))
        if type(obj) is list:
            return _from_list(obj)
        if hasattr(obj, "__dlpack__"):
            return Tensor.from_dlpack(obj)
        raise InvalidArgumentError(
            f"Input type {type(obj)} not supported. Must be a Tensor, numpy.ndarray, list or an "
            "object that supports the DLPack protocol"
        )

    @staticmethod
    def from_bytes_array(bytes_array: Any) -> Tensor:
        """A BYTES tensor from a list or array of bytes or str (written as UTF-8)."""
        tensor = Tensor.from_object(bytes_array)
        if tensor.data_type is not DataType.BYTES:
            raise InvalidArgumentError(
                f"Unsupported conversion from {type(bytes_array)} to a BYTES tensor. "
                f"Got {tensor.data_type}"
            )
        return tensor

    @staticmethod
    def from_string_array(string_array: Any) -> Tensor:
        """The same as `from_bytes_array`."""
        return Tensor.from_bytes_array(string_array)

    def to_bytes_array(self) -> Any:
        """An object array of bytes in this tensor's shape. Raises InvalidArgumentError."""
        return self._elements(lambda element: element)

    def to_string_array(self) -> Any:
        """An array of str in this tensor's shape, read as UTF-8. Raises InvalidArgumentError."""
        import numpy

        try:
            return self._elements(lambda element: element.decode()).astype(numpy.str_)
        except UnicodeDecodeError as error:
            raise InvalidArgumentError(
                f"an element of the BYTES tensor is not UTF-8: {error}"
            ) from None

    def to_host(self) -> Tensor:
        """This tensor in host memory: itself if it is there, else a copy (needs cupy)."""
        return self.to_device(MemoryType.CPU)

    def to_device(self, device: DeviceOrMemoryType) -> Tensor:
        """This tensor in other memory: itself if it is there, else a copy (needs cupy).

        Raises InvalidArgumentError for a bad `device`, UnsupportedError without cupy.
        """
        target = parse_device(device)
        current = (self.memory_type, self.memory_type_id)
        if current == target or (
            target[0] is MemoryType.CPU and self.memory_type is MemoryType.CPU_PINNED
        ):
            return self
        try:
            return _copy(self, *target)
        except ImportError:
            raise UnsupportedError(
                f"Conversion from {current} to {target} not supported."
            ) from None

    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """A capsule over this tensor's memory. Raises InvalidArgumentError for BYTES."""
        code, bits = dlpack_type(self.data_type)
        device = self.__dlpack_device__()
        if dl_device is not None and tuple(dl_device) != device:
            raise BufferError(f"the tensor is on device {device}, not on {dl_device}")
        self._wait_for(stream)
        tensor = _copy_on_host(self) if copy else self
        return _native.dlpack_export(
            address=tensor.data_ptr,
            shape=[int(dimension) for dimension in tensor.shape],
            code=code,
            bits=bits,
            device_type=device[0],
            device_id=device[1],
            versioned=max_version is not None and max_version[0] >= 1,
            owner=tensor,
        )

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack's device type and id; pinned host memory counts as host memory."""
        gpu = self.memory_type is MemoryType.GPU
        return (DLDeviceType.kDLCUDA if gpu else DLDeviceType.kDLCPU), self.memory_type_id

    def _elements(self, convert: Callable[[bytes], Any]) -> Any:
        import numpy

        if self.data_type is not DataType.BYTES:
            raise InvalidArgumentError(
                f"Tensor has data type {self.data_type}, not {DataType.BYTES}"
            )
        host = self.to_host()
        elements = [convert(item) for item in _native.decode_bytes(host.data_ptr, host.size)]
        shape = tuple(int(dimension) for dimension in self.shape)
        if len(elements) != prod(shape):
            raise InvalidArgumentError(
                f"the BYTES tensor has {len(elements)} elements, its shape {shape} {prod(shape)}"
            )
        array = numpy.empty(len(elements), dtype=numpy.object_)
        array[:] = elements
        return array.reshape(shape)

    def _wait_for(self, stream: int | None) -> None:
        if self.memory_type is not MemoryType.GPU:
            if stream not in (None, 0):
                raise UnsupportedError("DLPack stream must be None or 0 for host memory")
            return
        # The core has finished writing before it hands a response out: nothing to wait for.


class _View:
    """What numpy needs to make an array over a tensor's bytes, which keeps the tensor."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.__array_interface__ = {
            "version": 3,
            "shape": (tensor.size,),
            "typestr": "|u1",
            "data": (tensor.data_ptr, True),
        }


def _host_bytes(tensor: Tensor) -> Any:
    import numpy

    if tensor.size == 0:
        return numpy.empty(0, dtype=numpy.uint8)
    return numpy.asarray(_View(tensor))


def _from_list(values: list[Any]) -> Tensor:
    import numpy

    try:
        array = numpy.array(values)
        if array.dtype.kind in "SU":  # fixed-width text would lose zero bytes at its end
            array = numpy.array(values, dtype=numpy.object_)
        return Tensor(*import_numpy(array))
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidArgumentError(
            f"Conversion from {type(values)} to tensor not supported. {error}"
        ) from error


def _copy_on_host(tensor: Tensor) -> Tensor:
    if tensor.memory_type is MemoryType.GPU:
        raise BufferError("a copy of a GPU tensor is not offered; use to_host()")
    data = _host_bytes(tensor).copy()
    buffer = MemoryBuffer(data.ctypes.data, MemoryType.CPU, 0, data.nbytes, data)
    return Tensor(tensor.data_type, tensor.shape, buffer)


def _copy(tensor: Tensor, memory_type: MemoryType, number: int) -> Tensor:
    """Raises ImportError without cupy."""
    import cupy  # type: ignore[import-not-found,unused-ignore]

    source = (
        _cupy_bytes(cupy, tensor) if tensor.memory_type is MemoryType.GPU else _host_bytes(tensor)
    )
    if memory_type is MemoryType.GPU:
        with cupy.cuda.Device(number):
            target = cupy.asarray(source)
            cupy.cuda.get_current_stream().synchronize()
        address = int(target.data.ptr)
    elif memory_type is MemoryType.CPU_PINNED:
        import numpy

        pinned = cupy.cuda.alloc_pinned_memory(max(tensor.size, 1))
        target = numpy.frombuffer(pinned, dtype=numpy.uint8, count=tensor.size)
        target[:] = cupy.asnumpy(source)
        address = int(target.ctypes.data)
    else:
        target = cupy.asnumpy(source)
        address = int(target.ctypes.data)
    buffer = MemoryBuffer(address, memory_type, number, tensor.size, target)
    return Tensor(tensor.data_type, tensor.shape, buffer)


def _cupy_bytes(cupy: Any, tensor: Tensor) -> Any:
    memory = cupy.cuda.UnownedMemory(
        tensor.data_ptr, tensor.size, tensor.memory_buffer.owner, tensor.memory_type_id
    )
    pointer = cupy.cuda.MemoryPointer(memory, 0)
    return cupy.ndarray((tensor.size,), dtype=cupy.uint8, memptr=pointer)
