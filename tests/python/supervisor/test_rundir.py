"""The run directory: who may have it, how it is found, and what killed instances left."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from instance import until

from tritonfrontend.supervisor.instance import leftovers, registry, rundir
from tritonfrontend.supervisor.system import process, procfs


def identity(path: Path, **ports: int) -> registry.Identity:
    return registry.Identity("one", "id", os.getpid(), 1, str(path), ports)


def test_run_directory_is_exclusive_and_findable(tmp_path: Path) -> None:
    base = tmp_path / "base"
    with rundir.start_lock(base):
        held = rundir.acquire(base, "one", "")
        held.write_identity(identity(held.path, http=8123))
        with pytest.raises(rundir.RunDirError, match="instance one is already running"):
            rundir.acquire(base, "one", "")
        with pytest.raises(rundir.RunDirError, match="instance one is already running"):
            rundir.acquire(base, "other", str(held.path))
        with pytest.raises(rundir.RunDirError, match="instance one is already running"):
            rundir.acquire(base, "one", str(tmp_path / "elsewhere"))
        owner = registry.port_owner(base, 8123)
        assert owner is not None
        assert owner.name == "one"
        assert registry.port_owner(base, 8124) is None
    held.close()
    assert registry.instances(base) == []
    assert [path.name for path in base.iterdir()] == ["start.lock"]


def test_stale_directories_are_cleaned(tmp_path: Path) -> None:
    base = tmp_path / "base"
    stale = base / "dead"
    stale.mkdir(parents=True, mode=0o700)
    (stale / "lock").write_text("{}")
    (stale / "control.sock").touch()
    (stale / "workers.json").write_text("not json")
    (base / "link").symlink_to(tmp_path / "gone")
    base.chmod(0o700)
    with rundir.start_lock(base):
        leftovers.sweep_stale(base)
    assert [path.name for path in base.iterdir()] == ["start.lock"]


def test_pids_of_another_boot_or_process_are_left_alone(tmp_path: Path) -> None:
    """Our own pid with a wrong start time, and with the right one under another boot."""
    for boot, start in (
        (procfs.boot_id(), 1),
        ("other", procfs.start_time(os.getpid())),
    ):
        record = {"pid": os.getpid(), "start": start, "shm_prefix": "tfe-none-such-"}
        (tmp_path / "workers.json").write_text(json.dumps({"boot": boot, "workers": [record]}))
        leftovers.sweep(tmp_path)


def test_what_is_left_stays_recorded(tmp_path: Path) -> None:
    run_dir = rundir.acquire(tmp_path, "one", "")
    run_dir.write_workers([])
    run_dir.keep()
    run_dir.close()
    assert (run_dir.path / "workers.json").exists()


def test_unusable_directories_are_refused(tmp_path: Path) -> None:
    base = tmp_path / "base"
    with rundir.start_lock(base):
        wide = tmp_path / "wide"
        wide.mkdir(mode=0o755)
        with pytest.raises(rundir.RunDirError, match="open to other users"):
            rundir.acquire(base, "one", str(wide))
        file = tmp_path / "file"
        file.touch()
        with pytest.raises(rundir.RunDirError, match="not a directory"):
            rundir.acquire(base, "one", str(file))
        with pytest.raises(rundir.RunDirError, match="longer than"):
            rundir.acquire(base, "one", str(tmp_path / ("x" * 120)))


def test_a_directory_of_ones_own_does_not_hide_a_base_that_is_unsafe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert rundir.usable_base("") == tmp_path / "tritonfrontend"
    (tmp_path / "tritonfrontend").chmod(0o755)
    with pytest.raises(rundir.RunDirError, match="open to other users"):
        rundir.usable_base(str(tmp_path / "own"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc")
    assert rundir.usable_base(str(tmp_path / "own")) is None


def test_a_lock_that_cannot_be_made_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*given: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    (tmp_path / "own").mkdir(mode=0o700)
    monkeypatch.setattr(os, "open", read_only)
    for base, explicit in ((tmp_path / "own", ""), (None, str(tmp_path / "own"))):
        with (
            pytest.raises(rundir.RunDirError, match="own: Read-only file system"),
            rundir.start_lock(base),
        ):
            rundir.acquire(base, "one", explicit)


def test_shared_memory_is_swept_by_a_real_prefix_only() -> None:
    for bad in ("", "tfe-", "a/b/c/d/e/f"):
        with pytest.raises(ValueError, match="sweep"):
            process.sweep_shm(bad)


def test_a_worker_that_cannot_be_watched_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for lack of descriptors: the next try must not have even fewer."""
    started = []

    def none_left(pid: int) -> int:
        started.append(pid)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", none_left)
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="Too many open files"):
        process.spawn(["/bin/sleep", "60"], "{}", (), {})
    until(lambda: set(os.listdir("/proc/self/fd")) == before, "nothing of it is open")
    (pid,) = started
    assert procfs.stat(pid) is None
