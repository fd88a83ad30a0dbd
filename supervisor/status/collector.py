"""Collects the metrics of all workers for one scrape. Loop thread only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..slots.slot import Slot
from ..slots.state import SERVING, State
from .metrics import Family, MetricsState, Pages, escape

if TYPE_CHECKING:
    from ..group.group import Group

#: A hung worker must not delay the scrape of the others; its last page is used, and flagged.
SCRAPE_SECONDS = 0.25


class Collector:
    """`page()` is what the public metrics port answers."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._pages = Pages()
        self._fresh: dict[int, bool] = {}
        self._generation: dict[int, int] = {}
        self._lock = asyncio.Lock()

    def saved(self) -> MetricsState:
        """For `resume`."""
        return self._pages.saved(self._generation)

    def resume(self, state: MetricsState) -> None:
        """Go on where another supervisor of this instance stopped."""
        self._pages.resume(state)
        self._generation.update(state.generation)

    async def page(self) -> str:
        """Ask all serving workers at once and join their pages. Scrapes do not overlap."""
        async with self._lock:
            await asyncio.gather(*(self._scrape(slot) for slot in self._group.slots))
            labels = {slot.index: _labels(slot) for slot in self._group.slots}
            return self._pages.render(labels, self._own())

    async def refresh(self) -> None:
        """Keep the last pages young: a crash loses what was counted since."""
        async with self._lock:
            await asyncio.gather(*(self._scrape(slot) for slot in self._group.slots))

    async def _scrape(self, slot: Slot) -> None:
        generation = slot.generation
        number = slot.report.generation
        if self._generation.get(slot.index, number) != number or generation is None:
            self._pages.fold(slot.index)
        self._generation[slot.index] = number
        if generation is None or generation.ready_at is None:
            self._fresh[slot.index] = False
            return
        text = await generation.questions.metrics_page(SCRAPE_SECONDS)
        self._fresh[slot.index] = text is not None
        if text is not None and slot.report.generation == number:
            self._pages.update(slot.index, text)

    def _own(self) -> list[Family]:
        restarts = Family(
            "tritonfrontend_worker_restarts_total", "counter", "Processes started after the first."
        )
        exits = Family(
            "tritonfrontend_worker_failures_total", "counter", "Failed workers by reason."
        )
        state = Family("tritonfrontend_worker_state", "gauge", "1 for the state of each worker.")
        up = Family("tritonfrontend_worker_up", "gauge", "1 if the worker takes new connections.")
        stale = Family(
            "tritonfrontend_worker_metrics_stale", "gauge", "1 if the last page is an older one."
        )
        for slot in self._group.slots:
            worker = f'worker="{slot.index}"'
            restarts.samples.append((restarts.name, worker, str(slot.report.restarts)))
            for reason, count in slot.report.exits.items():
                labels = f'{worker},reason="{escape(reason)}"'
                exits.samples.append((exits.name, labels, str(count)))
            for each in State:
                value = str(int(slot.state is each))
                state.samples.append((state.name, f'{worker},state="{each.value}"', value))
            up.samples.append((up.name, worker, str(int(slot.state in SERVING))))
            fresh = self._fresh.get(slot.index, False)
            stale.samples.append((stale.name, worker, str(int(not fresh))))
        families = (restarts, exits, state, up, stale, *self._connections())
        return [family for family in families if family.samples]

    def _connections(self) -> tuple[Family, ...]:
        relayed = Family(
            "tritonfrontend_relayed_connections_total",
            "counter",
            "Connections passed on from workers that could not accept them.",
        )
        refused = Family(
            "tritonfrontend_refused_connections_total",
            "counter",
            "Connections for which no worker was ready in time.",
        )
        traffic = self._group.traffic
        relayed.samples.append((relayed.name, "", str(traffic.relay.relayed_total)))
        for port, refusal in traffic.refusals.items():
            refused.samples.append((refused.name, f'port="{port}"', str(refusal.total)))
        return relayed, refused


def _labels(slot: Slot) -> dict[str, str]:
    labels = {"worker": str(slot.index)}
    if slot.device.uuid:
        labels["gpu_uuid"] = slot.device.uuid
    return labels
