"""`status --watch` on a terminal: redrawn in place, follows its size, and gives it back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import termios
from pathlib import Path

from instance import CLI, DEADLINE, environment, running, until

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"  # xterm's alternate screen
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"  # the cursor


class Terminal:
    """The user's side of a pseudo-terminal on which `command` runs."""

    def __init__(
        self, command: list[str], env: dict[str, str], columns: int, rows: int = 24
    ) -> None:
        self._rows = rows
        self._fd, theirs = os.openpty()
        self.shown = b""
        self.resize(columns)
        # A session of its own with the terminal: Ctrl-C goes to it and to nobody else.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**env, "TERM": "xterm-256color"},
            cwd="/",
        )
        os.close(theirs)
        os.set_blocking(self._fd, False)

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", self._rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def read(self) -> bytes:
        with contextlib.suppress(BlockingIOError, OSError):  # nothing, or nobody any more
            while piece := os.read(self._fd, 65536):
                self.shown += piece
        return self.shown

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        os.close(self._fd)


def test_a_terminal_is_redrawn_and_given_back(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        instance.wait_ready()
        watch = [*CLI, "status", "--watch=0.05"]
        terminal = Terminal(watch, environment(instance.root), columns=120)
        try:
            until(lambda: terminal.read().count(b"READY") >= 4, "two workers are drawn twice")
            assert terminal.shown.startswith(ENTER)
            assert HIDE in terminal.shown
            terminal.resize(40)
            seen = len(terminal.shown)
            until(lambda: b" " * 40 + b"\r\n" in terminal.read()[seen:], "it is drawn narrower")
            terminal.type(b"\x03")
            until(lambda: terminal.process.poll() is not None, "Ctrl-C ends it")
            assert terminal.process.returncode == 130
            assert terminal.read().rstrip().endswith(LEAVE)
            assert SHOW in terminal.shown
            assert b"Traceback" not in terminal.shown
        finally:
            terminal.close()


def test_a_low_terminal_tells_what_is_not_shown(tmp_path: Path) -> None:
    with running(tmp_path, "--devices=cpu:3") as instance:
        instance.wait_ready()
        watch = [*CLI, "status", "--watch=0.05"]
        terminal = Terminal(watch, environment(instance.root), columns=120, rows=5)
        try:
            until(lambda: b"not shown: 2 workers" in terminal.read(), "it is said")
            assert b"w0" in terminal.shown
        finally:
            terminal.close()
