"""Enumerations of Triton's C API; the values are those of its ABI.

`int(member)`, `.name`, `.value` and `__members__` work, and members print as
`TRITONSERVER_DataType.BYTES`, as in NVIDIA's package.
"""

from __future__ import annotations

import enum

__all__ = [
    "DataType",
    "InstanceGroupKind",
    "LogFormat",
    "LogLevel",
    "MemoryType",
    "MetricFormat",
    "MetricKind",
    "ModelBatchFlag",
    "ModelControlMode",
    "ModelTxnPropertyFlag",
    "RateLimitMode",
]


class _TritonEnum(enum.Enum):
    def __int__(self) -> int:
        return int(self.value)

    def __index__(self) -> int:
        return int(self.value)

    def __str__(self) -> str:
        return f"TRITONSERVER_{type(self).__name__}.{self.name}"

    def __repr__(self) -> str:
        return f"<{self}: {self.value}>"


class DataType(_TritonEnum):
    """Element type of a tensor."""

    INVALID = 0
    BOOL = 1
    UINT8 = 2
    UINT16 = 3
    UINT32 = 4
    UINT64 = 5
    INT8 = 6
    INT16 = 7
    INT32 = 8
    INT64 = 9
    FP16 = 10
    FP32 = 11
    FP64 = 12
    BYTES = 13
    BF16 = 14


class MemoryType(_TritonEnum):
    """Where a tensor lies."""

    CPU = 0
    CPU_PINNED = 1
    GPU = 2


class ModelControlMode(_TritonEnum):
    """NONE: load everything once; POLL: rescan on request; EXPLICIT: load what is named."""

    NONE = 0
    POLL = 1
    EXPLICIT = 2


class RateLimitMode(_TritonEnum):
    """Whether instances compete for declared resources."""

    OFF = 0
    EXEC_COUNT = 1


class LogFormat(_TritonEnum):
    """Time format of log lines."""

    DEFAULT = 0
    ISO8601 = 1


class LogLevel(_TritonEnum):
    """Severity of a log record."""

    INFO = 0
    WARN = 1
    ERROR = 2
    VERBOSE = 3


class InstanceGroupKind(_TritonEnum):
    """Device kind of model instances."""

    AUTO = 0
    CPU = 1
    GPU = 2
    MODEL = 3


class MetricFormat(_TritonEnum):
    """Text format of `Server.metrics`."""

    PROMETHEUS = 0


class MetricKind(_TritonEnum):
    """Kind of a custom metric."""

    COUNTER = 0
    GAUGE = 1


class ModelBatchFlag(_TritonEnum):
    """FIRST_DIM: the first dimension of every tensor is the batch."""

    UNKNOWN = 1
    FIRST_DIM = 2


class ModelTxnPropertyFlag(_TritonEnum):
    """DECOUPLED: a request may be answered by any number of responses."""

    ONE_TO_ONE = 1
    DECOUPLED = 2
