"""Worker processes: spawn, signal, wait, kill in the right order, leave nothing behind.

Spawning happens on the main thread only (PDEATHSIG is bound to the spawning thread) and always by
exec, never by a bare fork: no lock and no CUDA state can be inherited. A worker leads its own
session, so a Ctrl-C in the terminal reaches the supervisor alone, and its helpers (the Python
backend's stubs) are found by their session after its death.

Kill order: only the worker first. Its helpers notice within 0.3 s, unlink their shared memory and
leave; killing them together with it would leak that memory. Stragglers follow after a second, and
then the worker's shared memory is swept by its name prefix.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from . import memory_file, procfs
from .program import module_command

#: Lines of a worker that wait for the supervisor; large, so that a short stall blocks nobody.
LOG_PIPE_BYTES = 1 << 20
_SHM = Path("/dev/shm")
_POLL = 0.02


class Process:
    """One spawned worker. Owns its pidfd and our ends of its pipes; `close()` frees them.

    `out_fd` and `log_fd` are its standard output and error.
    """

    def __init__(self, pid: int, start: int, pidfd: int, out_fd: int, log_fd: int) -> None:
        self.pid = pid
        self.start = start
        self.pidfd = pidfd
        self.out_fd = out_fd
        self.log_fd = log_fd
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return code (negative = signal) or None while it runs."""
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # somebody else in this process has waited for it
                self._code = 0
            else:
                self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def terminate(self) -> None:
        """SIGTERM. Nothing if it has ended."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, to the worker alone. Nothing if it has ended."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def close(self) -> None:
        for fd in (self.pidfd, self.out_fd, self.log_fd):
            if fd >= 0:
                os.close(fd)
        self.pidfd = self.out_fd = self.log_fd = -1


def spawn(command: Sequence[str], spec: str, fds: Iterable[int], env: Mapping[str, str]) -> Process:
    """Start a worker with `spec` readable on the descriptor given as its last argument.

    `fds` are inherited under their numbers. Raises OSError.
    """
    with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
        spec_fd = memory_file.create("worker-spec", spec.encode())
        theirs.callback(os.close, spec_fd)
        (out_read, out_write), (log_read, log_write) = _pipe(ours, theirs), _pipe(ours, theirs)
        popen = subprocess.Popen(
            [*command, "--spec-fd", str(spec_fd)],
            stdin=subprocess.DEVNULL,
            stdout=out_write,
            stderr=log_write,
            env=dict(env),
            pass_fds=[*fds, spec_fd],
            start_new_session=True,
        )
        pidfd = _pidfd(popen)
        ours.pop_all()
    popen.returncode = 0  # its `Process` waits for it, and no destructor may do so
    return Process(popen.pid, procfs.start_time(popen.pid), pidfd, out_read, log_read)


def _pidfd(popen: subprocess.Popen[bytes]) -> int:
    """Raises OSError, and then the process is gone: nobody would watch it."""
    try:
        return os.pidfd_open(popen.pid)
    except OSError:
        popen.kill()
        popen.wait()
        raise


def _pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, int]:
    """A large pipe whose read end does not block; the stacks close the ends."""
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    ours.callback(os.close, read_fd)
    theirs.callback(os.close, write_fd)
    with contextlib.suppress(OSError):  # above the user's pipe quota: the default size stays
        fcntl.fcntl(write_fd, fcntl.F_SETPIPE_SZ, LOG_PIPE_BYTES)
    os.set_blocking(read_fd, False)
    return read_fd, write_fd


def worker_environment(visible: str, base: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker: ours, with exactly one device visible."""
    env = dict(base)
    env["CUDA_VISIBLE_DEVICES"] = visible
    env["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    return env


def default_command() -> tuple[str, ...]:
    """Starts the worker program of this very installation."""
    return module_command("worker")


def helpers(session: int) -> list[procfs.ProcStat]:
    """Live processes that a dead worker left in its session."""
    return [p for p in procfs.session_members(session) if p.pid != session and p.state not in "ZX"]


def kill_one(pid: int, start: int) -> None:
    """SIGKILL exactly the process that started at `start`, even if its pid is reused meanwhile."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if procfs.is_same(pid, start):
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    finally:
        os.close(pidfd)


def reap(keep: Iterable[int]) -> None:
    """Collect dead children that are no workers (adopted helpers). Never waits for any child.

    `keep` are the workers: their return codes belong to their own `Process`.
    """
    workers = set(keep)
    for child in procfs.children_of(os.getpid()):
        if child.state == "Z" and child.pid not in workers:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, os.WNOHANG)


def sweep_shm(prefix: str) -> list[str]:
    """Unlink shared memory whose name starts with `prefix`; returns the names."""
    if len(prefix) < 8 or "/" in prefix:
        raise ValueError(f"{prefix!r} is too short or no name to sweep by")
    removed = []
    with contextlib.suppress(OSError):
        for name in os.listdir(_SHM):
            if name.startswith(prefix):
                with contextlib.suppress(OSError):
                    os.unlink(_SHM / name)
                    removed.append(name)
    return removed


def shm_bytes(prefix: str) -> int:
    """Bytes of shared memory under names that start with `prefix`."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(_SHM) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def kill_leftovers(pid: int, start: int, prefix: str, grace: float) -> list[str]:
    """The whole kill order for a worker of a dead supervisor (blocking; at most 2 grace + 1 s).

    Returns the shared memory names that had to be removed.
    """
    if not is_gone_within(pid, start, grace):
        kill_one(pid, start)
        is_gone_within(pid, start, 1.0)
    # With another start time the pid is somebody else's now, which it cannot be while our session
    # of that number has members. (The worker itself may be a zombie that nobody reaps.)
    if procfs.start_time(pid) in (0, start):
        deadline = time.monotonic() + grace
        while (left := helpers(pid)) and time.monotonic() < deadline:
            time.sleep(_POLL)
        for helper in left:
            kill_one(helper.pid, helper.start)
    return sweep_shm(prefix)


def is_gone_within(pid: int, start: int, seconds: float) -> bool:
    """Wait until the process is gone, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while procfs.is_same(pid, start):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)
    return True
