"""Errors that the driver reports of GPUs (XID), as they come, on a thread of their own.

The wait for an event blocks inside NVML, so it must not share the thread that samples. The thread
is a daemon: it ends with the process, or when the driver cannot report events.
"""

from __future__ import annotations

import ctypes
import importlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..system.signals import hold_stop_signals

#: Milliseconds of one wait; only to be able to go on after a time-out.
_WAIT_MS = 1000
_PAUSE = 1.0


class XidWatch:
    """Calls `report(index, xid)` on its own thread; `indices` are those of NVML."""

    def __init__(self, indices: Sequence[int], report: Callable[[int, int], None]) -> None:
        self._indices = list(indices)
        self._report = report

    def start(self) -> None:
        threading.Thread(target=self._run, name="xid", daemon=True).start()

    def _run(self) -> None:
        hold_stop_signals()
        try:
            library = importlib.import_module("pynvml")
            library.nvmlInit()
            events = library.nvmlEventSetCreate()
            handles = self._register(library, events)
        except Exception:  # no driver, or one without events: nothing to watch
            return
        while handles:
            try:
                event = library.nvmlEventSetWait_v2(events, _WAIT_MS)
                index = handles.get(_address(event.device))
                if index is not None:
                    self._report(index, int(event.eventData))
            except RuntimeError:
                return  # the loop is closed
            except Exception as error:
                if getattr(error, "value", None) != library.NVML_ERROR_TIMEOUT:
                    time.sleep(_PAUSE)  # a lost GPU makes every wait fail at once

    def _register(self, library: Any, events: Any) -> dict[int | None, int]:
        found: dict[int | None, int] = {}
        for index in self._indices:
            try:
                handle = library.nvmlDeviceGetHandleByIndex(index)
                kind = library.nvmlEventTypeXidCriticalError
                library.nvmlDeviceRegisterEvents(handle, kind, events)
            except library.NVMLError:
                continue  # not every GPU can; the others still do
            found[_address(handle)] = index
        return found


def _address(handle: Any) -> int | None:
    return ctypes.cast(handle, ctypes.c_void_p).value
