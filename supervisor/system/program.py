"""Programs of this installation: how they are started, and how one is asked something."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from types import TracebackType

_SUPERVISOR = __name__.rpartition(".")[0].rpartition(".")[0]  # the package of all programs


def module_command(name: str) -> tuple[str, ...]:
    """Starts a module or package of the supervisor, by its name in it.

    `python -m` alone would first look in the current directory, where a source checkout (without
    the native module) may lie. Python 3.10 has no -P for that.
    """
    module = f"{_SUPERVISOR}.{name}"
    if sys.version_info >= (3, 11):
        return (sys.executable, "-P", "-m", module)
    code = f"import runpy,sys;sys.path.pop(0);runpy.run_module({module!r},run_name='__main__')"
    return (sys.executable, "-c", code)


class Asked:
    """A child in a session of its own, of which only what it says counts. `with` waits for its end.

    Its exit code may be collected by whoever reaps orphans.
    """

    def __init__(self, command: Sequence[str], fds: Iterable[int]) -> None:
        """`fds` are inherited under their numbers. Raises OSError."""
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=list(fds),
            start_new_session=True,
        )
        assert self._child.stdout is not None
        self._pipe = self._child.stdout
        os.set_blocking(self._pipe.fileno(), False)

    def __enter__(self) -> Asked:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.__exit__(kind, error, trace)

    @property
    def ended(self) -> bool:
        return self._child.poll() is not None

    def read(self) -> bytes:
        """What it has said since, on either stream. Never waits."""
        return self._pipe.read() or b""

    def kill(self) -> None:
        self._child.kill()
