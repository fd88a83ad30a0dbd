"""Runs a Python script that uses fixed ports, in a network namespace of its own where possible.

A fresh namespace has every port free and none reachable from outside. It takes root, or a system
that allows user namespaces; elsewhere the script runs in the ordinary network and its ports have to
be replaced, see :func:`private_ports`.
"""

from __future__ import annotations

import functools
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

# A fresh namespace has its loopback interface down: SIOCSIFFLAGS with IFF_UP, see netdevice(7).
_LOOPBACK_UP = """\
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 1))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@functools.cache
def namespace_prefix() -> tuple[str, ...] | None:
    """The command prefix that enters a fresh network namespace, or None if none works here."""
    if shutil.which("unshare") is None:
        return None
    for prefix in (("unshare", "-n"), ("unshare", "-rn")):
        command = [*prefix, sys.executable, "-c", _LOOPBACK_UP, "-c", ""]
        if subprocess.run(command, capture_output=True, timeout=30).returncode == 0:
            return prefix
    return None


@functools.cache
def private_ports() -> tuple[int, int]:
    """(HTTP, gRPC): 8000 and 8001 where namespaces work, otherwise two that are free now."""
    if namespace_prefix() is not None:
        return 8000, 8001
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def run_script(
    source: str, *arguments: str, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Runs ``source`` with this interpreter; returns its exit code and output as text."""
    prefix = namespace_prefix()
    isolated = [] if prefix is None else [*prefix, sys.executable, "-c", _LOOPBACK_UP]
    interpreter = isolated or [sys.executable]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(source)
        return subprocess.run(
            [*interpreter, str(script), *arguments],
            capture_output=True, text=True, timeout=timeout, cwd=folder,
        )  # fmt: skip
