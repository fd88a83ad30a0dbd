"""A supervisor at work, from what was acquired to an exit code. Main thread only."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ... import __version__
from ..control.http import HttpServer
from ..control.operations import handlers, routes
from ..control.server import ControlServer
from ..devices.nvml import Nvml
from ..group.group import Group, Upgrades
from ..group.reloading import Reloader
from ..group.resuming import saved
from ..instance import registry, rundir
from ..options import platform
from ..options.spec import Device, RestartPolicy, ServeOptions
from ..ports.sockets import PortGroup, close_all
from ..status.collector import Collector
from ..status.ready_text import announce
from ..system import procfs
from ..system.exits import Exit
from ..system.log import Output
from ..system.notify import Notifier, of_this_process
from ..system.signals import stop_signals
from ..system.tasks import TaskOwner
from ..system.this_process import become_subreaper
from .handover import Handover
from .upgrade import Upgrader
from .validation import check_devices

_REFRESH_SECONDS = 5.0
#: A scrape that is being answered when an upgrade begins.
_FINISH_SECONDS = 1.0
#: Lines for a reader that does not read go into the state instead.
_FLUSH_SECONDS = 0.2


#: What to do about it, after the system's own words.
_HINTS = {
    errno.EMFILE: "; raise the limit of open files (ulimit -n)",
    errno.ENOSPC: "; make room there, or use --run-dir elsewhere",
    errno.EFBIG: "; raise the limit of file sizes (ulimit -f)",
}


@dataclass(frozen=True)
class Launch:
    """All that was acquired before the first worker starts."""

    options: ServeOptions
    devices: tuple[Device, ...]
    run_dir: rundir.RunDir
    ports: dict[str, PortGroup]
    nvml: Nvml
    output: Output
    policy: RestartPolicy
    run_id: str
    reread: Callable[[], ServeOptions]
    argv: Sequence[str] | None = None
    spares: tuple[Device, ...] = ()


class CannotStart(Exception):
    """The system refuses what a supervisor needs for itself. No worker was started."""

    def __init__(self, error: OSError) -> None:
        hint = _HINTS.get(error.errno or 0, "")
        super().__init__(f"cannot start: {error}{hint}")


def run(launch: Launch, before: Handover | None = None) -> int:
    """Until the instance ends. Returns the exit code. `before` as for `Session`.

    Raises CannotStart, but not for an instance that runs already.
    """
    code: int = Exit.INTERNAL
    run_dir, ports = launch.run_dir, launch.ports
    try:
        _write_identity(launch)
        become_subreaper()
        code = asyncio.run(_main(launch, before))
    except CannotStart:
        code = Exit.IN_USE
        raise
    finally:
        close_all(list(ports.values()))
        run_dir.close(keep_records=code in (Exit.LEAKED, Exit.INTERNAL))
    return code


def _write_identity(launch: Launch) -> None:
    identity = registry.Identity(
        name=launch.options.instance_name,
        run_id=launch.run_id,
        pid=os.getpid(),
        start=procfs.start_time(os.getpid()),
        run_dir=str(launch.run_dir.path),
        ports={name: group.port for name, group in launch.ports.items()},
    )
    try:
        launch.run_dir.write_identity(identity)
    except OSError as error:
        raise CannotStart(error) from None


async def _main(launch: Launch, before: Handover | None) -> int:
    try:
        session = Session(launch, before)
    except OSError as error:
        if before is not None:
            raise
        raise CannotStart(error) from None
    return await session.run()


class Session:
    """One supervisor at work: the group and everything that people and machines ask it with."""

    def __init__(self, launch: Launch, before: Handover | None = None) -> None:
        """Inside a running loop. `before`: what another supervisor of this instance left, whose
        workers run on. ValueError if that cannot be.
        """
        self._launch = launch
        self._before = before
        self.group = group = Group(
            launch.options,
            launch.devices,
            launch.ports,
            launch.run_dir,
            launch.output,
            launch.nvml,
            launch.run_id,
            launch.policy,
            before.group if before else None,
            launch.spares,
        )
        self._collector = Collector(group)
        self.notifier = of_this_process()
        self._reloader = _reloader(launch, group)
        group.last_reload = self._reloader.status
        self._upgrader = Upgrader(group, launch.argv, self)
        if before is not None:
            self._resume(before)
        operations = {**handlers(group, self._reloader), **self._upgrader.handlers()}
        self._control = ControlServer(launch.run_dir.control, operations)
        limit = launch.options.metrics_max_connections
        self._web = HttpServer(routes(group, self._collector), limit)

    def _resume(self, before: Handover) -> None:
        self._collector.resume(before.metrics)
        self._reloader.resume(before.last_reload)
        self.notifier = Notifier(before.notify_address, before.notify_watchdog)
        self.group.upgrades = Upgrades(before.upgrades + 1, round(time.time(), 3), before.package)

    async def run(self) -> int:
        """Until the group ends. Returns the exit code."""
        group, launch, before = self.group, self._launch, self._before
        async with TaskOwner() as tasks:
            with stop_signals() as received:
                try:
                    await self._start_servers(before.control_fd if before else None)
                    if "metrics" in launch.ports:
                        tasks.start(_refresh(self._collector), "metrics")
                    tasks.start(obey_signals(group, received), "signals")
                    tasks.start(_notify(group, self.notifier), "notify")
                    if before is None or before.group.first_ready_at is None:
                        tasks.start(announce(group, launch.output), "announce")
                    if before is not None:
                        group.log(f"upgraded from {before.package} to {__version__}")
                    return await group.run()
                finally:
                    self.notifier.close()
                    await self._web.close()
                    await self._control.close()

    async def _start_servers(self, control_fd: int | None) -> None:
        if control_fd is None:
            await self._control.start()
        else:
            await self._control.resume(control_fd)
        if (port := self._launch.ports.get("metrics")) is not None:
            port.listen()
            await self._web.start(port.sockets[0])

    async def pause(self) -> int:
        """Answer nobody any more; new clients wait. Returns the control socket for `unpause`.

        Raises OSError, and then everything is as before.
        """
        control_fd = self._control.duplicate()
        await self._web.finish(_FINISH_SECONDS)
        await self._control.close()
        return control_fd

    async def unpause(self, control_fd: int) -> None:
        await self._start_servers(control_fd)

    def saved(self, control_fd: int) -> Handover:
        """Everything that a supervisor with other code needs to go on in this process."""
        launch, group = self._launch, self.group
        return Handover(
            name=group.options.instance_name,
            run_id=launch.run_id,
            package=__version__,
            upgrades=group.upgrades.total,
            options=group.options,
            policy=launch.policy,
            devices=[slot.device for slot in group.slots],
            spares=list(group.spares.idle),
            ports={name: port.saved() for name, port in launch.ports.items()},
            run_dir=launch.run_dir.saved(),
            control_fd=control_fd,
            group=saved(group),
            metrics=self._collector.saved(),
            last_reload=self._reloader.status(),
            notify_address=self.notifier.address,
            notify_watchdog=self.notifier.watchdog_seconds,
            output=launch.output.unwritten(_FLUSH_SECONDS),
            empty_folder=platform.empty_folder(),
        )


def _reloader(launch: Launch, group: Group) -> Reloader:
    def adopt(options: ServeOptions) -> None:
        group.options = options
        group.gpu_watch.quarantine.recheck = options.timeouts.gpu_quarantine
        group.config_generation += 1

    def tell(text: str) -> None:
        group.events.add("reload", text)
        launch.output.line(text)

    def reread() -> ServeOptions:
        options = launch.reread()
        check_devices(options, launch.devices)
        return options

    return Reloader(reread, lambda: group.options, adopt, group.roller, tell)


async def obey_signals(group: Group, received: asyncio.Queue[int]) -> None:
    number = await received.get()
    if group.ending.failed:  # what drains already needs no first signal
        group.ending.stop_now(number)
    else:
        group.ending.stop(f"signal {number}")
    while True:
        group.ending.stop_now(await received.get())


async def _notify(group: Group, notifier: Notifier) -> None:
    def line() -> str:
        return f"{group.state}: {len(group.ready)} of {len(group.slots)} workers ready"

    async def tell_stop() -> None:
        await group.ending.wait_begun()
        notifier.stopping()

    def enough() -> bool:
        return len(group.ready) >= group.options.min_ready

    await asyncio.gather(notifier.run(enough, line), tell_stop())


async def _refresh(collector: Collector) -> None:
    while True:
        await asyncio.sleep(_REFRESH_SECONDS)
        await collector.refresh()
