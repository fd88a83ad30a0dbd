"""Worker side check that the one visible CUDA device is the assigned one.

Uses the driver library directly and creates no context, so it costs no GPU memory. A machine
without the library cannot have been given a GPU worker by mistake of ours: the core will report it.
"""

from __future__ import annotations

import ctypes
import uuid

from .exits import WorkerExit
from .spec import Device
from .worker_core import CoreError

_LIBRARY = "libcuda.so.1"


def check_device(device: Device) -> None:
    """Raise CoreError(WRONG_GPU) unless CUDA device 0 has the UUID of `device`."""
    if not device.uuid:
        return
    found = _first_device_uuid()
    if found is None:
        return
    if not device.uuid.endswith(found):
        raise CoreError(
            WorkerExit.WRONG_GPU,
            f"CUDA device 0 has UUID {found}, but this worker was given {device.uuid}",
        )


def _first_device_uuid() -> str | None:
    """UUID of CUDA device 0 in the usual spelling, None without a driver library."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    _call(library, "cuInit", 0)
    count = ctypes.c_int()
    _call(library, "cuDeviceGetCount", ctypes.byref(count))
    if count.value < 1:
        raise CoreError(WorkerExit.WRONG_GPU, "CUDA sees no device; the assigned one is lost")
    raw = (ctypes.c_ubyte * 16)()
    # _v2 (CUDA 11.4) gives a MIG instance's own UUID; the old one that of its GPU.
    name = "cuDeviceGetUuid_v2" if hasattr(library, "cuDeviceGetUuid_v2") else "cuDeviceGetUuid"
    _call(library, name, ctypes.byref(raw), 0)
    return str(uuid.UUID(bytes=bytes(raw)))


def _call(library: ctypes.CDLL, name: str, *arguments: object) -> None:
    code = getattr(library, name)(*arguments)
    if code != 0:
        raise CoreError(WorkerExit.WRONG_GPU, f"{name} failed with CUDA error {code}")
