"""Worker side checks of CUDA: the one visible device is the assigned one, and still usable.

Uses the driver library directly and creates no context, so it costs no GPU memory. A machine
without the library cannot have been given a GPU worker by mistake of ours: the core will report it.
"""

from __future__ import annotations

import ctypes
import uuid
from dataclasses import dataclass

from ..options.spec import Device
from ..system.exits import WorkerExit
from .core import CoreError

_LIBRARY = "libcuda.so.1"
_NOT_READY = 600
#: Errors that stay in a process: every later call in its context fails with the same one.
_STICKY = {
    214: "uncorrectable ECC error",
    220: "uncorrectable NVLink error",
    700: "illegal memory access",
    702: "kernel timed out",
    710: "device-side assert",
    714: "hardware stack error",
    715: "illegal instruction",
    716: "misaligned address",
    717: "invalid address space",
    718: "invalid program counter",
    719: "kernel launch failed",
}
#: Those that are the GPU's own, not a kernel's: another process would meet them too.
_HARDWARE = frozenset({214, 220})


@dataclass(frozen=True)
class Fault:
    """A process that can compute no more. `hardware`: the GPU itself is in doubt."""

    text: str
    hardware: bool


def check_device(device: Device) -> None:
    """Raise CoreError(WRONG_GPU) unless CUDA device 0 has the UUID of `device`."""
    if not device.uuid:
        return
    found = _first_device_uuid()
    if found is None:
        return
    # Drivers before 470 write a MIG instance as "MIG-<UUID of the GPU>/1/0", and tell the GPU's.
    if not device.uuid.partition("/")[0].endswith(found):
        raise CoreError(
            WorkerExit.WRONG_GPU,
            f"CUDA device 0 has UUID {found}, but this worker was given {device.uuid}",
        )


def context_fault() -> Fault | None:
    """The sticky error of this process on its device, None if there is none. Blocks if the driver
    does: on a thread only.
    """
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    flags, active = ctypes.c_uint(), ctypes.c_int()
    state = library.cuDevicePrimaryCtxGetState
    if state(0, ctypes.byref(flags), ctypes.byref(active)) != 0 or not active.value:
        return None  # nothing has used the device yet, and we must not be the first
    context = ctypes.c_void_p()
    if library.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) != 0:
        return None
    try:
        library.cuCtxPushCurrent_v2(context)
        code = int(library.cuStreamQuery(None))
        library.cuCtxPopCurrent_v2(ctypes.byref(context))
    finally:
        library.cuDevicePrimaryCtxRelease_v2(0)
    if code in (0, _NOT_READY) or code not in _STICKY:
        return None
    return Fault(f"CUDA error {code} ({_STICKY[code]})", code in _HARDWARE)


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
