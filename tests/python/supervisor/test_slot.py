"""Wishes that meet in one slot: whose worker is on its way out, or still loads. No processes."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tritonfrontend.supervisor.devices.gpu_watch import Admission
from tritonfrontend.supervisor.group.rolling import Roller
from tritonfrontend.supervisor.group.spares import Spares
from tritonfrontend.supervisor.group.strategy import Strategy
from tritonfrontend.supervisor.group.upkeep import Upkeep
from tritonfrontend.supervisor.options.spec import Device, ServeOptions
from tritonfrontend.supervisor.slots.events import SlotEvents
from tritonfrontend.supervisor.slots.slot import Slot
from tritonfrontend.supervisor.slots.state import Event, State

OPTIONS = ServeOptions(model_repository=(str(Path(__file__).parents[3] / "examples" / "models"),))
GPU = Device("gpu", 0, "GPU-1")


class Owner:
    """A group in which no GPU may be used, so that no process starts."""

    run_id = "run"

    def __getattr__(self, name: str) -> Any:
        return lambda *_: []

    async def admit(self, device: Device, instead_of: Device | None = None) -> Admission:
        return Admission(False, "not now", patient=True)


@asynccontextmanager
async def slot_in(state: State) -> AsyncIterator[Slot]:
    def inherited(number: int) -> Mapping[str, Mapping[str, Any]]:
        return {}

    slot = Slot(0, GPU, inherited, OPTIONS, Owner())
    task = asyncio.create_task(slot.run())
    await settled()
    slot.state = state
    yield slot
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_job_that_is_stopped_before_its_first_turn_leaves_nothing() -> None:
    """A successor takes over in the very moment in which the slot begins to wait for its device."""

    async def work() -> None:
        raise AssertionError("it ran")

    async def main() -> None:
        events = SlotEvents()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            events.start_job(work)
            events.stop_job()
            await settled()
            gc.collect()
        assert said == []
        assert events.empty

    asyncio.run(main())


async def leave(slot: Slot) -> None:
    """Its worker has drained and ended."""
    for event in (Event.DRAINED, Event.EXITED):
        slot.post(event)
        await settled()
    while slot.state is State.RECLAIM:
        await slot.changed.wait()


@pytest.mark.parametrize("wish", ["stop", "restart"])
def test_a_gpu_error_undoes_no_stop(wish: str) -> None:
    async def work() -> None:
        async with slot_in(State.READY) as slot:
            group = SimpleNamespace(slots=[slot], note=print, roller=None)
            upkeep = Upkeep(group, None)  # type: ignore[arg-type]
            if wish == "stop":
                slot.stop("stopping")
                await settled()
                assert slot.state is State.DRAINING
            upkeep._poisoned(GPU, "XID 79")
            await settled()
            assert slot.state is State.DRAINING
            await leave(slot)
            assert slot.state is (State.DISABLED if wish == "stop" else State.WAIT_GPU)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("state", "then"), [(State.LOADING, State.KILLING), (State.BACKOFF, State.BACKOFF)]
)
def test_a_reload_does_not_leave_a_worker_that_loads_with_old_settings(
    state: State, then: State
) -> None:
    async def work() -> None:
        async with slot_in(state) as slot:
            new = replace(OPTIONS, exit_timeout=44)
            roller = Roller([slot], lambda slot, wanted: Strategy.SURGE, Spares((), Owner().admit))
            assert await roller.change(OPTIONS, new, "reload") == ""
            await settled()
            assert slot.state is then
            assert slot.options == new

    asyncio.run(work())
