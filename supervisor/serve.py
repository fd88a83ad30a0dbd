"""`serve`: from validated options to a running group, and to an exit code.

Everything that can be refused is refused before the first worker starts: options, devices, the run
directory, the ports. Main thread only.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import affinity, devices, examples, process, procfs, render, rundir
from .collector import Collector
from .control import ControlServer
from .exits import Exit
from .group import Group
from .http import HttpServer
from .log import Output
from .model_configs import check_gpus
from .notify import Notifier, of_this_process
from .nvml import Nvml
from .operations import handlers, routes
from .policy import RestartPolicy
from .reloading import Reloader
from .signals import stop_signals
from .sockets import PortError, PortGroup, close_all
from .spec import Device, ServeOptions, SpecError
from .state import State
from .status import status
from .tasks import TaskOwner
from .worker_core import repository_models

_REFRESH_SECONDS = 5.0


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


def serve(
    options: ServeOptions,
    output: Output,
    policy: RestartPolicy | None = None,
    reread: Callable[[], ServeOptions] | None = None,
) -> int:
    """Run a group until it ends. Returns the exit code; problems are told on `output`.

    `reread` gives the settings of the moment when a reload is wanted.
    """
    nvml = Nvml()
    try:
        chosen = place(options, select_devices(options.devices, nvml))
        check_models(options, chosen.devices)
        run_dir, ports = _acquire(options, len(chosen.devices))
    except devices.DeviceError as error:
        output.write(f"error: {error}")
        return Exit.NO_DEVICE
    except SpecError as error:
        output.write(f"error: {error}")
        return Exit.CONFIG
    except (rundir.RunDirError, PortError) as error:
        output.write(f"error: {error}")
        return Exit.IN_USE
    if options.min_ready > len(chosen.devices):
        close_all(list(ports.values()))
        run_dir.close()
        output.write(
            f"error: --min-ready: {options.min_ready} of {len(chosen.devices)} workers cannot be"
        )
        return Exit.CONFIG
    for notice in chosen.notices:
        output.line(notice)
    launch = Launch(
        options,
        chosen.devices,
        run_dir,
        ports,
        nvml,
        output,
        policy or RestartPolicy(),
        secrets.token_hex(4),
        reread or (lambda: options),
    )
    return _run(launch)


def select_devices(wanted: str, nvml: Nvml) -> devices.Selection:
    """`--devices` against this machine. Raises DeviceError."""
    found = nvml.discover() if devices.needs_gpus(wanted) else None
    return devices.select(
        wanted,
        found.gpus if found else (),
        found.problem if found else "",
        os.environ.get("CUDA_VISIBLE_DEVICES"),
        os.environ.get("CUDA_DEVICE_ORDER"),
    )


def place(options: ServeOptions, selection: devices.Selection) -> devices.Selection:
    """The same devices, with their NUMA nodes and the CPUs of their workers."""
    allowed = os.sched_getaffinity(0)
    chosen = selection.devices
    placed = tuple(
        replace(
            device,
            numa=affinity.numa_node(device.pci) if device.pci else None,
            cpus=tuple(affinity.choose(options.cpu_affinity, chosen, slot, allowed)),
        )
        for slot, device in enumerate(chosen)
    )
    return replace(selection, devices=placed)


def check_models(options: ServeOptions, chosen: Sequence[Device]) -> None:
    """Raise SpecError for model configurations that could not work on the chosen devices."""
    core = {**options.core, "model_repository": options.model_repository}
    if all(device.kind == "cpu" for device in chosen):
        return
    problems = check_gpus(options.model_repository, repository_models(core))
    if problems:
        raise SpecError("--model-repository", "; ".join(map(str, problems)))


def _acquire(options: ServeOptions, slots: int) -> tuple[rundir.RunDir, dict[str, PortGroup]]:
    """Run directory and ports, in one step that no other start can interleave."""
    base = rundir.default_base()
    with rundir.start_lock(base):
        run_dir = rundir.acquire(base, options.instance_name, options.run_dir)
        try:
            rundir.sweep_stale(base)
            return run_dir, _bind(options, slots, base)
        except BaseException:
            run_dir.close_locked()
            raise


def _bind(options: ServeOptions, slots: int, base: Path) -> dict[str, PortGroup]:
    """Bind all ports. A port of another instance is refused by its name."""
    bound: dict[str, PortGroup] = {}
    wanted = [*((port, slots) for port in options.worker_ports), (options.metrics, 1)]
    try:
        for spec, count in wanted:
            if spec.enabled:
                bound[spec.name] = PortGroup(spec, count)
    except PortError as error:
        close_all(list(bound.values()))
        number = error.port.port
        owner = rundir.port_owner(base, number) if number else None
        if owner is None:
            raise
        raise rundir.RunDirError(
            f"port {number} belongs to tritonfrontend instance {owner.name}, pid {owner.pid}"
        ) from error
    return bound


def _run(launch: Launch) -> int:
    code: int = Exit.INTERNAL
    run_dir, ports = launch.run_dir, launch.ports
    try:
        run_dir.write_identity(
            rundir.Identity(
                name=launch.options.instance_name,
                run_id=launch.run_id,
                pid=os.getpid(),
                start=procfs.start_time(os.getpid()),
                run_dir=str(run_dir.path),
                ports={name: group.port for name, group in ports.items()},
            )
        )
        process.become_subreaper()
        code = asyncio.run(_main(launch))
    finally:
        close_all(list(ports.values()))
        run_dir.close(keep_records=code in (Exit.LEAKED, Exit.INTERNAL))
    return code


async def _main(launch: Launch) -> int:
    group = Group(
        launch.options,
        launch.devices,
        launch.ports,
        launch.run_dir,
        launch.output,
        launch.nvml,
        launch.run_id,
        launch.policy,
    )
    collector = Collector(group)
    notifier = of_this_process()
    reloader = _reloader(launch, group)
    group.last_reload = reloader.status
    control = ControlServer(launch.run_dir.control, handlers(group, reloader))
    web = HttpServer(routes(group, collector))
    async with TaskOwner() as tasks:
        with stop_signals() as received:
            try:
                await control.start()
                if (port := launch.ports.get("metrics")) is not None:
                    port.listen()
                    await web.start(port.sockets[0])
                    tasks.start(_refresh(collector), "metrics")
                tasks.start(_obey_signals(group, received), "signals")
                tasks.start(_notify(group, notifier), "notify")
                tasks.start(_announce(group, launch.output), "announce")
                return await group.run()
            finally:
                notifier.close()
                await web.close()
                await control.close()


def _reloader(launch: Launch, group: Group) -> Reloader:
    def adopt(options: ServeOptions) -> None:
        group.options = options
        group.config_generation += 1

    def tell(text: str) -> None:
        group.log(text)
        group.events.add("reload", text)

    return Reloader(launch.reread, lambda: group.options, adopt, group.roller, tell)


async def _obey_signals(group: Group, received: asyncio.Queue[int]) -> None:
    number = await received.get()
    group.stop(f"signal {number}")
    while True:
        group.stop_now(await received.get())


async def _notify(group: Group, notifier: Notifier) -> None:
    def line() -> str:
        return f"{group.state}: {len(group.ready)} of {len(group.slots)} workers ready"

    async def tell_stop() -> None:
        await group.stop_begun.wait()
        notifier.stopping()

    def enough() -> bool:
        return len(group.ready) >= group.options.min_ready

    await asyncio.gather(notifier.run(enough, line), tell_stop())


async def _refresh(collector: Collector) -> None:
    while True:
        await asyncio.sleep(_REFRESH_SECONDS)
        await collector.refresh()


async def _announce(group: Group, output: Output) -> None:
    """The ready table and the lines to paste, once all workers serve or one does and the rest has
    had its chance.
    """
    await group.wait_ready()
    pending = (State.WAIT_GPU, State.SPAWNING, State.LOADING)
    while any(slot.state in pending for slot in group.slots) and not group.stopping:
        await asyncio.sleep(0.05)
    if not output.as_json:  # every line above is an event of its own
        output.write(ready_text(group, color=output.color), "out")


def _speaks_tls(group: Group) -> bool:
    name = "http" if group.options.http.enabled else "grpc"
    return bool(group.options.frontends.get(name, {}).get("use_ssl"))


def ready_text(group: Group, *, color: bool) -> str:
    """Table of workers, then commands to paste."""
    sample = next((s.report.sample for s in group.slots if s.report.sample), None)
    where = {name: (ports.spec.address, ports.port) for name, ports in group.ports.items()}
    commands = examples.lines(
        sample, where.get("http"), where.get("grpc"), sys.executable, tls=_speaks_tls(group)
    )
    table = render.table(status(group), color=color, width=render.terminal_width())
    advice = ["try:", *(f"  {line}" for line in commands), ""] if commands else []
    return "\n".join(["", table, "", *advice])
