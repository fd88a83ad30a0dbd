"""The group of workers: owns sockets, slots and what watches over them. Loop thread only.

How it ends is in `ending.py`, besides by a bug in one of its tasks; what it does once a second in
`upkeep.py`. Whatever happens, no worker process survives `run()`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..devices.gpu_watch import Admission, GpuWatch
from ..devices.nvml import Nvml
from ..instance.rundir import RunDir
from ..options.spec import Device, RestartPolicy, ServeOptions
from ..ports.sockets import PortError, PortGroup
from ..ports.traffic import Traffic
from ..protocol.flights import Flight, FlightTables
from ..replication.gathering import Gathering
from ..replication.replication import Replication
from ..slots.generation import Generation
from ..slots.slot import Slot
from ..slots.state import LOADED, SERVING, State
from ..system.exits import Exit
from ..system.log import Output
from ..system.tasks import TaskOwner
from .direction import Direction
from .ending import Ending
from .events import EventRing
from .health import Health
from .progress import Progress
from .rates import Rates
from .recorder import Recorder
from .resuming import resume
from .rolling import Roller
from .saved import GroupState
from .spares import Spares
from .start_limit import StartLimit
from .strategy import Strategy, choose
from .suspicion import Limits
from .upkeep import Upkeep

#: A core built for GPUs logs this as an error where none is visible, which is what we asked for.
_NO_DRIVER = '"CudaDriverHelper has not been initialized."'


@dataclass(frozen=True)
class Upgrades:
    """Of the supervisor in place. `last_at` is Unix time; `before` the version it was."""

    total: int = 0
    last_at: float | None = None
    before: str | None = None


class Group:
    """All slots of one instance, and what they share."""

    def __init__(
        self,
        options: ServeOptions,
        devices: Sequence[Device],
        ports: Mapping[str, PortGroup],
        run_dir: RunDir,
        output: Output,
        nvml: Nvml,
        run_id: str,
        policy: RestartPolicy | None = None,
        before: GroupState | None = None,
        spares: Sequence[Device] = (),
    ) -> None:
        """`before`: what another supervisor of this instance left, whose workers run on. `spares`:
        devices that no worker starts on.

        ValueError if that cannot be.
        """
        self.options = options
        self.run_id = run_id
        self.all_ports = dict(ports)
        # The metrics port is served by the supervisor itself, the others by the workers.
        self.ports = {name: group for name, group in ports.items() if name != "metrics"}
        self.run_dir = run_dir
        self.nvml = nvml
        self.gpu_watch = GpuWatch(
            nvml,
            [*devices, *spares],
            options.gpu_memory_needed,
            options.timeouts.gpu_quarantine,
            self._workers_on,
        )
        self.traffic = Traffic(
            options, self.ports, len(devices), self._retry_after, before.traffic if before else None
        )
        self.started_at = time.monotonic()
        self.first_ready_at: float | None = None
        self.start_limit = StartLimit(time.monotonic)
        self.last_reload: Callable[[], dict[str, Any] | None] = lambda: None
        self.upgrades = Upgrades()
        self.config_generation = 1
        self.events = EventRing(options.event_history)
        self.recorder = Recorder(self.events)
        self._output = output
        self.ready_shown = asyncio.Event()
        self._progress = Progress(output)
        self.flights = FlightTables(len(devices), before.flights_fd if before else -1)
        self.slots = [
            Slot(
                index,
                device,
                partial(self.traffic.inherited, index),
                options,
                self,
                policy,
                partial(self.flights.inherited, index) if options.record_in_flight else None,
            )
            for index, device in enumerate(devices)
        ]
        self.ending = Ending(self.slots, self.ports, self.traffic.refuse, self.log)
        self.replication = Replication(
            self,
            lambda: self.options.replication_timeout,
            lambda: self.options.replication_patience,
        )
        self.gathering = Gathering()
        self._direction = Direction(self.slots, self.traffic)
        self.rates = [Rates() for _ in self.slots]
        self.spares = Spares(spares, self.gpu_watch.admit)
        self.roller = Roller(self.slots, self._strategy, self.spares)
        self._upkeep = Upkeep(self, self.recorder)
        if before is not None:
            resume(self, before)

    # -- life ------------------------------------------------------------------------------

    async def run(self) -> int:
        """Serve until stopped. Returns the exit code."""
        self._direction.update()  # nobody, unless the workers are another supervisor's
        try:
            async with TaskOwner() as tasks:
                for slot in self.slots:
                    tasks.start(slot.run(), f"slot {slot.index}")
                tasks.start(self._upkeep.run(), "upkeep")
                tasks.start(self._health().run(), "health")
                tasks.start(self.replication.run(), "replication")
                ends: set[asyncio.Future[Any]] = {self.ending.result, tasks.failed}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if tasks.failed.done():
                    raise tasks.failed.result()
                return self.ending.result.result()
        finally:
            self._output.footer("")
            if any(slot.leaked for slot in self.slots):
                self.run_dir.keep()
            self._abandon_all()

    async def wait_ready(self) -> None:
        """Until the first worker serves."""
        await self.ready_shown.wait()

    @property
    def state(self) -> str:
        """ready, degraded (some workers or models are missing), starting, stopping or down."""
        if self.ending.begun:
            return "stopping"
        if not self.ready:
            return "starting" if self.first_ready_at is None else "down"
        return "ready" if all(slot.state is State.READY for slot in self.slots) else "degraded"

    @property
    def ready(self) -> list[int]:
        return [slot.index for slot in self.slots if slot.state in SERVING]

    def log(self, text: str) -> None:
        self.events.add("supervisor", text)
        self._output.line(text)

    # -- what slots report (owner.Owner) ----------------------------------------------------

    def changed(self, slot: Slot) -> None:
        self.recorder.slot(slot)
        self._progress.changed(
            slot, self.slots, starting=self.first_ready_at is None and not self.ending.begun
        )
        ready = self.ready
        self.start_limit.look(len(ready), self.options.min_ready)
        if ready and self.first_ready_at is None:
            self.first_ready_at = time.monotonic()
            self._output.footer("")
            self.ready_shown.set()
        self.traffic.table.select(slot.index, slot.report.generation)
        if slot.state is State.RECLAIM:
            self.traffic.table.clear(slot.index)
        self._direction.update()
        self.recorder.group(self.state)
        self.ending.check()

    def loaded(self, slot: Slot) -> None:
        try:
            for group in self.ports.values():
                if not self.ending.begun:
                    group.listen()
        except PortError as error:
            self.ending.fail(Exit.IN_USE, str(error))

    def started(self, slot: Slot, generation: Generation, number: int) -> None:
        replica = self.replication.replica(slot.index, number, generation.send_with)
        generation.replica = replica
        generation.member = self.gathering.member(generation.send_with, lambda: replica.serving)

    def replay(self, generation: Generation, then: Callable[[], None]) -> None:
        if generation.replica is None:
            then()
        else:
            self.replication.replay(generation.replica, then)

    def replication_event(self, slot: int, text: str) -> None:
        self.events.add("replication", text, slot)
        self.note(self.slots[slot], text)

    def give_up(self, slot: int, number: int, reason: str) -> None:
        found = self.slots[slot]
        if found.report.generation == number and found.state in LOADED:
            found.restart(reason)
        else:
            found.turnover.give_up(number, reason)

    def processes_changed(self) -> None:
        records = [
            {"pid": g.pid, "start": g.start, "shm_prefix": g.shm_prefix, "slot": slot.index}
            for slot in self.slots
            for g in slot.processes
        ]
        try:
            self.run_dir.write_workers(records)
        except OSError as error:  # a full disk must not stop a running service
            self.log(f"cannot record the workers in {self.run_dir.path}: {error}")

    def take_flights(self, slot: Slot) -> list[Flight]:
        generation = slot.report.generation
        found = self.flights.read(slot.index, generation, time.monotonic_ns())
        self.flights.clear(slot.index, generation)
        return found

    def emit(self, slot: Slot, line: str, stream: str) -> None:
        if slot.device.kind == "cpu" and line.endswith(_NO_DRIVER):
            return
        self._output.line(line, slot.index, stream)

    def note(self, slot: Slot, text: str) -> None:
        self._output.line(text, slot.index)

    async def admit(self, device: Device) -> Admission:
        return await self.gpu_watch.admit(device)

    async def move(self, slot: Slot, reason: str) -> bool:
        left = slot.device
        spare, _ = await self.spares.take(left)
        if spare is None:
            return False
        slot.device = spare
        self.spares.give_back(left)
        self.events.add(
            "gpu", f"{spare.label} takes the place of {left.label}: {reason}", slot.index
        )
        self.note(slot, f"goes on on {spare.label}, which was spare: {reason}")
        return True

    def device_failed(self, device: Device, reason: str) -> None:
        self.gpu_watch.quarantine.put(device.uuid, reason)

    # -- inside ----------------------------------------------------------------------------

    def _health(self) -> Health:
        timeouts = self.options.timeouts
        limits = Limits(timeouts.suspect_after, timeouts.hang)
        return Health(self.slots, self.ports, self.traffic.table, limits)

    def _retry_after(self) -> int:
        """Seconds until a worker that waits for its next try could be there."""
        now = time.monotonic()
        waits = [slot.next_try_at - now for slot in self.slots if slot.next_try_at is not None]
        return round(min(waits, default=1.0))

    def _abandon_all(self) -> None:
        """Only after a bug is anything left to do here."""
        for slot in self.slots:
            for generation in slot.processes:
                generation.abandon()
            slot.generation = None
        self.traffic.close()
        self.flights.close()
        for group in self.ports.values():
            group.close()

    def _workers_on(self, uuid: str) -> int:
        workers = (worker for slot in self.slots for worker in slot.processes)
        return sum(worker.device.uuid == uuid for worker in workers)

    def _strategy(self, slot: Slot, wanted: str) -> Strategy:
        free, peak = self.gpu_watch.memory(slot.device.uuid)
        return choose(wanted, bool(slot.device.uuid), free, peak, bool(self.spares.idle))
