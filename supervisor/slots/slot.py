"""One worker slot: turns what happens to its processes into events of the state machine.

One task per slot runs `run()`; descriptors and other tasks only post events (`events.py`), so
a transition is never re-entered. What a state does when it is entered is `_enter`; where an event
leads is decided in `state.py`, what follows an exit in `aftermath.py` and `policy.py`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..options.spec import Device, RestartPolicy, ServeOptions
from ..system.tasks import Pulse
from . import messages as worker_messages
from .aftermath import Intent, conclude
from .device_wait import wait_for_device
from .events import SlotEvents
from .generation import Generation
from .launcher import Launcher
from .owner import Owner
from .policy import RestartHistory, Verdict
from .report import SlotReport
from .saved import SlotState
from .state import LEAVING, LOADED, SERVING, WITH_PROCESS, Event, State, next_state
from .state_clock import StateClock
from .turnover import Turnover

#: Between steering new connections away and the drain: longer than a round trip, so that handshakes
#: that began before still find somebody who accepts.
SETTLE = 0.2
#: States in which nothing is under way that only this process knows of.
_RESTING = LOADED | {State.DISABLED, State.WAIT_GPU, State.BACKOFF, State.FAILED}


class Slot:
    """A fixed place (device, sockets) in which generations of workers live."""

    def __init__(
        self,
        index: int,
        device: Device,
        inherited: Callable[[int], Mapping[str, Mapping[str, Any]]],
        options: ServeOptions,
        owner: Owner,
        policy: RestartPolicy | None = None,
        flights: Callable[[int], Mapping[str, int]] | None = None,
    ) -> None:
        """`inherited` and `flights` as for `Launcher`."""
        self.index = index
        self.device = device
        self.state = State.DISABLED
        self.report = SlotReport()
        self.unkillable = False  # its process survives SIGKILL
        self.generation: Generation | None = None
        self.history = RestartHistory(policy or RestartPolicy(), time.monotonic, random.random)
        self.leaked = False
        self._resumed = False
        self._launcher = Launcher(self, inherited, flights)
        self._options = options
        self.owner = owner
        self._intent = Intent()
        self._verdict = Verdict(Event.RESTART, 0.0, "")
        self._events = SlotEvents()
        self.changed = Pulse()
        self._clock = StateClock(options.timeouts, options.exit_timeout, time.monotonic)
        self.turnover = Turnover(self, self._launcher, self._events.guard)

    # -- wishes of the operator ------------------------------------------------------------

    def stop(self, reason: str, *, immediate: bool = False) -> None:
        """Drain (or, `immediate`, kill) the worker and leave the slot empty."""
        self._intent = Intent(stop=True)
        if self.state in LEAVING and not self.unkillable:  # for another reason so far
            self.report.reason = reason
        self.turnover.stop(reason, immediate=immediate)
        self.post(Event.KILL if immediate else Event.DRAIN, reason)

    def start(self, reason: str = "started") -> None:
        """Fill an empty or failed slot, also one that is about to become empty."""
        self.history.reset()
        if self._intent.stop and self.state in LEAVING:
            self._intent = Intent(restart=True)
        elif self.state not in LEAVING:
            self._intent = Intent()
        self.post(Event.START, reason)

    def suspect(self, reason: str) -> None:
        """No sign of life for a moment: new connections go elsewhere. Harmless if it was wrong."""
        self.post(Event.SUSPECTED, reason)

    def clear(self) -> None:
        """A suspected worker lives."""
        self.post(Event.CLEARED)

    def hang(self, reason: str) -> None:
        """No sign of life for so long that the worker is lost: kill it, then the policy judges."""
        self.post(Event.HANG, reason)

    def restart(self, reason: str) -> None:
        """Drain, then a new generation, also where somebody wanted the slot to be empty."""
        if self.state in WITH_PROCESS:
            self._intent = Intent(restart=True)
            self.post(Event.DRAIN, reason)
        else:
            self.start(reason)

    def leave_device(self, device: Device, reason: str) -> None:
        """A GPU is in doubt: no more work there, neither for a worker of this slot nor for one that
        is about to replace it.
        """
        self.turnover.leave_device(device, reason)
        if self.device.uuid == device.uuid and self.state in WITH_PROCESS and self.wanted:
            self.restart(reason)

    @property
    def options(self) -> ServeOptions:
        """What the present worker was started with, or the next one will be."""
        return self._options

    def use(self, options: ServeOptions) -> None:
        """What the next generation is started with."""
        self._options = options
        self._clock.use(options.timeouts, options.exit_timeout)

    @property
    def processes(self) -> list[Generation]:
        """All worker processes of the slot, the one that counts first."""
        own = [self.generation] if self.generation is not None else []
        return list(dict.fromkeys([*own, *self.turnover.processes]))

    @property
    def empty(self) -> bool:
        """No process, and none to come by itself."""
        return self.state is State.DISABLED and not self.turnover.busy

    @property
    def unsettled(self) -> str:
        """Why the slot could not be handed to another supervisor now; "" if it could."""
        if self.turnover.busy:
            return "has a worker that is being replaced"
        if self.state in _RESTING and self._events.empty:
            return ""
        return f"is {self.state}"

    def saved(self) -> SlotState:
        """For `resume`, if it is not unsettled."""
        history = self.history
        return SlotState(
            state=self.state,
            number=self._launcher.number,
            intent=self._intent,
            leaked=self.leaked,
            options=self._options,
            report=self.report,
            consecutive=history.consecutive,
            half_open=history.half_open,
            failures=list(history.failures),
            deadline=self._clock.deadline,
            load_ends=self._clock.load_ends,
            generation=self.generation.saved() if self.generation else None,
        )

    def resume(self, state: SlotState) -> None:
        """Go on where another supervisor stopped. Before `run`."""
        self.state, self._intent, self._launcher.number = state.state, state.intent, state.number
        self.leaked, self.report = state.leaked, state.report
        self.use(state.options)
        self.history.consecutive, self.history.half_open = state.consecutive, state.half_open
        self.history.failures.extend(state.failures)
        self._clock.resume(state.state, state.deadline, state.load_ends)
        if state.generation is not None:
            self._drive(self._launcher.resume(state.generation))
        self._resumed = True

    # -- the driver ------------------------------------------------------------------------

    async def run(self) -> None:
        """Drive the slot until its task is cancelled. An exception here is a bug."""
        if not self._resumed:
            self.start()
        elif self.state is State.WAIT_GPU:
            self._events.start_job(self._wait_device)
        while True:
            item = await self._events.take(self._clock.left())
            self._apply(*(item or (Event.TIMEOUT, self._late())))

    def post(self, event: Event, reason: str = "") -> None:
        self._events.post(event, reason)

    @property
    def next_try_at(self) -> float | None:
        """Monotonic time of the next attempt, in BACKOFF and FAILED."""
        return self._clock.deadline if self.state in (State.BACKOFF, State.FAILED) else None

    def _late(self) -> str:
        """Why the state's time is over."""
        reason = self._clock.reason() or self.report.reason
        return self.report.why_late(reason) if self.state is State.LOADING else reason

    def _apply(self, event: Event, reason: str) -> None:
        target = next_state(self.state, event)
        if target is None:
            if event is Event.TIMEOUT:
                self._overdue()
            return
        if (self.state, event) == (State.FAILED, Event.TIMEOUT):
            self.history.try_half_open()
        previous, self.state = self.state, target
        self.unkillable = False
        self._clock.enter(target, self._verdict.delay)
        self.report.entered(target, reason, time.time())
        self.changed.pulse()
        self.owner.changed(self)  # first: new connections must be steered away before a drain
        self._enter(target, previous, reason)

    def _enter(self, state: State, previous: State, reason: str) -> None:
        match state:
            case State.WAIT_GPU:
                self._events.start_job(self._wait_device)
            case State.SPAWNING:
                self._spawn()
            case State.READY | State.DEGRADED if self.generation and previous not in LOADED:
                self.generation.ready_at = time.monotonic()
            case State.READY if previous is State.SUSPECT:
                self.models_changed()
            case State.DRAINING:
                asyncio.get_running_loop().call_later(SETTLE, self._drain, self.generation)
            case State.STOPPING:
                self.tell("STOP")
            case State.KILLING:
                if self.generation:
                    self.generation.kill(reason or "stopped at once")
            case State.RECLAIM:
                self._events.start_job(partial(self._reclaim, reason))
            case State.DISABLED:
                self._events.stop_job()
            case _:
                pass

    def _overdue(self) -> None:
        self._clock.stop()
        if self.state is State.KILLING:
            self.unkillable = True
            self.report.reason = "unkillable: survives SIGKILL (sick driver?)"
            self.owner.note(self, self.report.reason)
            self.changed.pulse()

    def adopt(self, generation: Generation, report: SlotReport, options: ServeOptions) -> None:
        """A successor that serves: it is the worker that counts from now on."""
        self.report = report
        self.use(options)
        self.device = generation.device
        generation.ready_at = time.monotonic()
        self._drive(generation)
        if self.state not in LOADED:
            self._events.stop_job()
            self._apply(Event.SUCCEEDED, "the successor of a worker that died")
        self.models_changed()

    def _drive(self, generation: Generation) -> None:
        """It is the worker that counts from now on."""
        self.generation = generation
        generation.hand_over(partial(worker_messages.take, self), partial(self._exited, generation))

    def _exited(self, generation: Generation) -> None:
        if generation is self.generation:
            self.post(Event.EXITED, self.report.reason)

    # -- entry actions ---------------------------------------------------------------------

    async def _wait_device(self) -> None:
        if self.turnover.loading:
            self.report.reason = "its successor loads already"
            await self.turnover.decided()
        await wait_for_device(self, self._options.timeouts.device)

    def _spawn(self) -> None:
        number = self._launcher.next_number()
        self.report.new_generation(number)
        try:
            self._drive(self._launcher.launch(self._options, number, self.device))
        except OSError as error:
            self.post(Event.SPAWN_FAILED, f"cannot start a worker process: {error}")
        else:
            self.owner.processes_changed()

    def _drain(self, generation: Generation | None) -> None:
        if self.state is State.DRAINING and self.generation is generation:
            self.tell("DRAIN", seconds=self._options.timeouts.drain)

    async def _reclaim(self, reason: str) -> None:
        """After the end of a generation: leave nothing behind, then ask the policy."""
        generation, self.generation = self.generation, None
        info = None
        if generation is not None:
            info = generation.exit_info()
            if not await generation.reclaim(self._options.timeouts.reclaim):
                self.leaked = True
            generation.close()
            self.owner.processes_changed()
        intent = self._intent  # as it is after the wait
        if intent.restart:
            self._intent = Intent()
        self._verdict = conclude(self, generation, info, intent, reason)
        self.post(self._verdict.event, self._verdict.reason)

    # -- what its messages change (messages.py) --------------------------------------------

    @property
    def wanted(self) -> bool:
        """Nobody has asked the present worker to leave."""
        return self._intent == Intent()

    def progressed(self) -> None:
        """The worker loads, and says so."""
        if not self.report.stuck(exit_on_error=self._options.exit_on_error):
            self._clock.progress()
        self.owner.changed(self)

    def models_changed(self) -> None:
        if self.state in SERVING:
            lost = bool(self.report.failed_models)
            self.post(Event.MODEL_LOST if lost else Event.MODEL_BACK, self.report.lost_reason)
            self.owner.changed(self)  # the state may stay, and yet the last model be lost

    def disperse(self) -> None:
        """Its clients find more elsewhere. If it cannot be told, they notice by themselves."""
        if self.generation and self.generation.send("DISPERSE"):
            self.owner.note(self, "none of its models is available; its clients go elsewhere")

    def tell(self, op: str, **args: float) -> None:
        """A message that must arrive; SIGTERM says the same to a worker whose channel is full."""
        if self.generation and not self.generation.send(op, **args):
            self.generation.terminate()
