"""Sample tensors of every datatype that numpy has, with the values where conversions go wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def _integers(dtype: Any) -> NDArray[Any]:
    info = np.iinfo(dtype)
    return np.array([info.min, 0, 1, info.max], dtype=dtype)


def _floats(dtype: Any) -> NDArray[Any]:
    info = np.finfo(dtype)
    special = [0.0, -0.0, 1.0, -1.5, info.max, info.min, info.tiny, np.inf, -np.inf, np.nan]
    return np.array(special, dtype=dtype)


# BF16 has no numpy type.
SAMPLES: dict[str, NDArray[Any]] = {
    "BOOL": np.array([True, False, True]),
    "UINT8": _integers(np.uint8),
    "UINT16": _integers(np.uint16),
    "UINT32": _integers(np.uint32),
    "UINT64": _integers(np.uint64),
    "INT8": _integers(np.int8),
    "INT16": _integers(np.int16),
    "INT32": _integers(np.int32),
    "INT64": _integers(np.int64),
    "FP16": _floats(np.float16),
    "FP32": _floats(np.float32),
    "FP64": _floats(np.float64),
    "BYTES": np.array(
        [
            b"",
            b"plain",
            b"with\0zero",
            "\u00e4\u00f6\u4e2d\U0001f600".encode(),
            b"x" * 5000,
            b'"\\/\b\f\n\r\t\x01\x7f',
        ],
        dtype=np.object_,
    ),
}

JSON_TYPES = [datatype for datatype in SAMPLES if datatype != "FP16"]


def _plain(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def same(got: NDArray[Any] | None, expected: NDArray[Any]) -> bool:
    """Equal shapes and equal bits; text and bytes are the same thing."""
    if got is None or got.shape != expected.shape:
        return False
    if expected.dtype == np.object_:
        return [_plain(v) for v in got.flat] == [_plain(v) for v in expected.flat]
    return got.dtype == expected.dtype and got.tobytes() == expected.tobytes()


def json_text(datatype: str, count: int, data: str) -> str:
    """A request for an identity model whose ``data`` member is the given text, valid or not."""
    tensor = f'"name":"INPUT0","datatype":"{datatype}","shape":[{count}],"data":{data}'
    return '{"inputs":[{' + tensor + "}]}"
