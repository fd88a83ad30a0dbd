"""What /proc says about processes: start times, sessions, children. Read only.

A pid alone names nothing for long; (pid, start time) does, within one boot. All functions take a
vanished process as an answer, never as an error.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcStat:
    """The fields of /proc/PID/stat that we use. `start` counts clock ticks since boot."""

    pid: int
    state: str
    ppid: int
    session: int
    start: int


def stat(pid: int) -> ProcStat | None:
    rest = _stat_fields(pid)
    try:
        if rest is None:
            return None
        return ProcStat(pid, rest[0], int(rest[1]), int(rest[3]), int(rest[19]))
    except ValueError:
        return None


@dataclass(frozen=True)
class Usage:
    """What a process has used and holds. `cpus` is where it may run, as in `taskset -c`."""

    cpu_s: float
    threads: int
    fds: int
    cpus: str


def cpu_seconds(pid: int) -> float | None:
    """User and system time of all its threads; None if it is gone."""
    found = _stat_fields(pid)
    if found is None:
        return None
    return (int(found[11]) + int(found[12])) / os.sysconf("SC_CLK_TCK")


def usage(pid: int) -> Usage | None:
    """None if the process is gone. Some microseconds, and one more for each open descriptor."""
    found, cpu_s = _stat_fields(pid), cpu_seconds(pid)
    try:
        fds = len(os.listdir(f"/proc/{pid}/fd"))
        cpus = os.sched_getaffinity(pid)
    except OSError:
        return None
    if found is None or cpu_s is None:
        return None
    return Usage(cpu_s, int(found[17]), fds, ranges(cpus))


def ranges(numbers: Iterable[int]) -> str:
    """{0, 1, 2, 5} as "0-2,5"."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def _stat_fields(pid: int) -> list[str] | None:
    """The fields from the third one on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The command name in parentheses may itself hold spaces and parentheses.
    fields = text[text.rfind(")") + 2 :].split()
    return fields if len(fields) > 19 else None


def all_pids() -> list[int]:
    """Nothing if this process has no descriptor left to look with."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def session_members(session: int) -> list[ProcStat]:
    """Live processes and zombies of one session, its leader included."""
    members = []
    for pid in all_pids():
        info = stat(pid)
        if info is not None and info.session == session:
            members.append(info)
    return members


def children_of(parent: int) -> list[ProcStat]:
    """Direct children, zombies included."""
    found = (stat(pid) for pid in _child_pids(parent))
    return [info for info in found if info is not None and info.ppid == parent]


def _child_pids(parent: int) -> list[int]:
    """Candidates. The kernel's own list costs microseconds, a scan of /proc milliseconds."""
    pids: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{parent}/task"):
            text = Path(f"/proc/{parent}/task/{thread}/children").read_text()
            pids += [int(pid) for pid in text.split()]
    except OSError:  # kernels without CONFIG_PROC_CHILDREN, or a thread that just ended
        return all_pids()
    return pids


def is_same(pid: int, start: int) -> bool:
    """True if `pid` is still the live process that started at `start`."""
    info = stat(pid)
    return info is not None and info.start == start and info.state not in "ZX"


def start_time(pid: int) -> int:
    """Start time of a process in clock ticks since boot; 0 if it is gone."""
    info = stat(pid)
    return info.start if info else 0


def boot_id() -> str:
    """Distinguishes boots: recorded pids of an earlier boot mean nothing."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def rss_bytes(pid: int) -> int:
    """Resident memory; 0 if the process is gone. statm costs microseconds, smaps milliseconds."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def private_bytes_of_children(parent: int) -> int:
    """Resident memory of its live children that is neither of files nor shared: what they add to
    that of the parent, whose shared memory and libraries they map too.
    """
    total = 0
    for child in children_of(parent):
        try:
            words = Path(f"/proc/{child.pid}/statm").read_text().split()
            total += max(0, int(words[1]) - int(words[2]))
        except (OSError, ValueError, IndexError):  # it ended just now
            continue
    return total * os.sysconf("SC_PAGE_SIZE")
