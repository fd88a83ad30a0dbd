"""Runs one long command of the Makefile: its output goes to a log, its progress to the terminal.

    python3 tools/run_step.py "[3/4] package" build/logs/package.log -- pip install .

Prints the label, counters such as ninja's ``[12/80]``, and how long it took. When the command
fails the end of the log is printed and its exit code is ours. Python 3.10, nothing installed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

# ninja: "[12/80] Building ..."; ctest: " 12/80 Test #12: ...".
COUNTER = re.compile(r"^\s*\[?(\d+)/(\d+)(?:\]| Test)")
TAIL_LINES = 60
# Without a terminal a counter is a line of its own; this many are enough to see that it moves.
PLAIN_UPDATES = 5


class Progress:
    """Writes counters: in place on a terminal, a few lines otherwise."""

    def __init__(self, label: str, terminal: bool) -> None:
        self._label = label
        self._terminal = terminal
        self._shown = 0

    def begin(self) -> None:
        print(f"{self._label} ...", end="" if self._terminal else "\n", flush=True)

    def update(self, line: str) -> None:
        """Shows the counter of ``line``, if it has one."""
        match = COUNTER.match(line)
        if match is None:
            return
        done, total = int(match[1]), int(match[2])
        if self._terminal:
            print(f"\r{self._label} ... {done}/{total}   ", end="", flush=True)
        elif total >= PLAIN_UPDATES and done * PLAIN_UPDATES // total != self._shown:
            self._shown = done * PLAIN_UPDATES // total
            print(f"{self._label} ... {done}/{total}", flush=True)

    def end(self, outcome: str) -> None:
        start = "\r" if self._terminal else ""
        print(f"{start}{self._label} ... {outcome}          ".rstrip(), flush=True)


def run(command: list[str], log: Path, progress: Progress) -> int:
    """Runs ``command``, copies its output to ``log`` and returns its exit code."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # ninja hides its counter in a pipe unless told otherwise.
    environment = {**os.environ, "NINJA_STATUS": "[%f/%t] ", "PYTHONUNBUFFERED": "1"}
    with (
        log.open("w", buffering=1) as file,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            progress.update(line)
    return process.returncode


def tail(log: Path) -> str:
    with log.open(errors="replace") as file:
        return "".join(deque(file, TAIL_LINES))


def main(arguments: list[str]) -> int:
    if len(arguments) < 4 or arguments[2] != "--":
        print("usage: run_step.py LABEL LOG -- COMMAND...", file=sys.stderr)
        return 2
    label, log, command = arguments[0], Path(arguments[1]), arguments[3:]
    progress = Progress(label, sys.stdout.isatty())
    progress.begin()
    start = time.monotonic()
    try:
        code = run(command, log, progress)
    except OSError as error:
        progress.end("failed")
        print(f"run_step: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    if code == 0:
        progress.end(f"done in {time.monotonic() - start:.0f} s")
        return 0
    progress.end(f"failed with exit code {code}; the end of {log}:")
    print(tail(log), file=sys.stderr, flush=True)
    return code if code > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
