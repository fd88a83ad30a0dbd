"""`python -m ...supervisor.takeover`: goes on as the supervisor of workers that run already.

Started by `upgrade.py` only: by execve with `--state-fd N serve ARGUMENTS...`, or before that as a
child with `--check`, which takes everything over for a moment, serves nothing, and says so in one
JSON line. If taking over fails after all, the workers drain and everything is cleaned up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from ... import __version__
from ..devices.nvml import Nvml
from ..instance.rundir import RunDir
from ..options import platform
from ..ports.sockets import PortGroup
from ..system.descriptors import set_inheritable
from ..system.exits import Exit
from ..system.log import Output
from ..system.records import RecordError
from ..system.this_process import leave
from . import abandoned, handover
from .handover import Handover
from .serve_settings import serve_settings
from .session import Launch, Session, run


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="takeover", allow_abbrev=False)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--state-fd", type=int, required=True)
    parser.add_argument("serve", nargs=argparse.REMAINDER)
    given = parser.parse_args(argv)
    raw = handover.read_raw(given.state_fd)
    os.close(given.state_fd)
    if given.check:
        asyncio.new_event_loop().run_until_complete(_check(raw))
    try:
        state = handover.parse(raw)
        platform.keep_empty_folder(state.empty_folder)
        set_inheritable(state.fds, False)
        output = Output(as_json=state.options.log_json)
        output.resume(state.output)
        launch = _launch(state, output, given.serve[1:])
    except Exception as error:
        print(f"error: cannot take over, draining: {error}", file=sys.stderr, flush=True)
        abandoned.drain(raw)
        return Exit.INTERNAL
    try:
        return run(launch, state)
    finally:
        output.close()


def _launch(state: Handover, output: Output, argv: Sequence[str]) -> Launch:
    environ = dict(os.environ)
    return Launch(
        options=state.options,
        devices=tuple(state.devices),
        run_dir=RunDir.resume(state.run_dir),
        ports={name: PortGroup.resume(port) for name, port in state.ports.items()},
        nvml=Nvml(),
        output=output,
        policy=state.policy,
        run_id=state.run_id,
        reread=lambda: serve_settings(argv, environ),
        argv=tuple(argv),
        spares=tuple(state.spares),
    )


async def _check(raw: object) -> NoReturn:
    """Build everything as if it were real, then vanish without a trace: no destructor runs.

    Without any await: what can be read meanwhile, messages and log lines of workers, belongs to the
    supervisor that runs, and a loop that polled once would take it away.
    """
    try:
        state = handover.parse(raw)
        Session(_launch(state, Output(), ()), state)
        answer = json.dumps({"takeover": __version__})
    except (RecordError, ValueError, OSError, KeyError, TypeError) as error:
        answer = str(error).replace("\n", " ") or type(error).__name__
    except Exception:  # a bug of the new code, whose last line tells what it is
        answer = traceback.format_exc()
    print(answer, flush=True)
    leave(0)


if __name__ == "__main__":
    sys.exit(main())
