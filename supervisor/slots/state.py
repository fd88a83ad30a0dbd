"""States of one worker slot: an enum, its events and one transition table. Pure.

A slot is a fixed place (device + one listening socket per port); generations of worker processes
come and go in it. The driver (`slot.py`) turns what happens into events; only this table says
where they lead. An event that a state does not list is ignored there.

              START          DEVICE_READY            HELLO           READY
    DISABLED --------> WAIT_GPU ------> SPAWNING ------> LOADING -------> READY <--> DEGRADED
        ^               ^  ^   |           |                |   MODEL_LOST  |   ------>  |
        |        RESTART|  |   |DEVICE_    |TIMEOUT, DRAIN  |               |   <------  |
        |               |  |   |MISSING    |KILL            |          DRAIN|MODEL_BACK  |DRAIN
        |               |  |   |           v                |               v            |
        |DISABLE        |  |   |         KILLING <----------+           DRAINING <-------+
        |               |  |   |           |  ^  KILL, TIMEOUT              |DRAINED, TIMEOUT
        |               |  |   v    EXITED |  +------------------------ STOPPING
        +----------- RECLAIM <-------------+---- EXITED (every state that has a process)
                      |  |
           RETRY      |  |  GIVE_UP
        BACKOFF <-----+  +-----> FAILED
           |                       |
           +-- TIMEOUT, START -----+--> WAIT_GPU      (FAILED's timer is the half-open try)

              SUSPECTED               CLEARED
    READY, DEGRADED --------> SUSPECT --------> READY     (and on to DEGRADED if models are lost)
                                |  |
                           HANG |  | DRAIN
                     KILLING <--+  +--> DRAINING          (HANG also from READY and DEGRADED)

DRAIN or KILL in a state without a process leads to DISABLED. A worker that dies while its successor
loads (a reload) goes the same ways, but waits in WAIT_GPU until it is clear what becomes of the
successor: SUCCEEDED leads from WAIT_GPU, BACKOFF and FAILED to READY.
"""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    """Where a slot is. New connections are wanted only in READY and DEGRADED."""

    DISABLED = "DISABLED"
    WAIT_GPU = "WAIT_GPU"
    SPAWNING = "SPAWNING"
    LOADING = "LOADING"
    READY = "READY"
    DEGRADED = "DEGRADED"
    SUSPECT = "SUSPECT"  # no sign of life: new connections go elsewhere, nothing is killed yet
    DRAINING = "DRAINING"
    STOPPING = "STOPPING"
    KILLING = "KILLING"
    RECLAIM = "RECLAIM"
    BACKOFF = "BACKOFF"
    FAILED = "FAILED"

    def __str__(self) -> str:
        return self.value


class Event(str, Enum):
    """What can happen to a slot."""

    START = "START"  # operator: start a disabled or failed slot
    DEVICE_READY = "DEVICE_READY"
    DEVICE_MISSING = "DEVICE_MISSING"
    SPAWN_FAILED = "SPAWN_FAILED"  # the process could not be created
    HELLO = "HELLO"  # the worker's own code runs
    READY = "READY"  # all models ready, frontends accept
    MODEL_LOST = "MODEL_LOST"  # some models are unavailable, the rest serve
    MODEL_BACK = "MODEL_BACK"
    SUSPECTED = "SUSPECTED"  # soft: its loops have not beaten for a moment
    CLEARED = "CLEARED"  # its loops beat again
    HANG = "HANG"  # hard: silent for so long that it is lost
    DRAIN = "DRAIN"  # stop, drain, restart: by an operator or by the worker itself
    DRAINED = "DRAINED"
    TIMEOUT = "TIMEOUT"  # the state's own deadline passed
    KILL = "KILL"  # at once, no drain
    EXITED = "EXITED"  # the worker process is gone
    RETRY = "RETRY"  # policy after an exit: wait, then again
    RESTART = "RESTART"  # policy: again at once
    GIVE_UP = "GIVE_UP"  # policy: permanent code or breaker
    DISABLE = "DISABLE"  # policy: the operator wanted it gone
    SUCCEEDED = "SUCCEEDED"  # the successor of a worker that died has loaded

    def __str__(self) -> str:
        return self.value


_S, _E = State, Event

TRANSITIONS: dict[State, dict[Event, State]] = {
    _S.DISABLED: {_E.START: _S.WAIT_GPU},
    _S.WAIT_GPU: {
        _E.DEVICE_READY: _S.SPAWNING,
        _E.DEVICE_MISSING: _S.RECLAIM,
        _E.DRAIN: _S.DISABLED,
        _E.KILL: _S.DISABLED,
        _E.SUCCEEDED: _S.READY,
    },
    _S.SPAWNING: {
        _E.SPAWN_FAILED: _S.RECLAIM,
        _E.HELLO: _S.LOADING,
        _E.TIMEOUT: _S.KILLING,
        _E.DRAIN: _S.KILLING,
        _E.KILL: _S.KILLING,
        _E.EXITED: _S.RECLAIM,
    },
    _S.LOADING: {
        _E.READY: _S.READY,
        _E.MODEL_LOST: _S.DEGRADED,
        _E.TIMEOUT: _S.KILLING,
        _E.DRAIN: _S.KILLING,
        _E.KILL: _S.KILLING,
        _E.EXITED: _S.RECLAIM,
    },
    _S.READY: {
        _E.MODEL_LOST: _S.DEGRADED,
        _E.SUSPECTED: _S.SUSPECT,
        _E.HANG: _S.KILLING,
        _E.DRAIN: _S.DRAINING,
        _E.KILL: _S.KILLING,
        _E.EXITED: _S.RECLAIM,
    },
    _S.DEGRADED: {
        _E.MODEL_BACK: _S.READY,
        _E.SUSPECTED: _S.SUSPECT,
        _E.HANG: _S.KILLING,
        _E.DRAIN: _S.DRAINING,
        _E.KILL: _S.KILLING,
        _E.EXITED: _S.RECLAIM,
    },
    # Models that are lost or back meanwhile are looked at when the suspicion is cleared.
    _S.SUSPECT: {
        _E.CLEARED: _S.READY,
        _E.HANG: _S.KILLING,
        _E.DRAIN: _S.DRAINING,
        _E.KILL: _S.KILLING,
        _E.EXITED: _S.RECLAIM,
    },
    _S.DRAINING: {
        _E.DRAINED: _S.STOPPING,
        _E.TIMEOUT: _S.STOPPING,
        _E.KILL: _S.KILLING,
        _E.EXITED: _S.RECLAIM,
    },
    _S.STOPPING: {
        _E.TIMEOUT: _S.KILLING,
        _E.KILL: _S.KILLING,
        _E.EXITED: _S.RECLAIM,
    },
    _S.KILLING: {_E.EXITED: _S.RECLAIM, _E.SPAWN_FAILED: _S.RECLAIM},
    _S.RECLAIM: {
        _E.RETRY: _S.BACKOFF,
        _E.RESTART: _S.WAIT_GPU,
        _E.GIVE_UP: _S.FAILED,
        _E.DISABLE: _S.DISABLED,
    },
    _S.BACKOFF: {
        _E.SUCCEEDED: _S.READY,
        _E.TIMEOUT: _S.WAIT_GPU,
        _E.START: _S.WAIT_GPU,
        _E.DRAIN: _S.DISABLED,
        _E.KILL: _S.DISABLED,
    },
    _S.FAILED: {
        _E.SUCCEEDED: _S.READY,
        _E.TIMEOUT: _S.WAIT_GPU,
        _E.START: _S.WAIT_GPU,
        _E.DRAIN: _S.DISABLED,
        _E.KILL: _S.DISABLED,
    },
}

#: States in which a slot takes new connections.
SERVING = frozenset({State.READY, State.DEGRADED})

#: States in which a worker has loaded and was not asked to leave.
LOADED = SERVING | {State.SUSPECT}

#: States on the way out.
LEAVING = frozenset({State.DRAINING, State.STOPPING, State.KILLING, State.RECLAIM})

#: States in which a worker process exists (or may still exist).
WITH_PROCESS = frozenset(
    {
        State.SPAWNING,
        State.LOADING,
        State.READY,
        State.DEGRADED,
        State.SUSPECT,
        State.DRAINING,
        State.STOPPING,
        State.KILLING,
    }
)


def next_state(state: State, event: Event) -> State | None:
    """The state that `event` leads to from `state`, or None if the event means nothing there."""
    return TRANSITIONS[state].get(event)
