"""Two generations in one slot for a moment: a successor loads beside the worker it replaces.

Both inherit the slot's listening sockets. The successor accepts only when it has loaded everything;
then the old one stops accepting and finishes what it has. The sockets stay with a live worker all
the time, so no client notices. Loop thread only; the slot's state stays what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..options.spec import Device, ServeOptions
from ..protocol.channel import Message
from .generation import Generation
from .report import SlotReport
from .state import State
from .state_clock import UNKILLABLE_AFTER, StateClock

#: Between the successor's first accept and the old one's last: their queue is one and the same, so
#: this only has to cover the start of the successor's loops.
_OVERLAP = 0.1


#: Repeats for a worker what clients have changed, then calls the function.
Replay = Callable[[Generation, Callable[[], None]], None]


class Successor:
    """A worker that loads, unseen by clients. `ready()` says how it went."""

    def __init__(
        self,
        options: ServeOptions,
        report: SlotReport,
        device: Device,
        now: Callable[[], float],
        replay: Replay,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed` is called when it is called off although it was ready."""
        self.options = options
        self.device = device
        self.report = report
        self.generation: Generation | None = None
        self.called_off = ""  # why it must not take over, since it was ready
        self.device_failed = False
        self._changed = changed
        self._replay = replay
        self._clock = StateClock(options.timeouts, options.exit_timeout, now)
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def started(self, generation: Generation) -> None:
        self.generation = generation
        generation.hand_over(self._on_message, self._on_exit)
        self._clock.enter(State.SPAWNING)

    async def ready(self) -> str:
        """Wait until it serves: "", or why it never will."""
        while not self._ended.done():
            left = self._clock.left()
            await asyncio.wait({self._ended}, timeout=left)
            if not self._ended.done() and self._clock.left() == 0:
                return self.report.why_late(self._clock.reason())
        return self._ended.result()

    def _on_message(self, message: Message) -> None:
        args, generation = message.args, self.generation
        match message.op:
            case "HELLO":
                self._clock.enter(State.LOADING)
            case "PROGRESS":
                self.report.take_progress(args)
                if not self.report.stuck(exit_on_error=self.options.exit_on_error):
                    self._clock.progress()
            case "MODELS":
                self.report.take_models(args)
            case "LOADED" if generation is not None:
                self.report.sample = args.get("sample")
                self._replay(generation, self._serve)
            case "READY":
                self.end("")
            case "STATS":
                self.report.take_statistics(args)
            case "RESTART":
                self.device_failed = bool(args.get("device_failed"))
                self.end(str(args.get("reason")))
            case "DRAINING":
                self.end("drains by itself (signal from outside)")
            case "FATAL" if generation is not None:
                generation.fatal = str(args.get("text", ""))
            case _:
                pass

    def _serve(self) -> None:
        if self.generation is not None and not self.generation.send("SERVE"):
            self.end("its control channel is full")

    def _on_exit(self) -> None:
        generation = self.generation
        if generation is not None:
            self.end(generation.fatal or str(generation.exit_info()))

    def end(self, why: str) -> None:
        """Stop waiting: "" when it serves, else why it must not take over."""
        if not self._ended.done():
            self._ended.set_result(why)
        elif why and not self.called_off:
            self.called_off = why
            self._changed()


class Leaver:
    """Ends a generation that has a successor (or, with `failed`, one that may not become it)."""

    def __init__(self, generation: Generation, options: ServeOptions) -> None:
        self.generation = generation
        self._options = options
        self._drained = asyncio.Event()
        self._gone = asyncio.Event()
        generation.hand_over(self._on_message, self._gone.set)
        if generation.exit_info() is not None:
            self._gone.set()

    async def leave(self) -> bool:
        """Drain, stop, reclaim. False if something of it could not be removed."""
        limits = self._options.timeouts
        await asyncio.sleep(_OVERLAP)
        self._tell("DRAIN", seconds=limits.drain)
        await self._within(limits.drain + 1.0, self._drained, self._gone)
        self._tell("STOP")
        await self._within(self._options.exit_timeout + limits.stop_margin, self._gone)
        return await self.kill("did not stop in time")

    async def kill(self, reason: str) -> bool:
        """At once; then reclaim. False if something of it could not be removed."""
        if not self._gone.is_set():
            self.generation.kill(reason)
        gone = await self._within(UNKILLABLE_AFTER, self._gone)
        clean = gone and await self.generation.reclaim(self._options.timeouts.reclaim)
        self.generation.close()
        return clean

    def hurry(self, reason: str) -> None:
        """The supervisor stops at once."""
        self.generation.kill(reason)

    def _tell(self, op: str, **args: float) -> None:
        if not self._gone.is_set() and not self.generation.send(op, **args):
            self.generation.terminate()

    def _on_message(self, message: Message) -> None:
        if message.op == "DRAINED":
            self._drained.set()

    async def _within(self, seconds: float, *events: asyncio.Event) -> bool:
        waiting = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            done, _ = await asyncio.wait(
                waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            return bool(done)
        finally:
            for each in waiting:
                each.cancel()
