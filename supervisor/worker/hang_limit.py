"""When a model that answers nothing counts as hung. Pure: the caller brings the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .core import Busy
from .latency import LatencyWindow

AUTO = "auto"
#: Of "auto": silence that is never too long, and how many times the usual latency is.
_LEAST = 30.0
_TIMES = 20.0
_USUAL = 0.99
#: Of a model that has not answered yet: its first inference may compile kernels for minutes, and
#: nothing tells that from a hang.
_FIRST = 300.0


class HangLimits:
    """Of the models of one worker. `setting`: seconds for all, 0 = never, or "auto": what follows
    from their own answers. `bounds`: of the buckets in which `learn` has them, in seconds.
    """

    def __init__(self, setting: float | str, bounds: Sequence[float]) -> None:
        self._fixed = None if setting == AUTO else float(setting)
        self._bounds = bounds
        self._windows: dict[str, LatencyWindow] = {}
        self._usual: dict[str, float] = {}

    @property
    def learns(self) -> bool:
        return self._fixed is None

    def learn(self, at: float, answers: Mapping[str, Sequence[int]]) -> None:
        """How many inferences each model has answered so far, by bucket."""
        for model, counts in answers.items():
            window = self._windows.setdefault(model, LatencyWindow(self._bounds))
            window.sample(at, counts)
            # While it answers nothing, what was usual before still is.
            self._usual[model] = window.quantile(_USUAL) or self._usual.get(model, 0.0)

    def of(self, model: str) -> float:
        """Seconds; 0: never."""
        if self._fixed is not None:
            return self._fixed
        usual = self._usual.get(model)
        return _FIRST if usual is None else max(_LEAST, _TIMES * usual)

    def hung(self, busy: Iterable[Busy]) -> dict[str, str]:
        """Models that are silent for longer, with what to say."""
        text = "hung: {} in flight, nothing answered for {:.0f} s"
        return {
            each.model: text.format(each.in_flight, each.silent)
            for each in busy
            if 0 < self.of(each.model) < each.silent
        }
