"""How a group of workers ends: told to stop, told twice, or because it cannot go on.

Loop thread only. `check` must be called whenever something may have become the last thing that was
waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from ..ports.farewell import turn_away
from ..ports.sockets import PortGroup
from ..slots.slot import Slot
from ..slots.state import State
from ..system.exits import Exit, WorkerExit

#: Drained workers accept nothing more: clients should hear "refused" soon, not wait in a queue.
#: Later than slot.SETTLE, up to which workers accept who was turned away too late.
_REFUSE_AFTER = 0.5
_STOP_REASON = "stopping"


class Ending:
    """Of one group: whether it has begun, and with which exit code it is over."""

    def __init__(
        self,
        slots: Sequence[Slot],
        ports: Mapping[str, PortGroup],
        refuse: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        """Inside a running loop. `refuse` closes the ports to new clients."""
        self.result: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._slots = slots
        self._ports = ports
        self._refuse = refuse
        self._log = log
        self._begun = asyncio.Event()
        self._forced_by: int | None = None
        self._cause = ""
        self._failure: int = Exit.INTERNAL

    @property
    def begun(self) -> bool:
        return self._begun.is_set()

    async def wait_begun(self) -> None:
        await self._begun.wait()

    def stop(self, reason: str) -> None:
        """Drain all workers, then end. Idempotent."""
        if not self.begun:
            self._drain(f"{reason}: draining {len(self._slots)} workers", _STOP_REASON)

    def stop_now(self, signal_number: int) -> None:
        """Second signal: no drain. The exit code becomes 128 + n, unless the group had failed."""
        self._begun.set()
        self._forced_by = signal_number
        self._log("stopping at once")
        for slot in self._slots:
            slot.stop("second signal", immediate=True)
        self._refuse()
        self.check()

    def fail(self, code: int, cause: str) -> None:
        """The group cannot go on: say why, drain what serves, end with `code`. Idempotent."""
        if not self.begun:
            self._cause, self._failure = cause, code
            self._drain(cause, cause)

    @property
    def failed(self) -> bool:
        """It ends because it could not go on."""
        return bool(self._cause)

    def check(self) -> None:
        """End when nothing is left to wait for."""
        slots = self._slots
        if self.begun:
            if all(slot.empty for slot in slots):
                self._finish(self._code())
            elif all(_is_final(slot) for slot in slots):
                self._finish(Exit.LEAKED)
        elif all(_is_given_up(slot) for slot in slots):
            code = Exit.CONFIG if all(_bad_config(slot) for slot in slots) else Exit.ALL_FAILED
            reasons = "; ".join(sorted({slot.report.reason for slot in slots}))
            self.fail(code, f"all workers failed: {reasons}")

    def _drain(self, said: str, reason: str) -> None:
        """`reason` is what the slots are told. A worker that loads is killed: it serves nobody."""
        self._begun.set()
        self._log(said)
        for group in self._ports.values():
            for sock in group.sockets if group.listening else ():
                turn_away(sock)
        for slot in reversed(self._slots):
            slot.stop(reason)
        asyncio.get_running_loop().call_later(_REFUSE_AFTER, self._refuse)
        self.check()

    def _code(self) -> int:
        if self._cause:
            return self._failure
        if self._forced_by is not None:
            return 128 + self._forced_by
        return Exit.LEAKED if any(slot.leaked for slot in self._slots) else Exit.CLEAN

    def _finish(self, code: int) -> None:
        if not self.result.done():
            self.result.set_result(int(code))


def _is_final(slot: Slot) -> bool:
    """Nothing more will come of it: empty, or with a process that survives SIGKILL."""
    return slot.empty or (slot.unkillable and not slot.turnover.busy)


def _is_given_up(slot: Slot) -> bool:
    """A successor that loads already may still take the place of the worker that failed."""
    return slot.state is State.FAILED and not slot.turnover.loading


def _bad_config(slot: Slot) -> bool:
    last = slot.report.last_exit
    return last is not None and last.info.code == WorkerExit.BAD_CONFIG
