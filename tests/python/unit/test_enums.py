"""Enumerations: values of the C ABI, conversions and texts as in NVIDIA's package."""

from __future__ import annotations

import pickle

from tritonfrontend.inprocess import (
    DataType,
    DLDeviceType,
    MemoryType,
    MetricKind,
    ModelBatchFlag,
    ModelTxnPropertyFlag,
)


def test_values_and_texts() -> None:
    assert int(DataType.BYTES) == DataType.BYTES.value == 13
    assert DataType(14) is DataType.BF16
    assert repr(DataType.BYTES) == "<TRITONSERVER_DataType.BYTES: 13>"
    assert str(MemoryType.GPU) == "TRITONSERVER_MemoryType.GPU"
    assert list(MetricKind.__members__) == ["COUNTER", "GAUGE"]
    assert (int(ModelBatchFlag.FIRST_DIM), int(ModelTxnPropertyFlag.DECOUPLED)) == (2, 2)


def test_members_are_not_numbers() -> None:
    one: object = 1
    assert one != DataType.BOOL
    assert [10, 11][MemoryType.CPU_PINNED] == 11
    assert pickle.loads(pickle.dumps(DataType.FP32)) is DataType.FP32


def test_dlpack_devices_are_plain_integers() -> None:
    assert DLDeviceType.kDLCUDA == 2
    assert DLDeviceType(DLDeviceType.kDLCPU).value == 1
