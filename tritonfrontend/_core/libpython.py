"""Finds the shared libpython that the Python backend's helper program is linked to.

The interpreter itself may be statically linked, as Debian's is, and then the library is a package
of its own that may be missing.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

__all__ = ["find_libpython", "libpython_name", "python_version"]

_SYSTEM_DIRECTORIES = ("/usr/local/lib", "/usr/lib64", "/usr/lib", "/lib64", "/lib")


def python_version() -> str:
    """ "3.11" for this interpreter."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def libpython_name() -> str:
    """The library's SONAME."""
    return f"libpython{python_version()}.so.1.0"


def find_libpython() -> Path | None:
    """The directory that holds the library, or None."""
    name = libpython_name()
    for directory in _candidates():
        if directory and (Path(directory) / name).is_file():
            return Path(directory)
    return None


def _candidates() -> list[str]:
    multiarch = sysconfig.get_config_var("MULTIARCH")
    system = [f"{root}/{multiarch}" for root in ("/usr/local/lib", "/usr/lib", "/lib") if multiarch]
    return [
        str(sysconfig.get_config_var("LIBDIR") or ""),
        str(Path(sys.base_prefix) / "lib"),
        str(sysconfig.get_config_var("LIBPL") or ""),
        *os.environ.get("LD_LIBRARY_PATH", "").split(":"),
        *system,
        *_SYSTEM_DIRECTORIES,
        *_configured_directories(),
    ]


def _configured_directories() -> list[str]:
    """What /etc/ld.so.conf.d adds; the file format is one directory a line."""
    found: list[str] = []
    for path in sorted(Path("/etc/ld.so.conf.d").glob("*.conf")):
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:
            continue
        found += [line.strip() for line in lines if line.strip().startswith("/")]
    return found
