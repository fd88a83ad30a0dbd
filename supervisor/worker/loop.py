"""Life of a worker: one main loop (signals, control messages, timers).

Everything that can block (load, drain, stop, statistics, metrics) runs on threads that report back
(`actions.py`); all state belongs to the main loop. The control socket's end means that the
supervisor died: drain and leave.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..options.repositories import repository_models
from ..protocol import listeners
from ..protocol.channel import TEXT_BYTES, Channel, ChannelClosed, Message, cut
from ..protocol.outbox import RETRY, Outbox
from ..protocol.worker_spec import WorkerSpec
from ..system.descriptors import readable
from ..system.exits import WorkerExit
from .actions import Actions
from .client_loads import ClientLoads
from .core import Core, CoreError
from .cuda import Fault, check_device
from .gathering import WorkerGathering
from .gpu_look import GpuLook
from .leaving import Leaving
from .load_watch import LoadWatch
from .metrics_page import MetricsPage
from .model_watch import ModelWatch, Wishes
from .refresh import Done, Refresh
from .replication import WorkerReplication
from .reports import Reporter

_LOST_LINGER = 0.2
_TICK = 1.0  # progress and statistics; a person watches, nothing waits for them


class Worker:
    """Life of one worker, from HELLO to exit code."""

    def __init__(self, spec: WorkerSpec, channel: Channel) -> None:
        self._spec = spec
        self._channel = channel
        self._outbox = Outbox(self._send)
        self._core = Core(spec)
        self._actions = Actions()
        self._thread, self._post = self._actions.thread, self._actions.post
        self._phase = "loading"
        self._stop_wanted = False
        self._load_watch = LoadWatch(time.monotonic)
        loads = ClientLoads()
        self._watch = ModelWatch(
            self._core,
            Wishes(self._thread, self._post, self._faults_changed, self._ask_restart, log),
            loads,
            hang_timeout=spec.model_hang_timeout,
            hang_restart=spec.model_hang_restart,
        )
        self._reporter = Reporter(
            self._core,
            channel,
            self._outbox,
            self._watch,
            self._thread,
            self._post,
            self._not_reported,
        )
        self._replication = WorkerReplication(self._outbox, self._post, loads)
        self._gathering = WorkerGathering(channel, self._post, spec.gather_timeout)
        self._metrics = MetricsPage(self._core.metrics, channel, self._thread, self._post)
        core = spec.core
        self._refresh = Refresh(
            self._core,
            loads,
            str(core.get("model_control_mode", "none")),
            [str(path) for path in core.get("model_repository", ())],
            log,
        )
        self._leaving = Leaving(spec, self._core, self._watch, self._actions, channel)
        self._gpu = GpuLook(self._thread, self._post, self._gpu_fault)
        self._next_report = 0.0
        self._poll_due = float("inf")

    def run(self) -> int:
        """Serve until told to stop; returns the exit code."""
        self._actions.on_terminate(self._on_terminate)
        self._channel.send("HELLO", pid=os.getpid(), generation=self._spec.generation)
        self._thread(self._load)
        while self._leaving.code is None:
            self._turn()
        self._leaving.clean_up()
        return self._leaving.code

    def _turn(self) -> None:
        fds = [self._actions.fileno()]
        if self._channel.fileno() >= 0:
            fds.append(self._channel.fileno())
        fds += [*self._watch.fds, *self._replication.fds, *self._gathering.fds]
        retry = RETRY if self._outbox.waiting else _TICK
        wait = min(_TICK, self._watch.timeout, self._gathering.timeout, retry)
        ready = readable(fds, wait)
        self._actions.run()
        if self._channel.fileno() in ready:
            self._receive()
        self._replication.turn()
        self._gathering.turn()
        self._outbox.flush()
        self._watch.turn(ready)
        self._leaving.look()
        self._report()

    # -- what comes in ---------------------------------------------------------------------

    def _receive(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                self._on_message(message)
        except ChannelClosed:
            self._channel.close()
            self._outbox.clear()
            self._on_supervisor_lost()

    def _on_message(self, message: Message) -> None:
        try:
            self._obey(message)
        except (ValueError, TypeError, KeyError) as error:
            log(f"bad {message.op!r} message: {error}")
        finally:
            message.close()

    def _obey(self, message: Message) -> None:
        match message.op:
            case "SERVE" if self._phase == "loaded":
                self._serve()
            case "DRAIN":
                self._drain(float(message.args.get("seconds", self._spec.drain_timeout)))
            case "DISPERSE" if self._phase == "serving":
                self._core.disperse()
            case "STOP":
                self._stop(WorkerExit.DRAINED)
            case "METRICS" if self._phase in ("serving", "draining"):
                self._metrics.begin(int(message.args.get("seq", 0)))
            case "REFRESH":
                self._begin_refresh(int(message.args["seq"]), bool(message.args.get("everything")))
            case "APPLY":
                self._replication.on_apply(message)
            case "GATHER" | "GATHERING" | "GATHERED":
                self._gathering.on_message(message)
            case "REPLIED":
                self._replication.on_replied(message)

    def _on_terminate(self) -> None:
        """SIGTERM: drain, then leave. While loading there is nothing to drain, and no way to stop
        a load: it ends by itself, or the limit cuts it short.
        """
        self._stop_wanted = True
        if self._phase == "loading":
            self._leaving.within(self._spec.drain_timeout, WorkerExit.DRAINED)
        elif self._phase in ("loaded", "drained"):
            self._stop(WorkerExit.DRAINED)
        else:
            self._drain(self._spec.drain_timeout)

    def _on_supervisor_lost(self) -> None:
        log("supervisor lost: draining")
        self._replication.alone()
        self._gathering.alone()
        self._on_terminate()
        # The inherited sockets would take connections that nobody will ever serve. The frontends
        # get a moment to accept what is queued.
        timer = threading.Timer(_LOST_LINGER, self._close_listeners)
        timer.daemon = True
        timer.start()

    def _close_listeners(self) -> None:
        for sock in listeners.opened(self._spec.listeners):
            with sock:
                listeners.refuse(sock)

    # -- loading ---------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            check_device(self._spec.device)
            self._core.start()
            if (limit := self._spec.replication_limit) > 0:
                self._replication.begin(self._core.replication(limit))
                self._gathering.begin(self._core.group_queries(limit))
        except CoreError as error:
            code, text = error.code, str(error)
            self._post(lambda: self._fatal(code, text))
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            self._post(lambda: self._fatal(WorkerExit.OTHER, text))
        else:
            self._post(self._loaded)

    def _loaded(self) -> None:
        self._phase = "loaded"
        if self._stop_wanted:
            self._stop(WorkerExit.DRAINED)
            return
        with contextlib.suppress(Exception):
            self._watch.begin()
            self._refresh.begin()
            self._reporter.first()
        sample = None
        with contextlib.suppress(Exception):  # a hint for people; no reason to fail
            found = self._core.sample()
            sample = found if len(json.dumps(found)) <= TEXT_BYTES else None
        self._outbox.put("LOADED", {"sample": sample})

    def _serve(self) -> None:
        try:
            self._core.serve()
        except CoreError as error:
            self._fatal(error.code, str(error))
            return
        self._phase = "serving"
        poll = float(self._spec.repository_poll_secs)
        self._poll_due = time.monotonic() + poll if poll > 0 else float("inf")
        self._outbox.put("READY", {})

    def _fatal(self, code: int, text: str) -> None:
        log(text)
        self._outbox.put("FATAL", {"code": int(code), "text": cut(text)})
        self._stop(code)

    # -- reports ---------------------------------------------------------------------------

    def _report(self) -> None:
        now = time.monotonic()
        if now < self._next_report:
            return
        self._next_report = now + _TICK
        replaying = self._phase == "loaded" and self._replication.busy
        if self._phase == "loading" or replaying:
            models = repository_models(self._spec.core)
            self._channel.send("PROGRESS", **self._load_watch.progress(models))
        elif self._phase in ("serving", "draining"):
            if self._spec.device.uuid:
                self._gpu.begin(now)
            self._reporter.begin()
        if self._phase == "serving" and now >= self._poll_due:
            self._poll_due = float("inf")
            self._thread(self._poll_repository)

    def _gpu_fault(self, fault: Fault) -> None:
        if self._phase == "serving":
            self._ask_restart(fault.text, device_failed=fault.hardware)

    def _not_reported(self, error: str) -> None:
        if self._phase == "serving":
            log(error)

    def _faults_changed(self) -> None:
        self._reporter.faults_changed()

    def _ask_restart(self, reason: str, *, device_failed: bool = False) -> None:
        log(f"asking for a restart: {reason}")
        self._outbox.put("RESTART", {"reason": cut(reason), "device_failed": device_failed})

    def _poll_repository(self) -> None:
        with contextlib.suppress(Exception):  # the core logs which model it could not update
            self._core.poll_repository()
        due = time.monotonic() + float(self._spec.repository_poll_secs)
        self._post(lambda: setattr(self, "_poll_due", due))

    def _begin_refresh(self, seq: int, everything: bool) -> None:
        if self._phase != "serving":
            self._outbox.put("REFRESHED", {"seq": seq, "failed": f"the worker is {self._phase}"})
            return

        def work() -> None:
            done = self._refresh.run(everything=everything)
            self._post(lambda: self._refreshed(seq, done))

        self._thread(work)

    def _refreshed(self, seq: int, done: Done) -> None:
        failed = cut(done.failed)
        log(f"models were not all loaded again: {failed}" if failed else "models are loaded again")
        self._watch.loaded_anew(done.loaded)
        self._outbox.put("REFRESHED", {"seq": seq, "failed": failed})

    # -- leaving ---------------------------------------------------------------------------

    def _drain(self, seconds: float) -> None:
        if self._phase != "serving":
            return
        self._phase = "draining"
        self._watch.end()
        self._outbox.put("DRAINING", {})

        def work() -> None:
            clean = self._core.drain(seconds)
            self._post(lambda: self._drained(clean))

        self._thread(work)

    def _drained(self, clean: bool) -> None:
        self._phase = "drained"
        self._outbox.put("DRAINED", {"clean": clean})
        if self._stop_wanted:
            self._stop(WorkerExit.DRAINED)

    def _stop(self, code: int) -> None:
        if self._phase == "stopping":
            return
        self._phase = "stopping"
        self._replication.leaving = True
        self._watch.end()
        self._leaving.begin(code)

    def _send(self, op: str, fds: Sequence[int], args: Mapping[str, Any]) -> bool:
        """For the outbox. Without a supervisor nobody waits for it."""
        return self._channel.fileno() < 0 or self._channel.send(op, fds, **args)


def log(text: str) -> None:
    """A line for the supervisor's prefixed output; never an error."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
