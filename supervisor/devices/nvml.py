"""GPUs through NVML (nvidia-ml-py), on one thread of their own.

Calls into a sick driver can hang for ever, so nobody waits for them without a limit: answers are
cached, an overdue one is marked stale, and the thread is a daemon that never holds up an exit.
pynvml is imported on first use; a machine without it or without a driver has simply no GPUs.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..system.signals import hold_stop_signals
from .selection import Gpu, Mig

T = TypeVar("T")

#: A healthy driver answers in milliseconds; without the persistence daemon it loads in seconds.
DISCOVERY_SECONDS = 20.0
_MIG_ENABLED = 1


@dataclass(frozen=True)
class GpuSample:
    """What a GPU does now. Bytes, percent, degrees Celsius, watts; None where NVML has no value."""

    mem_used: int | None = None
    mem_total: int | None = None
    util: int | None = None
    temp: int | None = None
    power: float | None = None


@dataclass(frozen=True)
class Discovery:
    """GPUs in NVML order, and the reason if there are none."""

    gpus: tuple[Gpu, ...]
    problem: str = ""


class Nvml:
    """All NVML calls of this process. `call` may be used from any thread."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ready = False
        self._asked_at: float | None = None

    @property
    def stuck_for(self) -> float:
        """Seconds that the present call has taken; 0 if there is none."""
        asked = self._asked_at
        return time.monotonic() - asked if asked is not None else 0.0

    def call(self, function: Callable[[Any], T]) -> concurrent.futures.Future[T]:
        """Run `function(pynvml)` on the NVML thread. Its exception is the future's."""
        future: concurrent.futures.Future[T] = concurrent.futures.Future()

        def job() -> None:
            try:
                future.set_result(function(self._library()))
            except Exception as error:
                future.set_exception(error)

        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nvml", daemon=True)
            self._thread.start()
        self._jobs.put(job)
        return future

    def discover(self, seconds: float = DISCOVERY_SECONDS) -> Discovery:
        """List the GPUs; blocks at most `seconds`. Never raises."""
        try:
            gpus = self.call(_list_gpus).result(seconds)
        except concurrent.futures.TimeoutError:
            return Discovery((), f"NVML did not answer within {seconds:g} s (sick driver?)")
        except Exception as error:
            return Discovery((), f"no GPU found ({_text(error)})")
        return Discovery(tuple(gpus), "" if gpus else "no GPU found (NVML lists none)")

    def sample(self, uuids: Sequence[str]) -> concurrent.futures.Future[dict[str, GpuSample]]:
        """Current values of the given GPUs or MIG instances; those that are lost, or not listed
        any more, are missing.
        """
        return self.call(lambda lib: _sample_all(lib, uuids))

    def _library(self) -> Any:
        library = importlib.import_module("pynvml")
        if not self._ready:
            library.nvmlInit()
            self._ready = True
        return library

    def _run(self) -> None:
        hold_stop_signals()
        while True:
            job = self._jobs.get()
            self._asked_at = time.monotonic()
            job()
            self._asked_at = None


def _text(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "the Python package nvidia-ml-py is not installed"
    return f"NVML: {error}"


def _list_gpus(lib: Any) -> list[Gpu]:
    gpus = []
    for index in range(lib.nvmlDeviceGetCount()):
        try:
            gpus.append(_gpu(lib, index, lib.nvmlDeviceGetHandleByIndex(index)))
        except lib.NVMLError:
            continue  # a lost GPU stays in the count; the others are still good
    return gpus


def _gpu(lib: Any, index: int, handle: Any) -> Gpu:
    enabled = False
    with contextlib.suppress(lib.NVMLError):  # GPUs without MIG say "not supported"
        enabled = lib.nvmlDeviceGetMigMode(handle)[0] == _MIG_ENABLED
    return Gpu(
        index=index,
        uuid=_str(lib.nvmlDeviceGetUUID(handle)),
        name=_str(lib.nvmlDeviceGetName(handle)),
        pci=_str(lib.nvmlDeviceGetPciInfo(handle).busId),
        mig_enabled=enabled,
        migs=tuple(_migs(lib, handle)) if enabled else (),
    )


def _migs(lib: Any, handle: Any) -> list[Mig]:
    found = []
    for index in range(lib.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            mig = lib.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
            found.append(
                Mig(
                    _str(lib.nvmlDeviceGetUUID(mig)),
                    lib.nvmlDeviceGetGpuInstanceId(mig),
                    lib.nvmlDeviceGetComputeInstanceId(mig),
                    _str(lib.nvmlDeviceGetName(mig)),
                )
            )
        except lib.NVMLError:
            continue  # positions may be empty
    return found


def _sample_all(lib: Any, uuids: Sequence[str]) -> dict[str, GpuSample]:
    samples = {}
    for uuid in uuids:
        try:
            samples[uuid] = _sample(lib, lib.nvmlDeviceGetHandleByUUID(uuid.encode()))
        except (lib.NVMLError_NotFound, lib.NVMLError_GpuIsLost):
            continue
        except lib.NVMLError:
            samples[uuid] = GpuSample()  # a sick driver says nothing about the GPU
    return samples


def _sample(lib: Any, handle: Any) -> GpuSample:
    def value(function: Callable[[], T]) -> T | None:
        try:
            return function()
        except lib.NVMLError_GpuIsLost:
            raise
        except lib.NVMLError:
            return None  # MIG instances and old GPUs lack some of these

    memory = value(lambda: lib.nvmlDeviceGetMemoryInfo(handle))
    util = value(lambda: lib.nvmlDeviceGetUtilizationRates(handle))
    temp = value(lambda: lib.nvmlDeviceGetTemperature(handle, lib.NVML_TEMPERATURE_GPU))
    power = value(lambda: lib.nvmlDeviceGetPowerUsage(handle))
    return GpuSample(
        mem_used=int(memory.used) if memory else None,
        mem_total=int(memory.total) if memory else None,
        util=int(util.gpu) if util else None,
        temp=temp,
        power=power / 1000 if power is not None else None,
    )


def _str(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
