"""Data types of Triton, NumPy and DLPack, and what corresponds to what.

NumPy types are told apart by kind and size, not by name, so that `numpy.longlong` is INT64 too.
BF16 has no NumPy type. NumPy itself is imported at first need: it costs more than this package.
"""

from __future__ import annotations

from typing import Any

from ..errors import InvalidArgumentError
from .enums import DataType

__all__ = ["dlpack_type", "from_dlpack_type", "from_numpy_dtype", "item_size", "to_numpy_dtype"]

_NUMPY: dict[DataType, str] = {
    DataType.BOOL: "?",
    DataType.UINT8: "u1",
    DataType.UINT16: "u2",
    DataType.UINT32: "u4",
    DataType.UINT64: "u8",
    DataType.INT8: "i1",
    DataType.INT16: "i2",
    DataType.INT32: "i4",
    DataType.INT64: "i8",
    DataType.FP16: "f2",
    DataType.FP32: "f4",
    DataType.FP64: "f8",
    DataType.BYTES: "O",
}
_BY_KIND = {(code[0].replace("?", "b"), int(code[1:] or 1)): t for t, code in _NUMPY.items()}
_BYTES_KINDS = frozenset("OSUT")  # objects, bytes, text, NumPy 2's variable-width text

# DLDataTypeCode and bits.
_DLPACK: dict[DataType, tuple[int, int]] = {
    DataType.INT8: (0, 8),
    DataType.INT16: (0, 16),
    DataType.INT32: (0, 32),
    DataType.INT64: (0, 64),
    DataType.UINT8: (1, 8),
    DataType.UINT16: (1, 16),
    DataType.UINT32: (1, 32),
    DataType.UINT64: (1, 64),
    DataType.FP16: (2, 16),
    DataType.FP32: (2, 32),
    DataType.FP64: (2, 64),
    DataType.BF16: (4, 16),
    DataType.BOOL: (6, 8),
}
_FROM_DLPACK = {pair: data_type for data_type, pair in _DLPACK.items()}


def from_numpy_dtype(dtype: Any) -> DataType:
    """The data type of arrays of `dtype`. Raises InvalidArgumentError if there is none."""
    if dtype.kind in _BYTES_KINDS:
        return DataType.BYTES
    found = _BY_KIND.get((dtype.kind, dtype.itemsize))
    if found is None:
        raise InvalidArgumentError(
            f"Unsupported Numpy data type. Can't convert {dtype} to a Triton data type"
        )
    return found


def to_numpy_dtype(data_type: DataType) -> Any:
    """The dtype of arrays of `data_type`. Raises InvalidArgumentError if there is none."""
    import numpy

    code = _NUMPY.get(data_type)
    if code is None:
        raise InvalidArgumentError(f"Unsupported data type. Can't convert {data_type} to Numpy")
    return numpy.dtype(code)


def item_size(data_type: DataType) -> int:
    """Bytes of one element; 0 where elements have no fixed size."""
    return _DLPACK[data_type][1] // 8 if data_type in _DLPACK else 0


def dlpack_type(data_type: DataType) -> tuple[int, int]:
    """DLPack's code and bits. Raises InvalidArgumentError for types that DLPack does not have."""
    found = _DLPACK.get(data_type)
    if found is None:
        raise InvalidArgumentError(f"DLPack has no type for {data_type}")
    return found


def from_dlpack_type(code: int, bits: int, lanes: int) -> DataType:
    """The inverse of `dlpack_type`."""
    found = _FROM_DLPACK.get((code, bits)) if lanes == 1 else None
    if found is None:
        raise InvalidArgumentError(
            f"Unsupported DLPack data type: code {code}, {bits} bits, {lanes} lanes"
        )
    return found
