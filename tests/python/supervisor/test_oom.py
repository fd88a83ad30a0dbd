"""Which counter tells of kills for memory, and for how long a kill explains a worker's end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tritonfrontend.supervisor.system import oom
from tritonfrontend.supervisor.system.oom import OomKills

V2_MOUNTS = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNTS = (
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
)
CONTAINER = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"


@pytest.mark.parametrize(
    ("mounts", "groups", "expected"),
    [
        (V2_MOUNTS, "0::/a.slice/b.service\n", ["/sys/fs/cgroup/a.slice/b.service/memory.events"]),
        (V2_MOUNTS, "0::/\n", ["/sys/fs/cgroup//memory.events"]),
        (
            V1_MOUNTS,
            "4:memory:/a/b\n1:cpu:/\n0::/\n",
            [
                "/sys/fs/cgroup/memory/a/b/memory.oom_control",
                "/sys/fs/cgroup/unified//memory.events",
            ],
        ),
        (CONTAINER, "4:memory:/docker/abc\n", ["/sys/fs/cgroup/memory//memory.oom_control"]),
        (CONTAINER, "4:memory:/docker/abc/d\n", ["/sys/fs/cgroup/memory/d/memory.oom_control"]),
        (CONTAINER, "4:memory:/\n", ["/sys/fs/cgroup/memory//memory.oom_control"]),
        ("", "", []),
        ("rubbish\n - \n1 2 3 - cgroup2\n", "rubbish\n", []),
    ],
)
def test_files_of_the_memory_group(mounts: str, groups: str, expected: list[str]) -> None:
    assert oom._group_files(mounts, groups) == expected


def test_the_machine_counts_where_no_group_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"/proc/vmstat": "pgpgin 5\noom_kill 7\n"}
    monkeypatch.setattr(oom, "_text", lambda path: files.get(path, ""))
    assert oom.count() == 7
    files["/proc/self/mountinfo"], files["/proc/self/cgroup"] = V2_MOUNTS, "0::/a\n"
    files["/sys/fs/cgroup/a/memory.events"] = "low 0\noom 3\noom_kill 2\noom_group_kill 0\n"
    assert oom.count() == 2
    files.clear()
    assert oom.count() == 0


def test_a_kill_explains_ends_of_the_next_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    kills = 3
    monkeypatch.setattr(oom, "count", lambda: kills)
    worker = OomKills()
    assert not worker.rose
    kills = 4
    worker.look(kills)
    assert worker.rose, "it takes a while to end"
    for _ in range(5):
        worker.look(kills)
    assert not worker.rose, "that one was somebody else"
    assert OomKills(before=3).rose
