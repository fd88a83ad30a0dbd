"""The worker program, with a thread that holds the interpreter's lock for HOLD_GIL_SECONDS once the
file HOLD_GIL is there. <file>-held-<pid> and <file>-free-<pid> tell of it.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import threading
import time
from pathlib import Path


def hold() -> None:
    flag = os.environ["HOLD_GIL"]
    while not os.path.exists(flag):
        time.sleep(0.02)
    Path(f"{flag}-held-{os.getpid()}").touch()
    ctypes.PyDLL(None).sleep(int(os.environ["HOLD_GIL_SECONDS"]))  # PyDLL keeps it during the call
    Path(f"{flag}-free-{os.getpid()}").touch()


threading.Thread(target=hold, daemon=True).start()
runpy.run_module("tritonfrontend.supervisor.worker", run_name="__main__", alter_sys=True)
