"""Messages into the core's log, which is one per process."""

from __future__ import annotations

import sys

from .. import _native
from .._core import library
from .checks import enum_member
from .enums import LogLevel

__all__ = ["LogLevel", "LogMessage"]


def LogMessage(level: LogLevel, message: str) -> None:
    """Write one record, under file and line of the program's outermost frame."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
    number = enum_member("level", level, LogLevel)
    path, line = frame.f_code.co_filename, frame.f_lineno
    _native.log_message(library().native, number, path, line, message)
