"""`serve`: from validated options to a running group, and to an exit code.

Everything that can be refused is refused before the first worker starts: options, devices, the run
directory, the ports. Main thread only.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..devices import affinity
from ..devices import selection as devices
from ..devices.nvml import Nvml
from ..instance import leftovers, registry, rundir
from ..options.spec import ServeOptions, SpecError
from ..ports.sockets import PortError, PortGroup, close_all
from ..system.exits import Exit
from ..system.log import Output
from ..system.this_process import allowed_cpus
from .session import CannotStart, Launch, run
from .validation import check_devices


def serve(
    options: ServeOptions,
    output: Output,
    reread: Callable[[], ServeOptions] | None = None,
    argv: Sequence[str] | None = None,
) -> int:
    """Run a group until it ends. Returns the exit code; problems are told on `output`.

    `reread` gives the settings of the moment when a reload is wanted; `argv` are the arguments of
    `serve`, without which the supervisor cannot be upgraded in place.
    """
    nvml = Nvml()
    try:
        chosen = place(options, select_devices(options, nvml))
        check_devices(options, chosen.devices)
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
    except OSError as error:
        output.write(f"error: {CannotStart(error)}")
        return Exit.IN_USE
    for notice in chosen.notices:
        output.line(notice)
    if not run_dir.listed:
        output.line(
            f"{rundir.default_base()} cannot be written: "
            f"commands find this instance by --run-dir={run_dir.path} only"
        )
    launch = Launch(
        options,
        chosen.devices,
        run_dir,
        ports,
        nvml,
        output,
        options.restarts,
        secrets.token_hex(4),
        reread or (lambda: options),
        argv,
        chosen.spares,
    )
    try:
        return run(launch)
    except CannotStart as error:
        output.write(f"error: {error}")
        return Exit.IN_USE


def select_devices(options: ServeOptions, nvml: Nvml) -> devices.Selection:
    """`--devices` and `--spare-devices` against this machine. Raises DeviceError."""
    found = nvml.discover() if devices.needs_gpus(options.devices) else None
    return devices.select(
        options.devices,
        found.gpus if found else (),
        found.problem if found else "",
        os.environ.get("CUDA_VISIBLE_DEVICES"),
        os.environ.get("CUDA_DEVICE_ORDER"),
        options.spare_devices,
    )


def place(options: ServeOptions, selection: devices.Selection) -> devices.Selection:
    """The same devices, with their NUMA nodes and the CPUs of their workers."""
    allowed = allowed_cpus()
    chosen, count = (*selection.devices, *selection.spares), len(selection.devices)
    placed = tuple(
        replace(
            device,
            numa=affinity.numa_node(device.pci) if device.pci else None,
            cpus=tuple(affinity.choose(options.cpu_affinity, chosen, index, allowed)),
        )
        for index, device in enumerate(chosen)
    )
    return replace(selection, devices=placed[:count], spares=placed[count:])


def _acquire(options: ServeOptions, slots: int) -> tuple[rundir.RunDir, dict[str, PortGroup]]:
    """Run directory and ports, in one step that no other start can interleave."""
    base = rundir.usable_base(options.run_dir)
    with rundir.start_lock(base):
        run_dir = rundir.acquire(base, options.instance_name, options.run_dir)
        try:
            leftovers.sweep_stale(base)
            return run_dir, _bind(options, slots, base)
        except BaseException:
            run_dir.close_locked()
            raise


def _bind(options: ServeOptions, slots: int, base: Path | None) -> dict[str, PortGroup]:
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
        owner = registry.port_owner(base, number) if number else None
        if owner is None:
            raise
        raise rundir.RunDirError(
            f"port {number} belongs to tritonfrontend instance {owner.name}, pid {owner.pid}"
        ) from error
    return bound
