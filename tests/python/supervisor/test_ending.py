"""How a group ends, where no process outside could ask at the right moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tritonfrontend.supervisor.devices.nvml import Nvml
from tritonfrontend.supervisor.group.group import Group
from tritonfrontend.supervisor.instance import rundir
from tritonfrontend.supervisor.options.spec import Device, ServeOptions
from tritonfrontend.supervisor.system.exits import Exit
from tritonfrontend.supervisor.system.log import Output

PATIENCE = 20.0


def test_a_stop_before_the_first_worker_ends_the_group(tmp_path: Path) -> None:
    """The control socket answers a moment before `run`: such a stop must not be forgotten."""
    options = ServeOptions(model_repository=(str(tmp_path),), worker_command=("/bin/false",))
    run_dir, output = rundir.acquire(tmp_path / "run", "early", ""), Output()

    async def ended() -> int:
        group = Group(options, [Device("cpu", 0)], {}, run_dir, output, Nvml(), "early")
        group.ending.stop("stop command")
        return await asyncio.wait_for(group.run(), PATIENCE)

    try:
        assert asyncio.run(ended()) == Exit.CLEAN
    finally:
        run_dir.close()
        output.close()
