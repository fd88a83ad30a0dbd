"""What an upgrade in place needs of a group: may it be now, what is handed on, and how another
supervisor goes on with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .saved import GroupState

if TYPE_CHECKING:
    from .group import Group


def unsettled(group: Group) -> str:
    """Why the workers could not be handed to another supervisor now; "" if they could."""
    if group.ending.begun:
        return "the instance is stopping"
    if group.roller.busy:
        return "workers are being replaced; try again when that has ended"
    if group.gpu_watch.stuck:
        return "the GPU driver does not answer, which could hold up the new program for ever"
    if group.replication.busy:
        return "a change by a client is being made on the workers"
    reasons = ((slot.index, slot.unsettled) for slot in group.slots)
    return "; ".join(f"w{index} {reason}" for index, reason in reasons if reason)


def saved(group: Group) -> GroupState:
    """For a supervisor that goes on with the workers. The descriptors stay ours."""
    return GroupState(
        started_at=group.started_at,
        first_ready_at=group.first_ready_at,
        config_generation=group.config_generation,
        events=group.events.saved(),
        flights_fd=group.flights.fd,
        rates=[rates.saved() for rates in group.rates],
        gpus=group.gpu_watch.saved(),
        traffic=group.traffic.saved(),
        slots=[slot.saved() for slot in group.slots],
        replication=group.replication.saved(),
        enough_were_ready=group.start_limit.reached,
    )


def resume(group: Group, before: GroupState) -> None:
    """Go on where another supervisor stopped. Before the group runs; ValueError if that cannot
    be.
    """
    group.started_at, group.first_ready_at = before.started_at, before.first_ready_at
    group.start_limit.resume(before.started_at, reached=before.start_ended)
    group.config_generation = before.config_generation
    group.events.resume(before.events)
    group.gpu_watch.resume(before.gpus)
    group.replication.resume(before.replication)
    for slot, state, samples in zip(group.slots, before.slots, before.rates, strict=True):
        slot.resume(state)
        if slot.generation is not None and state.generation and state.generation.replicates:
            group.started(slot, slot.generation, state.report.generation)
            group.replication.rejoin(slot.generation.replica)
        group.rates[slot.index].resume(state.report.generation, samples)
    group.recorder.resume(group.slots, group.state)
    if group.first_ready_at is not None:
        group.ready_shown.set()
