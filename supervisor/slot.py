"""One worker slot: turns what happens to its processes into events of the state machine.

One task per slot runs `run()`; descriptors and other tasks only put events into its queue, so a
transition is never re-entered. What a state does when it is entered is `_enter`; where an event
leads is decided in `state.py`, what follows an exit in `policy.py`.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from . import process, worker_messages
from .aftermath import Intent, judge, last_exit, told
from .channel import Message
from .device_wait import wait_for_device
from .exits import ExitInfo, WorkerExit
from .flights import Flight
from .generation import Callbacks, Generation
from .handover import SlotState
from .owner import Owner
from .policy import RestartHistory, RestartPolicy, Verdict
from .report import SlotReport
from .shared_table import BANKS
from .spec import Device, ServeOptions
from .state import LEAVING, LOADED, SERVING, WITH_PROCESS, Event, State, next_state
from .state_clock import StateClock
from .successor import Successor
from .tasks import Pulse
from .turnover import Turnover
from .worker_spec import worker_spec

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
        """`inherited` gives the descriptors of each frontend for the generation of that number,
        `flights` those of its table of requests.
        """
        self.index = index
        self.device = device
        self.state = State.DISABLED
        self.report = SlotReport()
        self.generation: Generation | None = None
        self.history = RestartHistory(policy or RestartPolicy(), time.monotonic, random.random)
        self.leaked = False
        self._resumed = False
        self._number = 0  # of the last generation that was started, also of one that failed
        self._inherited = inherited
        self._flights = flights
        self._options = options
        self.owner = owner
        self._intent = Intent()
        self._verdict = Verdict(Event.RESTART, 0.0, "")
        self._events: asyncio.Queue[tuple[Event, str] | Exception] = asyncio.Queue()
        self.changed = Pulse()
        self._clock = StateClock(options.timeouts, options.exit_timeout, time.monotonic)
        self._job: asyncio.Task[None] | None = None
        self._turnover = Turnover(lambda: owner.processes_changed(), self._note_leak, self._guard)

    # -- wishes of the operator ------------------------------------------------------------

    def stop(self, reason: str, *, immediate: bool = False) -> None:
        """Drain (or, `immediate`, kill) the worker and leave the slot empty."""
        self._intent = Intent(stop=True)
        self._turnover.stop(reason, immediate=immediate)
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
        """Drain, then a new generation."""
        if self.state in WITH_PROCESS:
            self._intent = Intent(restart=True)
            self.post(Event.DRAIN, reason)
        else:
            self.start(reason)

    @property
    def options(self) -> ServeOptions:
        """What the present worker was started with, or the next one will be."""
        return self._options

    def use(self, options: ServeOptions) -> None:
        """What the next generation is started with."""
        self._options = options
        self._clock.use(options.timeouts, options.exit_timeout)

    async def settled(self) -> None:
        """Until no worker that was replaced is left."""
        await self._turnover.settled()

    async def replace(self, options: ServeOptions, reason: str) -> str:
        """Start a successor beside the running worker and let it take over.

        Returns "" when it serves (the old one may still be draining), else why it never will: then
        the old one goes on as if nothing had been.
        """
        if self.state not in LOADED or self._turnover.busy:
            return f"is {self.state}, not ready to be replaced"

        def start(one: Successor) -> Generation:
            return self._start_generation(one.options, one.report, one.on_message, one.on_exit)

        replay = self.owner.replay
        self._number += 1
        while self._number % BANKS == self.report.generation % BANKS:  # they have a page each
            self._number += 1
        report = self.report.successor(self._number)
        why = await self._turnover.replace(options, report, start, self._promote, replay)
        if not why:
            self.owner.note(self, f"generation {self.report.generation} took over: {reason}")
        return why

    async def _promote(self, successor: Successor, made: Generation) -> str:
        while self.state in LEAVING or (self.generation and self.generation.exit_info()):
            await self.changed.wait()
        old, old_options, report = self.generation, self._options, successor.report
        if made.exit_info() is not None:
            return "ended just when it was ready"
        if self.state in LOADED and old is not None:
            report.since, report.reason = self.report.since, self.report.reason
        elif next_state(self.state, Event.SUCCEEDED) is None:
            return f"the slot is {self.state} meanwhile"
        else:
            old = None
        report.last_exit, report.exits = self.report.last_exit, self.report.exits
        report.announced = old is not None
        self.generation, self.report = made, report
        self.use(successor.options)
        made.ready_at = time.monotonic()
        made.hand_over(partial(worker_messages.take, self), lambda: self._exited(made))
        if old is None:
            self._stop_job()
            self._apply(Event.SUCCEEDED, "the successor of a worker that died")
        self.models_changed()
        if old is not None:
            self._turnover.see_off(old, old_options)
        self.owner.changed(self)
        return ""

    def _stop_job(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _note_leak(self) -> None:
        self.leaked = True

    @property
    def processes(self) -> list[Generation]:
        """All worker processes of the slot, the one that counts first."""
        own = [self.generation] if self.generation is not None else []
        return list(dict.fromkeys([*own, *self._turnover.processes]))

    @property
    def empty(self) -> bool:
        """No process, and none to come by itself."""
        return self.state is State.DISABLED and not self._turnover.busy

    @property
    def unsettled(self) -> str:
        """Why the slot could not be handed to another supervisor now; "" if it could."""
        if self._turnover.busy:
            return "has a worker that is being replaced"
        if self.state in _RESTING and self._events.empty():
            return ""
        return f"is {self.state}"

    def saved(self) -> SlotState:
        """For `resume`, if it is not unsettled."""
        history = self.history
        return SlotState(
            state=self.state,
            number=self._number,
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
        self.state, self._number, self._intent = state.state, state.number, state.intent
        self.leaked, self.report = state.leaked, state.report
        self.use(state.options)
        self.history.consecutive, self.history.half_open = state.consecutive, state.half_open
        self.history.failures.extend(state.failures)
        self._clock.resume(state.state, state.deadline, state.load_ends)
        if state.generation is not None:
            made: list[Generation] = []
            self.generation = Generation.resume(state.generation, self._callbacks(made))
            made.append(self.generation)
        self._resumed = True

    # -- the driver ------------------------------------------------------------------------

    async def run(self) -> None:
        """Drive the slot until its task is cancelled. An exception here is a bug."""
        if not self._resumed:
            self.start()
        elif self.state is State.WAIT_GPU:
            self._start_job(self._wait_device())
        while True:
            item = await self._next_event()
            if isinstance(item, Exception):
                raise item
            self._apply(*item)

    def post(self, event: Event, reason: str = "") -> None:
        self._events.put_nowait((event, reason))

    @property
    def next_try_at(self) -> float | None:
        """Monotonic time of the next attempt, in BACKOFF and FAILED."""
        return self._clock.deadline if self.state in (State.BACKOFF, State.FAILED) else None

    async def _next_event(self) -> tuple[Event, str] | Exception:
        left = self._clock.left()
        if left is None:
            return await self._events.get()
        try:
            return await asyncio.wait_for(self._events.get(), left)
        except asyncio.TimeoutError:
            reason = self._clock.reason() or self.report.reason
            trouble = self.report.trouble if self.state is State.LOADING else ""
            return Event.TIMEOUT, f"{reason}: {trouble}" if trouble else reason

    def _apply(self, event: Event, reason: str) -> None:
        target = next_state(self.state, event)
        if target is None:
            if event is Event.TIMEOUT:
                self._overdue()
            return
        if (self.state, event) == (State.FAILED, Event.TIMEOUT):
            self.history.try_half_open()
        previous, self.state = self.state, target
        self._clock.enter(target, self._verdict.delay)
        self.report.entered(target, reason, time.time())
        self.changed.pulse()
        self.owner.changed(self)  # first: new connections must be steered away before a drain
        self._enter(target, previous, reason)

    def _enter(self, state: State, previous: State, reason: str) -> None:
        match state:
            case State.WAIT_GPU:
                self._start_job(self._wait_device())
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
                self._start_job(self._reclaim(reason))
            case State.DISABLED:
                self._stop_job()
            case _:
                pass

    def _overdue(self) -> None:
        self._clock.stop()
        if self.state is State.KILLING:
            self.report.reason = "unkillable: survives SIGKILL (sick driver?)"
            self.owner.note(self, self.report.reason)

    def _start_job(self, work: Coroutine[object, object, None]) -> None:
        self._job = asyncio.get_running_loop().create_task(self._guard(work))

    async def _guard(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception as error:
            self._events.put_nowait(error)

    def _exited(self, generation: Generation) -> None:
        if generation is self.generation:
            self.post(Event.EXITED, self.report.reason)

    # -- entry actions ---------------------------------------------------------------------

    async def _wait_device(self) -> None:
        if self._turnover.loading:
            self.report.reason = "its successor loads already"
            await self._turnover.decided()
        await wait_for_device(self, self._options.timeouts.device)

    def _spawn(self) -> None:
        self._number += 1
        self.report.new_generation(self._number)
        made: list[Generation] = []
        on_message, on_exit = self._callbacks(made)[1:]
        try:
            self.generation = self._start_generation(
                self._options, self.report, on_message, on_exit
            )
            made.append(self.generation)
        except OSError as error:
            self.post(Event.SPAWN_FAILED, f"cannot start a worker process: {error}")
        else:
            self.owner.processes_changed()

    def _callbacks(self, made: Sequence[Generation]) -> Callbacks:
        """Of the worker that counts, which is going to be the first of `made`."""
        return Callbacks(
            lambda line, stream: self.owner.emit(self, line, stream),
            partial(worker_messages.take, self),
            lambda: self._exited(made[0]),
        )

    def _start_generation(
        self,
        options: ServeOptions,
        report: SlotReport,
        on_message: Callable[[Message], None],
        on_exit: Callable[[], None],
    ) -> Generation:
        """Raises OSError."""
        run_id, number = self.owner.run_id, report.generation
        inherited = self._inherited(number)
        flights = self._flights(number) if self._flights else None
        command = options.worker_command or process.default_command()
        made = Generation.spawn(
            lambda fd: worker_spec(
                options, run_id, self.index, number, self.device, inherited, fd, flights
            ),
            [*command, "--label", f"{options.instance_name}/w{self.index}"],
            process.worker_environment(self.device.visible, os.environ),
            Callbacks(
                lambda line, stream: self.owner.emit(self, line, stream), on_message, on_exit
            ),
        )
        if options.replicate_control:
            self.owner.started(self, made, number)
        return made

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
        flights = self.owner.take_flights(self)
        self._verdict = self._judge(generation, info, reason)
        if generation is not None and info is not None:
            self._remember(generation, info, flights)
        self.post(self._verdict.event, self._verdict.reason)

    def _judge(self, generation: Generation | None, info: ExitInfo | None, reason: str) -> Verdict:
        intent = self._intent
        if intent.restart:
            self._intent = Intent()
        wrong_gpu = info is not None and info.code == WorkerExit.WRONG_GPU
        if wrong_gpu and intent == Intent():
            self.owner.device_failed(self.device, generation.fatal if generation else str(info))
        return judge(intent, self.history, generation, info, reason)

    def _remember(self, generation: Generation, info: ExitInfo, flights: Sequence[Flight]) -> None:
        verdict = self._verdict
        self.report.last_exit = last_exit(generation, info, verdict, flights)
        if verdict.event in (Event.RETRY, Event.GIVE_UP):
            self.report.count_exit(info.meaning)
            self.owner.note(self, told(info, verdict))

    # -- what its messages change (worker_messages.py) -------------------------------------

    @property
    def wanted(self) -> bool:
        """Nobody has asked the present worker to leave."""
        return self._intent == Intent()

    def progressed(self) -> None:
        """The worker loads, and says so."""
        # With models that may fail, a helper's end does not mean that nothing goes on.
        if not self.report.trouble or not self._options.exit_on_error:
            self._clock.progress()
        self.owner.changed(self)

    def models_changed(self) -> None:
        if self.state in SERVING:
            lost = bool(self.report.failed_models)
            self.post(Event.MODEL_LOST if lost else Event.MODEL_BACK, self.report.lost_reason)

    def tell(self, op: str, **args: float) -> None:
        """A message that must arrive; SIGTERM says the same to a worker whose channel is full."""
        if self.generation and not self.generation.send(op, **args):
            self.generation.terminate()
