"""Figures and lists as a person reads them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_NAMES_SHOWN = 4


def names(shown: Sequence[str], total: int) -> str:
    """A short enumeration: "a, b, c, d and 6 more"."""
    head = list(shown[:_NAMES_SHOWN])
    rest = max(total, len(shown)) - len(head)
    return ", ".join(head) + (f" and {rest} more" if rest > 0 else "")


def duration(seconds: float | None) -> str:
    """Two units at most: 7s, 3m12s, 5h03m, 2d4h."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def size(count: int | None) -> str:
    """Binary units: 812 MiB, 1.5 GiB."""
    if count is None:
        return "-"
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
