"""The helper program ("stub") of the Python backend: a start script for it, and a trial run.

The core starts one stub per Python model through bash. Two things it does not do: it does not find
libpython or the packages of a virtual environment, which the start script arranges; and it waits
for ever if the stub cannot start, which the trial run turns into an error. After a failed trial the
script is taken away, because a missing stub, unlike a broken one, is a clean error in the core.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from ..errors import UnavailableError
from .libpython import find_libpython, libpython_name, python_version
from .wheel import Wheel

__all__ = ["install_stub", "stub_error"]

_TRIAL_SECONDS = 10.0
# What a stub that was started without arguments says; nothing else proves that it can start.
_STARTED = re.compile(r"Expected \d+ arguments")
_NO_LIBRARY = re.compile(r"loading shared libraries: (\S+): cannot open")


def install_stub(wheel: Wheel, script: Path, private_bin: Path) -> str:
    """Write the start script and try it.

    Returns "" or the reason why no Python model can run; the script does not exist then.
    `private_bin` is an empty directory for a `python3` link if the interpreter's own lacks one.
    """
    stub = wheel.stub(python_version())
    if not stub.is_file():
        known = ", ".join(wheel.stub_versions())
        return f"the core has no stub for Python {python_version()}, only for {known}"
    if shutil.which("bash") is None:
        return "the core starts the stub through bash, which is not on PATH"
    script.write_text(_script(wheel, stub, _interpreter_directory(private_bin)))
    script.chmod(0o700)
    reason = _trial(script)
    if reason:
        script.unlink()
    return reason


def stub_error(reason: str, model: str) -> UnavailableError:
    """The error for a model that needs the Python backend when its stub cannot start."""
    return UnavailableError(
        f"model {model!r} needs the Python backend, which cannot start: {reason}"
    )


def _script(wheel: Wheel, stub: Path, interpreter: Path) -> str:
    libpython = find_libpython()
    libraries = [str(path) for path in (libpython, wheel.libraries) if path is not None]
    # The stub looks for python3 on PATH to find its prefix, hence the packages of a virtual
    # environment. It finds its other libraries relative to its real path.
    return "\n".join(
        (
            "#!/bin/sh",
            f"LD_LIBRARY_PATH={shlex.quote(':'.join(libraries))}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}",
            f'PATH={shlex.quote(str(interpreter))}:"$PATH"',
            "export LD_LIBRARY_PATH PATH",
            f'exec {shlex.quote(str(stub.resolve()))} "$@"',
            "",
        )
    )


def _interpreter_directory(private_bin: Path) -> Path:
    own = Path(sys.executable).parent if sys.executable else None
    if own is not None and (own / "python3").exists():
        return own
    if own is not None:
        (private_bin / "python3").symlink_to(sys.executable)
    return private_bin


def _trial(script: Path) -> str:
    try:
        done = subprocess.run(
            [str(script)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TRIAL_SECONDS,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return f"its stub did not answer within {_TRIAL_SECONDS:.0f} s"
    except OSError as error:
        return (
            f"its start script {script} cannot be executed ({error.strerror}); "
            "if the directory for temporary files is mounted noexec, set TMPDIR to another one"
        )
    if _STARTED.search(done.stdout):
        return ""
    missing = _NO_LIBRARY.search(done.stdout)
    if missing and missing[1].startswith("libpython"):
        return (
            f"the stub needs {libpython_name()}, which was not found; install the system package "
            f"libpython{python_version()}, or use a Python that was built with --enable-shared"
        )
    text = " ".join(done.stdout.split())[-500:] or f"exit status {done.returncode}"
    return f"its stub does not start: {text}"
