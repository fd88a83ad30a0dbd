"""One worker process with everything that belongs to it: control channel, log pipe, pidfd.

Loop thread only. Reports to who drives it (a message came, the process ended), see `hand_over`;
after the end `reclaim` finishes the kill order and `close` frees all descriptors.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..options.spec import Device
from ..protocol.channel import Channel, ChannelClosed, Message
from ..protocol.worker_spec import WorkerSpec
from ..replication.gathering import Member
from ..replication.replica import Replica
from ..system import process
from ..system.exits import ExitInfo, describe
from ..system.log import TAIL_LINES, LineReader
from ..system.oom import OomKills
from .questions import Questions
from .saved import GenerationState

#: A worker that closed its control channel must be about to exit.
_CLOSED_GRACE = 2.0
_REAP_POLL = 0.02

#: Takes a line of output and its stream.
Emit = Callable[[str, str], None]


class Generation:
    """A running or just ended worker process."""

    def __init__(
        self,
        worker: process.Process,
        channel: Channel,
        shm_prefix: str,
        device: Device,
        emit: Emit,
    ) -> None:
        """Owns what it is given. Needs a `hand_over` before the loop goes on."""
        self.device = device
        self.ready_at: float | None = None
        self.lot = random.random()  # spreads what would be due at the same time
        self.killed_because: str | None = None
        self.fatal = ""
        self.replica: Replica | None = None  # if changes of clients are replicated
        self.member: Member | None = None  # and if questions of clients mean all workers
        self._emit = emit
        self._on_message: Callable[[Message], None] = lambda message: None
        self._on_exit: Callable[[], None] = lambda: None
        self.oom_kills = OomKills()
        self.questions = Questions(self.send)
        self._channel = channel
        self._process = worker
        self.pid = worker.pid
        self.start = worker.start
        self.shm_prefix = shm_prefix
        self.spawned_at = time.monotonic()
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._logs = {
            fd: LineReader(fd, partial(self._line, stream))
            for fd, stream in (
                (self._process.out_fd, "stdout"),
                (self._process.log_fd, "stderr"),
            )
        }
        self._loop = asyncio.get_running_loop()
        self._readers: dict[int, Callable[[], None]] = {
            self._process.pidfd: self._exited,
            **{fd: partial(self._read_log, fd) for fd in self._logs},
            self._channel.fileno(): self._read_channel,
        }
        for fd, callback in self._readers.items():
            self._loop.add_reader(fd, callback)

    @classmethod
    def spawn(
        cls,
        make_spec: Callable[[int], WorkerSpec],
        command: Sequence[str],
        env: Mapping[str, str],
        device: Device,
        emit: Emit,
    ) -> Generation:
        """Start a process. `make_spec` gets the number of its control descriptor.

        Raises OSError if it cannot be started.
        """
        channel, theirs = Channel.pair()
        try:
            spec = make_spec(theirs.fileno())
            worker = process.spawn(command, spec.to_json(), spec.descriptors, env)
        except BaseException:
            channel.close()
            raise
        finally:
            theirs.close()
        return cls(worker, channel, spec.shm_prefix, device, emit)

    @classmethod
    def resume(cls, state: GenerationState, device: Device, emit: Emit) -> Generation:
        """A worker that runs already, from the state of its supervisor before an upgrade."""
        worker = process.Process(state.pid, state.start, state.pidfd, state.out_fd, state.log_fd)
        channel = Channel.of(state.channel_fd)
        self = cls(worker, channel, state.shm_prefix, device, emit)
        self.spawned_at, self.ready_at, self.lot = state.spawned_at, state.ready_at, state.lot
        self.killed_because, self.fatal = state.killed_because, state.fatal
        self.oom_kills, self.questions.seq = OomKills(state.oom_before), state.page_seq
        self._tail.extend(state.tail)
        for name, fd in (("stdout", state.out_fd), ("stderr", state.log_fd)):
            self._logs[fd].rest = state.rests[name].encode("latin-1")
        return self

    def saved(self) -> GenerationState:
        """For `resume`. The descriptors stay ours."""
        worker = self._process
        return GenerationState(
            pid=self.pid,
            start=self.start,
            pidfd=worker.pidfd,
            out_fd=worker.out_fd,
            log_fd=worker.log_fd,
            channel_fd=self._channel.fileno(),
            shm_prefix=self.shm_prefix,
            spawned_at=self.spawned_at,
            ready_at=self.ready_at,
            lot=self.lot,
            killed_because=self.killed_because,
            fatal=self.fatal,
            oom_before=self.oom_kills.before,
            page_seq=self.questions.seq,
            replicates=self.replica is not None and not self.replica.gone,
            tail=self.tail,
            rests={
                "stdout": self._logs[worker.out_fd].rest.decode("latin-1"),
                "stderr": self._logs[worker.log_fd].rest.decode("latin-1"),
            },
        )

    @property
    def tail(self) -> list[str]:
        """The last lines of output."""
        return list(self._tail)

    @property
    def ready_for(self) -> float:
        """Seconds since it became ready; 0 if it never did."""
        return time.monotonic() - self.ready_at if self.ready_at is not None else 0.0

    def hand_over(self, on_message: Callable[[Message], None], on_exit: Callable[[], None]) -> None:
        """Who drives it from now on. `on_exit` is called once, after the last line of output and
        the last message.
        """
        self._on_message, self._on_exit = on_message, on_exit

    def send(self, op: str, **args: float) -> bool:
        return self.send_with(op, (), args)

    def send_with(self, op: str, fds: Sequence[int], args: Mapping[str, Any]) -> bool:
        """Also descriptors, which stay the caller's, and other values than numbers."""
        return self._channel.fileno() >= 0 and self._channel.send(op, fds, **args)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self, reason: str) -> None:
        """SIGKILL the worker alone: its helpers clean up behind it."""
        self.killed_because = self.killed_because or reason
        self._process.kill()

    def exit_info(self) -> ExitInfo | None:
        """How the process ended; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        return describe(code, killed_by_us=self.killed_because, oom=self.oom_kills.rose)

    async def reclaim(self, grace: float) -> bool:
        """After the end: let helpers leave, kill those that stay, remove shared memory.

        False if something could not be removed.
        """
        deadline = time.monotonic() + grace
        while (left := process.helpers(self.pid)) and time.monotonic() < deadline:
            await asyncio.sleep(_REAP_POLL)
        for helper in left:
            process.kill_one(helper.pid, helper.start)
        deadline = time.monotonic() + grace
        while (left := process.helpers(self.pid)) and time.monotonic() < deadline:
            await asyncio.sleep(_REAP_POLL)
        process.sweep_shm(self.shm_prefix)
        self._finish_logs()
        return not left

    def close(self) -> None:
        """Free all descriptors. Idempotent."""
        for fd in list(self._readers):
            self._forget(fd)
        self._leave()
        self._channel.close()
        self._process.close()

    def abandon(self) -> bool:
        """Emergency end from a failing supervisor: the kill order, blocking. False if it lives."""
        self._process.kill()
        deadline = time.monotonic() + 1.0
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(_REAP_POLL)
        gone = self._process.poll() is not None
        if gone:
            process.kill_leftovers(self.pid, self.start, self.shm_prefix, 1.0)
        self.close()
        return gone

    def _forget(self, fd: int) -> None:
        if self._readers.pop(fd, None) is not None:
            self._loop.remove_reader(fd)

    def _exited(self) -> None:
        self._forget(self._process.pidfd)
        # The last words (FATAL, the reason of a crash) may still lie in the channel and the pipe.
        self._read_channel()
        self._finish_logs()
        self._leave()
        self._on_exit()

    def _leave(self) -> None:
        """Nothing is sent to it, or expected of it, any more."""
        self.questions.end()
        if self.replica is not None:
            self.replica.end()
        if self.member is not None:
            self.member.end()

    def _read_log(self, fd: int) -> None:
        if self._logs[fd].read() < 0:
            self._forget(fd)

    def _finish_logs(self) -> None:
        for lines in self._logs.values():
            lines.finish()

    def _line(self, stream: str, line: str) -> None:
        self._tail.append(line)
        self._emit(line, stream)

    def _read_channel(self) -> None:
        if self._channel.fileno() not in self._readers:
            return
        try:
            while (message := self._channel.receive()) is not None:
                self._take(message)
        except ChannelClosed:
            self._forget(self._channel.fileno())
            self._loop.call_later(_CLOSED_GRACE, self._closed_but_alive)

    def _closed_but_alive(self) -> None:
        if self._process.pidfd in self._readers:
            self.kill("closed its control channel")

    def _take(self, message: Message) -> None:
        try:
            if self.questions.take(message):
                return
            if message.op in ("REPLICATE", "APPLIED") and self.replica is not None:
                self.replica.take(message)
            elif message.op in ("GATHER", "GATHERED") and self.member is not None:
                self.member.take(message)
            else:
                self._on_message(message)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._emit(f"(supervisor) bad {message.op!r} message: {error}", "supervisor")
        finally:
            message.close()
