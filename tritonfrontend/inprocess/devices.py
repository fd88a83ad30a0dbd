"""Memory places: Triton's memory types, DLPack's device types and the ways to write them."""

from __future__ import annotations

import ctypes
import re
from typing import Union

from ..errors import InvalidArgumentError
from .enums import MemoryType

__all__ = ["DLDeviceType", "DeviceOrMemoryType", "from_dlpack_device", "parse_device"]


class DLDeviceType(ctypes.c_int):
    """Device types of DLPack."""

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLOpenCL = 4
    kDLVulkan = 7
    kDLMetal = 8
    kDLVPI = 9
    kDLROCM = 10
    kDLROCMHost = 11
    kDLExtDev = 12
    kDLCUDAManaged = 13
    kDLOneAPI = 14
    kDLWebGPU = 15
    kDLHexagon = 16


# "gpu:1", MemoryType.GPU, (MemoryType.GPU, 1) or (DLDeviceType.kDLCUDA, 1).
DeviceOrMemoryType = Union[
    str, MemoryType, "tuple[MemoryType, int]", "tuple[DLDeviceType | int, int]"
]

_FROM_DLPACK = {
    DLDeviceType.kDLCPU: MemoryType.CPU,
    DLDeviceType.kDLCUDA: MemoryType.GPU,
    DLDeviceType.kDLCUDAHost: MemoryType.CPU_PINNED,
}
_TEXT = re.compile(r"(cpu|cpu_pinned|gpu)(?::(\d{1,9}))?", re.IGNORECASE)


def from_dlpack_device(device_type: int, device_id: int) -> tuple[MemoryType, int]:
    """Raises InvalidArgumentError for devices that Triton cannot use."""
    found = _FROM_DLPACK.get(device_type)
    if found is None:
        raise InvalidArgumentError(f"DLPack device type {device_type} is not supported")
    return found, device_id


def parse_device(device: object) -> tuple[MemoryType, int]:
    """The memory type and id that a user means. Raises InvalidArgumentError."""
    if isinstance(device, MemoryType):
        return device, 0
    if isinstance(device, str):
        match = _TEXT.fullmatch(device.strip())
        if match:
            return MemoryType[match[1].upper()], int(match[2] or 0)
    elif isinstance(device, tuple) and len(device) == 2:
        kind, number = device
        if isinstance(number, int) and isinstance(kind, MemoryType):
            return kind, number
        if isinstance(kind, ctypes.c_int):
            kind = kind.value
        if isinstance(number, int) and isinstance(kind, int):
            return from_dlpack_device(kind, number)
    raise InvalidArgumentError(
        f"Invalid memory type {device!r}: expected 'cpu', 'cpu_pinned' or 'gpu' with an optional "
        "':<id>', a MemoryType, (MemoryType, id) or (DLDeviceType, id)"
    )
