"""`upgrade`: the running supervisor becomes one with the code that is installed now, in place.

The process executes itself anew (execve): its pid, its children, its sockets and everything else
that workers and clients hold on to stay, and the workers serve meanwhile. What only memory knows
travels as a `handover.Handover`. The new code is asked first, as a child with the same descriptors
that takes everything over as if it were real: code that is broken, or cannot read the state, never
gets further, and the old supervisor goes on. Loop thread only.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..control.server import ControlError, Handler
from ..group.resuming import unsettled
from ..system.descriptors import set_inheritable
from ..system.program import Asked, module_command
from ..system.signals import hold_stop_signals, take_stop_signals
from ..system.this_process import become
from . import handover

if TYPE_CHECKING:
    from ..group.group import Group
    from .session import Session

#: For the new code to start and to read the state: it takes half a second on an idle machine.
CHECK_SECONDS = 60.0
_POLL = 0.02
_MAX_REASON = 2000
#: Signals that came before they were held, and events of slots, are dealt with by then.
_SETTLE = 0.05


class UpgradeError(Exception):
    """The upgrade is refused; the supervisor goes on as it is."""


class Upgrader:
    """One per instance. `argv`: the arguments of `serve`."""

    def __init__(self, group: Group, argv: Sequence[str] | None, session: Session) -> None:
        self._group = group
        self._argv = argv
        self._session = session
        self._task: asyncio.Task[None] | None = None
        self._failed = ""
        self._version = ""

    def handlers(self) -> dict[str, Handler]:
        """Operations of the control socket."""

        def upgrade(request: Mapping[str, Any]) -> dict[str, Any]:
            try:
                self.begin(dry_run=bool(request.get("dry_run")))
            except UpgradeError as error:
                raise ControlError(str(error)) from None
            return self.status()

        return {"upgrade": upgrade, "upgrade-status": lambda request: self.status()}

    def begin(self, *, dry_run: bool = False) -> None:
        """Start an upgrade, or only the check of it. Raises UpgradeError."""
        if self._busy:
            raise UpgradeError("an upgrade is under way already")
        self._refuse_if_unsettled()
        self._failed = self._version = ""
        self._task = asyncio.get_running_loop().create_task(self._run(dry_run))

    def status(self) -> dict[str, Any]:
        """JSON form of this supervisor's last attempt. One that succeeded was its predecessor's."""
        return {
            "running": self._busy,
            "failed": self._failed,
            "version": self._version,
            "upgrades_total": self._group.upgrades.total,
        }

    @property
    def _busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def _refuse_if_unsettled(self) -> None:
        if self._argv is None:
            raise UpgradeError("this supervisor was not started by a command line")
        if reason := unsettled(self._group):
            raise UpgradeError(f"not now: {reason}")

    async def _run(self, dry_run: bool) -> None:
        try:
            self._version = await self._check()
            if not dry_run:
                await self._replace()
        except (UpgradeError, OSError) as error:
            self._give_up(str(error))
        except Exception as error:  # a bug; the workers are no worse off for it
            self._give_up(f"{type(error).__name__}: {error}")

    def _give_up(self, why: str) -> None:
        self._failed = why
        self._group.log(f"not upgraded: {why}")

    # -- the check -------------------------------------------------------------------------

    async def _check(self) -> str:
        """Ask the installed code whether it could take over now. Returns its version."""
        # The control socket is in use still; the child gets another of its kind.
        state = self._session.saved(self._group.run_dir.saved().lock_fd)
        fd = handover.write(state)
        try:
            command = [*module_command("session.takeover"), "--check", "--state-fd", str(fd)]
            child = Asked(command, [fd, *handover.descriptors(state)])
        finally:
            os.close(fd)
        with child:
            return await _verdict(child)

    # -- the exec --------------------------------------------------------------------------

    async def _replace(self) -> None:
        """Does not return if it succeeds."""
        hold_stop_signals()
        try:
            control_fd = await self._session.pause()
            try:
                await asyncio.sleep(_SETTLE)
                self._refuse_if_unsettled()
                self._exec(control_fd)
            finally:
                await self._session.unpause(control_fd)
        finally:
            take_stop_signals()

    def _exec(self, control_fd: int) -> None:
        state = self._session.saved(control_fd)
        fd = handover.write(state)
        inherited = [fd, *handover.descriptors(state)]
        self._session.notifier.reloading()
        try:
            set_inheritable(inherited, True)
            command = [*module_command("session.takeover"), "--state-fd", str(fd), "serve"]
            become([*command, *(self._argv or ())])
        finally:
            set_inheritable(inherited, False)
            os.close(fd)
            self._session.notifier.stayed()


async def _verdict(child: Asked) -> str:
    """The version that the child says, or UpgradeError with its last words."""
    said = b""
    deadline = time.monotonic() + CHECK_SECONDS
    while True:
        ended = child.ended  # before the last look: nothing is said after that
        said = (said + child.read())[-64 * 1024 :]
        if ended:
            break
        if time.monotonic() > deadline:
            child.kill()
            raise UpgradeError(f"the new program did not answer within {CHECK_SECONDS:g} s")
        await asyncio.sleep(_POLL)
    lines = said.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    try:
        answer = json.loads(lines[-1])
        return str(answer["takeover"])
    except (ValueError, TypeError, KeyError):
        text = lines[-1][:_MAX_REASON]
        raise UpgradeError(f"the new program cannot take over: {text}") from None
