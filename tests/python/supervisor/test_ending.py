"""How a group ends, where no process outside could ask at the right moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tritonfrontend.supervisor import rundir
from tritonfrontend.supervisor.exits import Exit
from tritonfrontend.supervisor.group import Group
from tritonfrontend.supervisor.log import Output
from tritonfrontend.supervisor.nvml import Nvml
from tritonfrontend.supervisor.spec import Device, ServeOptions

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
