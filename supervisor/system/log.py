"""Output of the supervisor and of its workers. Nothing here can block a worker.

`Output` owns one thread that writes to stdout and stderr from a bounded queue. If the terminal or
the reader of our pipe is stuck, lines are dropped and counted, while the loop goes on emptying the
workers' pipes. `LineReader` turns a pipe of a worker into lines.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TextIO

from .signals import hold_stop_signals

#: Text waiting for a slow reader. At 100 bytes a line: some 40 000 lines.
MAX_QUEUED_BYTES = 4 << 20
#: A longer line is cut into pieces, so that binary rubbish cannot grow a buffer.
MAX_LINE_BYTES = 8192
TAIL_LINES = 40
#: Per worker. Nobody reads faster, and taking lines apart costs more than reading them.
MAX_BYTES_PER_SECOND = 4 << 20
_READ_BYTES = 65536

#: The stream of what the supervisor says itself.
SUPERVISOR = "supervisor"


def json_line(at: float, worker: int | None, stream: str, text: str) -> str:
    """{"time", "worker", "stream", "text"}; `time` is RFC 3339 in UTC with milliseconds."""
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    stamp = f"{seconds}.{int(at * 1000) % 1000:03}Z"
    return json.dumps({"time": stamp, "worker": worker, "stream": stream, "text": text})


def hold_standard_streams() -> None:
    """Where a launcher has closed standard input, output or error, what is written there is lost.
    Without this the next socket would get one of their numbers, and what is written.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for the whole process


class Output:
    """Ordered, non-blocking writes to stdout and stderr. Any thread may call `write` and `line`.

    `as_json`: everything becomes one JSON object per line on stderr.
    """

    def __init__(
        self, out: TextIO | None = None, err: TextIO | None = None, *, as_json: bool = False
    ) -> None:
        self._streams = {"out": out or sys.stdout, "err": err or sys.stderr}
        self._queue: deque[tuple[str, str]] = deque()
        self._queued = 0
        self._dropped = 0
        self._footer = ""
        self._closed = False
        self._writing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()
        self.as_json = as_json
        self.live = self._streams["err"].isatty() and not as_json
        self.color = self._streams["out"].isatty()

    def line(self, text: str, worker: int | None = None, stream: str = SUPERVISOR) -> None:
        """One line of a worker's `stream`, or of the supervisor, about a worker or all."""
        if self.as_json:
            self._queue_text("err", json_line(time.time(), worker, stream, text))
        elif stream != SUPERVISOR:
            self._queue_text("err", f"[w{worker}] {text}")
        else:
            about = "" if worker is None else f"w{worker}: "
            lines = text.splitlines() or [""]  # a reason may quote a model's traceback
            self._queue_text("err", "\n".join(f"[{SUPERVISOR}] {about}{line}" for line in lines))

    def write(self, text: str, stream: str = "err") -> None:
        """Queue whole lines (a newline is added), without a prefix."""
        if self.as_json:
            for line in text.splitlines():
                self.line(line)
        else:
            self._queue_text(stream, text)

    def _queue_text(self, stream: str, text: str) -> None:
        with self._wake:
            if self._queued + len(text) > MAX_QUEUED_BYTES:
                self._dropped += 1
                return
            self._queue.append((stream, text + "\n"))
            self._queued += len(text)
            self._wake.notify()

    def footer(self, text: str) -> None:
        """On a terminal, keep `text` as the last line, redrawn in place; "" removes it."""
        if not self.live or text == self._footer:
            return
        self._footer = text
        text = text[: shutil.get_terminal_size().columns - 1]  # a wrapped line cannot be redrawn
        with self._wake:
            if self._queue and self._queue[-1][0] == "footer":
                self._queue.pop()  # nobody saw it yet
            self._queue.append(("footer", text))
            self._wake.notify()

    def unwritten(self, seconds: float) -> list[tuple[str, str]]:
        """Lines that nobody has taken after at most `seconds`, with their streams."""
        deadline = time.monotonic() + seconds
        while True:
            with self._wake:
                left = [(stream, text) for stream, text in self._queue if stream != "footer"]
            if not (left or self._writing) or time.monotonic() >= deadline:
                return left
            time.sleep(0.005)

    def resume(self, lines: Iterable[tuple[str, str]]) -> None:
        """Lines that a predecessor could not write."""
        for stream, text in lines:
            self._queue_text(stream, text.removesuffix("\n"))

    def close(self, seconds: float = 2.0) -> None:
        """Write what is queued, waiting at most `seconds` for a stuck reader."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        hold_stop_signals()
        footer = ""
        while True:
            with self._wake:
                self._writing = False
                while not self._queue and not self._closed:
                    self._wake.wait()
                if not self._queue:
                    return
                stream, text = self._queue.popleft()
                self._writing = True
                self._queued -= 0 if stream == "footer" else len(text) - 1
                dropped, self._dropped = self._dropped, 0
            if dropped:
                text = f"{self._told(dropped)}\n{text}"
            try:
                footer = self._emit(stream, text, footer)
            except (OSError, ValueError):  # a closed pipe (`serve | head`), a full disk
                with self._wake:
                    self._dropped += dropped + 1

    def _told(self, dropped: int) -> str:
        text = f"{dropped} lines dropped: the output was blocked"
        return json_line(time.time(), None, SUPERVISOR, text) if self.as_json else f"({text})"

    def _emit(self, stream: str, text: str, footer: str) -> str:
        err = self._streams["err"]
        if footer:
            err.write("\r\x1b[K")
            err.flush()
        if stream == "footer":
            footer = text
        else:
            self._streams[stream].write(text)
            self._streams[stream].flush()
        if footer:
            err.write(footer)
            err.flush()
        return footer


class LineReader:
    """Reads one worker's non-blocking pipe. Used by the loop thread only; does not own the fd."""

    def __init__(
        self, fd: int, emit: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fd = fd
        self._emit = emit
        self._clock = clock
        self.rest = b""  # an unfinished line
        self._second = 0
        self._taken = 0
        self._dropped = 0

    def read(self) -> int:
        """Take what is there, one read at a time so that one worker cannot starve the loop.

        Returns the number of bytes; 0 if there are none now, -1 at the end of the pipe.
        """
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        if not data:
            self.flush()
            return -1
        if self._over_rate(len(data)):
            self._dropped += data.count(b"\n")
            return len(data)
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            self._line(line)
        while len(self.rest) > MAX_LINE_BYTES:
            self._line(self.rest[:MAX_LINE_BYTES])
            self.rest = self.rest[MAX_LINE_BYTES:]
        return len(data)

    def _over_rate(self, count: int) -> bool:
        """Would these bytes exceed the rate? A flood is thrown away unread, so that its writer is
        not slowed down to our speed.
        """
        second = int(self._clock())
        if second != self._second:
            if self._dropped:
                self._line(b"(%d lines dropped: too many at once)" % self._dropped)
            self._second, self._taken, self._dropped = second, 0, 0
        self._taken += count
        return self._taken > MAX_BYTES_PER_SECOND

    def finish(self) -> None:
        """The worker is dead: take what is left in the pipe, but no more than a pipe can hold
        (a helper that still writes must not keep us here).
        """
        for _ in range(64):
            if self.read() <= 0:
                break
        self.flush()

    def flush(self) -> None:
        if self.rest:
            self._line(self.rest)
            self.rest = b""

    def _line(self, raw: bytes) -> None:
        for start in range(0, max(len(raw), 1), MAX_LINE_BYTES):
            text = raw[start : start + MAX_LINE_BYTES].decode("utf-8", "replace").rstrip("\r")
            self._emit(text)
