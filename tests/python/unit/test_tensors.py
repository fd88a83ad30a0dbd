"""Tensors from and to NumPy and DLPack, without a core."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import numpy as np
import pytest

from tritonfrontend.inprocess import (
    DataType,
    DLDeviceType,
    InvalidArgumentError,
    MemoryBuffer,
    MemoryType,
    Tensor,
    UnsupportedError,
)

NUMERIC = ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]


def values_of(tensor: Tensor) -> Any:
    return np.from_dlpack(tensor)


@pytest.mark.parametrize("dtype", NUMERIC)
def test_numpy_is_shared_both_ways(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    tensor = Tensor.from_object(array)
    assert tensor.data_ptr == array.ctypes.data
    assert tuple(tensor.shape) == (2, 3)
    assert tensor.size == array.nbytes
    assert (tensor.memory_type, tensor.memory_type_id) == (MemoryType.CPU, 0)
    back = values_of(tensor)
    assert back.ctypes.data == array.ctypes.data
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert not back.flags.writeable


def test_longlong_is_int64() -> None:
    assert Tensor.from_object(np.zeros(1, np.longlong)).data_type is DataType.INT64


@pytest.mark.parametrize(
    "array",
    [
        np.arange(10, dtype=np.int32)[::2],
        np.arange(12, dtype=np.float32).reshape(3, 4).T,
        np.arange(4, dtype=">i4"),
        np.asfortranarray(np.arange(6, dtype=np.int8).reshape(2, 3)),
    ],
)
def test_awkward_layouts_are_copied_right(array: Any) -> None:
    tensor = Tensor.from_object(array)
    assert tuple(tensor.shape) == array.shape
    np.testing.assert_array_equal(values_of(tensor), array)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1, 1, 1)])
def test_small_and_empty_shapes(shape: tuple[int, ...]) -> None:
    array = np.ones(shape, np.float32)
    tensor = Tensor.from_object(array)
    assert tuple(tensor.shape) == shape
    assert tensor.size == array.nbytes
    np.testing.assert_array_equal(values_of(tensor), array)


@pytest.mark.parametrize("dtype", ["c8", "M8[s]", "m8[s]", "V4", "f16"])
def test_unsupported_dtypes(dtype: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Unsupported Numpy data type"):
        Tensor.from_object(np.zeros(1, dtype))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], DataType.INT64),
        ([1.5], DataType.FP64),
        ([True], DataType.BOOL),
        (["a"], DataType.BYTES),
        ([b"a", "b"], DataType.BYTES),
        ([[1, "a"]], DataType.BYTES),
    ],
)
def test_lists(values: list[Any], expected: DataType) -> None:
    assert Tensor.from_object(values).data_type is expected


@pytest.mark.parametrize("values", [[[1], [1, 2]], [1j]])
def test_bad_lists(values: list[Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="to tensor not supported"):
        Tensor.from_object(values)


@pytest.mark.parametrize("value", [(1, 2), 3, "text", None, {"a": 1}])
def test_unsupported_objects(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match=r"Input type <class .*> not supported"):
        Tensor.from_object(value)


def test_bytes_round_trip() -> None:
    elements = [[b"", b"zero\0\0"], ["héllo", 7]]
    tensor = Tensor.from_bytes_array(elements)
    assert tuple(tensor.shape) == (2, 2)
    assert tensor.to_bytes_array().tolist() == [[b"", b"zero\0\0"], ["héllo".encode(), b"7"]]
    texts = Tensor.from_string_array(np.array(["ä", "b" * 300], dtype=object)).to_string_array()
    assert texts.dtype.kind == "U"
    assert texts.tolist() == ["ä", "b" * 300]


def test_bytes_from_fixed_width_and_strided_arrays() -> None:
    assert Tensor.from_object(np.array([b"ab", b"c"])).to_bytes_array().tolist() == [b"ab", b"c"]
    array = np.array([["a", "b"], ["c", "d"]], dtype=object).T
    assert Tensor.from_object(array).to_string_array().tolist() == [["a", "c"], ["b", "d"]]


def test_bytes_errors() -> None:
    with pytest.raises(InvalidArgumentError, match=r"Got TRITONSERVER_DataType\.INT64"):
        Tensor.from_bytes_array([1, 2])
    with pytest.raises(InvalidArgumentError, match=r"not TRITONSERVER_DataType\.BYTES"):
        Tensor.from_object([1]).to_bytes_array()
    tensor = Tensor.from_object([b"\xff"])
    with pytest.raises(InvalidArgumentError, match="not UTF-8"):
        tensor.to_string_array()
    with pytest.raises(InvalidArgumentError, match="DLPack has no type"):
        tensor.__dlpack__()
    text = np.frombuffer(b"\x05\0\0\0abc", np.uint8)
    buffer = MemoryBuffer(text.ctypes.data, MemoryType.CPU, 0, text.nbytes, text)
    with pytest.raises(InvalidArgumentError, match="middle of an element"):
        Tensor(DataType.BYTES, (1,), buffer).to_bytes_array()
    two = Tensor.from_object([b"a", b"b"])
    with pytest.raises(InvalidArgumentError, match="2 elements"):
        Tensor(DataType.BYTES, (3,), two.memory_buffer).to_bytes_array()


def test_dlpack_keeps_the_memory() -> None:
    array = np.arange(1000, dtype=np.int64)
    alive = weakref.ref(array)
    view = values_of(Tensor.from_object(array))
    del array
    gc.collect()
    assert alive() is not None
    assert view.sum() == 499500
    del view
    gc.collect()
    Tensor.from_object([1])  # the bindings drop what other threads gave back at the next call
    np.from_dlpack(Tensor.from_object([1]))
    for _ in range(1000):
        if alive() is None:
            break
    assert alive() is None


class Producer:
    """An object that offers DLPack in one of its versions."""

    def __init__(self, array: Any, *, old: bool) -> None:
        self.array = array
        self.old = old

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self.old and kwargs:
            raise TypeError("unexpected keyword")
        return Tensor.from_object(self.array).__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return DLDeviceType.kDLCPU, 0


@pytest.mark.parametrize("old", [True, False])
def test_dlpack_versions(old: bool) -> None:
    array = np.arange(5, dtype=np.float32)
    tensor = Tensor.from_object(Producer(array, old=old))
    assert tensor.data_type is DataType.FP32
    assert tensor.data_ptr == array.ctypes.data
    capsule = Tensor.from_object(array).__dlpack__(max_version=None if old else (1, 1))
    assert ('"dltensor"' if old else '"dltensor_versioned"') in repr(capsule)


def test_unused_capsules_are_freed() -> None:
    array = np.arange(4)
    before = sys.getrefcount(array)
    for _ in range(50):
        Tensor.from_object(array).__dlpack__()
    Tensor.from_object(array).__dlpack__(max_version=(1, 0))
    Tensor.from_object([1])
    for _ in range(1000):
        if sys.getrefcount(array) == before:
            break
    assert sys.getrefcount(array) == before


def test_dlpack_refusals() -> None:
    with pytest.raises(InvalidArgumentError, match="does not support DLpack"):
        Tensor.from_dlpack(object())
    with pytest.raises(InvalidArgumentError, match="Only contiguous memory"):
        MemoryBuffer.from_dlpack(np.arange(10)[::2])
    tensor = Tensor.from_object([1])
    with pytest.raises(UnsupportedError, match="stream"):
        tensor.__dlpack__(stream=5)
    with pytest.raises(BufferError):
        tensor.__dlpack__(dl_device=(2, 0))
    with pytest.raises(InvalidArgumentError, match="Unsupported DLPack data type"):
        Tensor.from_dlpack(np.zeros(2, np.complex64))

    class Liar:
        def __dlpack__(self, **kwargs: Any) -> Any:
            return "no capsule"

        def __dlpack_device__(self) -> tuple[int, int]:
            return 1, 0

    with pytest.raises(InvalidArgumentError, match="capsule"):
        Tensor.from_dlpack(Liar())


def test_a_capsule_is_taken_once() -> None:
    capsule = Tensor.from_object([1]).__dlpack__()

    class Once:
        def __dlpack__(self, **kwargs: Any) -> Any:
            return capsule

        def __dlpack_device__(self) -> tuple[int, int]:
            return 1, 0

    Tensor.from_dlpack(Once())
    with pytest.raises(InvalidArgumentError, match="unused"):
        Tensor.from_dlpack(Once())


def test_dlpack_copy() -> None:
    array = np.arange(3)
    tensor = Tensor.from_object(array)
    Wrapped = type(
        "Wrapped",
        (),
        {
            "__dlpack__": lambda self, **kwargs: tensor.__dlpack__(copy=True),
            "__dlpack_device__": lambda self: (1, 0),
        },
    )
    copied = Tensor.from_dlpack(Wrapped())
    assert copied.data_ptr != array.ctypes.data
    np.testing.assert_array_equal(values_of(copied), array)


@pytest.mark.parametrize(
    "device",
    ["cpu", "CPU:0", MemoryType.CPU, (MemoryType.CPU, 0), (DLDeviceType.kDLCPU, 0)],
)
def test_to_device_stays(device: Any) -> None:
    tensor = Tensor.from_object([1])
    assert tensor.to_device(device) is tensor
    assert tensor.to_host() is tensor
    assert tensor.to_device((DLDeviceType(DLDeviceType.kDLCPU), 0)) is tensor


@pytest.mark.parametrize("device", [None, "tpu", "gpu:x", 3, (1,), ("cpu", 0), (9, 0)])
def test_bad_devices(device: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        Tensor.from_object([1]).to_device(device)


def test_gpu_needs_cupy() -> None:
    with pytest.raises(UnsupportedError, match="not supported"):
        Tensor.from_object([1]).to_device("gpu:0")
