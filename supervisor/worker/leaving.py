"""How a worker ends: with which code, and within which limits whatever hangs.

With a supervisor, what is left of the worker is its business. Without one the worker sees to that
itself: of a load that is cut short there are stubs that notice no end of their parent as long as
the model's own code runs, and shared memory that no stub knows of yet.
Main loop of the worker only, but for the limits, which are there when that hangs.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

from ..protocol.channel import Channel
from ..protocol.worker_spec import WorkerSpec
from ..system import process
from ..system.exits import WorkerExit
from ..system.this_process import leave
from .actions import Actions
from .core import Core
from .model_watch import ModelWatch

#: Seconds beyond the core's own exit timeout, within which it should have kept that.
CORE_MARGIN = 5.0
#: Seconds for models without stubs to be unloaded.
_STOP_AFTER_DEATHS = 3.0


class Leaving:
    """`code` is None until it is time to go."""

    def __init__(
        self, spec: WorkerSpec, core: Core, watch: ModelWatch, actions: Actions, channel: Channel
    ) -> None:
        self.code: int | None = None
        self._spec = spec
        self._core = core
        self._watch = watch
        self._actions = actions
        self._channel = channel
        self._began: tuple[float, int] | None = None  # when, with which code

    def begin(self, code: int) -> None:
        """Stop the core, then leave."""
        self._began = (time.monotonic(), code)
        self.within(self._spec.exit_timeout + CORE_MARGIN, code)

        def work() -> None:
            with contextlib.suppress(Exception):  # "exit timeout expired": we leave anyway
                self._core.stop()
            self._actions.post(lambda: self._leave(code))

        self._actions.thread(work)

    def within(self, seconds: float, code: int) -> None:
        """Leave after `seconds` whatever happens, also when the supervisor is not there to kill."""

        def end() -> None:
            self.clean_up()
            leave(self._code(code))

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()

    def look(self) -> None:
        """Requests that were in a stub when it died keep its model in the core for ever, and the
        core waits for it until its exit timeout. Nothing is lost if the other stubs have left.
        """
        if self._began is None or not self._watch.had_deaths:
            return
        began, code = self._began
        if time.monotonic() - began > _STOP_AFTER_DEATHS and not self._watch.any_alive():
            self._leave(code)

    def clean_up(self) -> None:
        """The last act."""
        if self._alone:
            for helper in process.helpers(os.getpid()):
                process.kill_one(helper.pid, helper.start)
            process.sweep_shm(self._spec.shm_prefix)

    @property
    def _alone(self) -> bool:
        return self._channel.fileno() < 0

    def _leave(self, code: int) -> None:
        self.code = self._code(code)

    def _code(self, code: int) -> int:
        lost = self._alone and code == WorkerExit.DRAINED
        return WorkerExit.SUPERVISOR_LOST if lost else int(code)
