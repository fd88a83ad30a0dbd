"""Custom metrics in the core's registry, which is one per process and shown by every server."""

from __future__ import annotations

from .. import _native
from .._core import library
from .checks import enum_member, texts
from .enums import MetricKind

__all__ = ["Metric", "MetricFamily"]


class MetricFamily:
    """A named group of metrics that differ in their labels.

    The same name and kind again means the same family; the same name with another kind raises
    InvalidArgumentError.
    """

    def __init__(self, kind: MetricKind, name: str, description: str) -> None:
        number = enum_member("kind", kind, MetricKind)
        self._native = _native.MetricFamily.create(library().native, number, name, description)

    @property
    def kind(self) -> MetricKind:
        """COUNTER or GAUGE."""
        return MetricKind(self._native.kind)


class Metric:
    """One number of a family. Keeps its family."""

    def __init__(self, family: MetricFamily, labels: dict[str, str] | None = None) -> None:
        pairs = list(texts("labels", labels or {}).items())
        self._native = _native.Metric.create(family._native, pairs)

    def increment(self, value: float) -> None:
        """Add `value`, which may be negative for a gauge only."""
        self._native.increment(value)

    def set_value(self, value: float) -> None:
        """Set a gauge. UnsupportedError for a counter."""
        self._native.set(value)

    @property
    def value(self) -> float:
        """The number now."""
        return self._native.value()

    @property
    def kind(self) -> MetricKind:
        """COUNTER or GAUGE."""
        return MetricKind(self._native.kind)
