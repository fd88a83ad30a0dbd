"""Whether the kernel killed for memory: its counter of such kills, where we and our workers live.

That is the memory control group (version 2, memory.events, or version 1, memory.oom_control), or
the whole machine where there is no such group. Nothing names the victim; so the counter counts
against a worker only if it rose within the last seconds before its end.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

#: Looks to remember, one a second. A worker with much memory takes a while to end after its kill.
_REMEMBERED = 5


class OomKills:
    """The counter as one worker process sees it."""

    def __init__(self, before: int | None = None) -> None:
        """`before`: what it stood at, for a worker that runs already."""
        self._seen = deque([count() if before is None else before], maxlen=_REMEMBERED)

    @property
    def before(self) -> int:
        """What the counter stood at some seconds ago."""
        return self._seen[0]

    def look(self, now: int) -> None:
        """The counter stands at `now`. Call once a second."""
        self._seen.append(now)

    @property
    def rose(self) -> bool:
        """Somebody was killed for memory within the last seconds."""
        return count() > self.before


def count() -> int:
    """Processes that the kernel has killed for memory so far; 0 where it does not tell."""
    for path in _group_files(_text("/proc/self/mountinfo"), _text("/proc/self/cgroup")):
        found = _value(_text(path))
        if found is not None:
            return found
    return _value(_text("/proc/vmstat")) or 0


def _group_files(mounts: str, groups: str) -> list[str]:
    """Where our memory group may count, version 1 first: its controller is in one of the two."""
    paths = {}
    for line in groups.splitlines():  # cgroups(7): hierarchy:controllers:path
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            paths["cgroup"] = (path, "memory.oom_control")
        elif not controllers:
            paths["cgroup2"] = (path, "memory.events")
    found = {}
    for line in mounts.splitlines():  # proc_pid_mountinfo(5)
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in paths:
            continue
        if kind[0] == "cgroup" and "memory" not in kind[2].split(","):
            continue
        path, file = paths[kind[0]]
        root = fields[3].rstrip("/")
        inside = path[len(root) :] if (path + "/").startswith(root + "/") else path
        found[kind[0]] = f"{fields[4]}/{inside.strip('/')}/{file}"
    return [found[kind] for kind in ("cgroup", "cgroup2") if kind in found]


def _value(text: str) -> int | None:
    for row in text.splitlines():
        name, _, value = row.partition(" ")
        if name == "oom_kill" and value.strip().isdigit():
            return int(value)
    return None


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError):
        return ""
