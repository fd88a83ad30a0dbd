"""One metrics page out of many: Prometheus text of all workers, labelled and joined. Pure.

Works on lines, not on a full model of the format: eight workers' pages take milliseconds. Every
sample gets `worker="<slot>"` (and the device's UUID). Counters go on over a restart: a dead
worker's last values are kept as a base and added to its successor's, so `rate()` sees no reset;
gauges of a dead worker vanish.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_CUMULATIVE = ("counter", "histogram", "summary")

Key = tuple[str, str, str]  # family, sample name, labels


@dataclass
class Family:
    """All samples of one metric: (sample name, labels without braces, value text)."""

    name: str
    kind: str = "untyped"
    help: str = ""
    samples: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class FamilyState:
    """For another supervisor; see `Family`."""

    name: str
    kind: str
    help: str
    samples: list[tuple[str, str, str]]


@dataclass(frozen=True)
class MetricsState:
    """Last pages, and counters of dead workers: (family, sample, labels, value)."""

    pages: dict[int, list[FamilyState]]
    base: dict[int, list[tuple[str, str, str, float]]]
    shape: list[FamilyState]
    generation: dict[int, int]


def parse(text: str) -> dict[str, Family]:
    """Families of a page in their order. Lines that are no Prometheus text are left out."""
    families: dict[str, Family] = {}
    current: Family | None = None
    for line in text.splitlines():
        if line.startswith("# "):
            parts = line.split(None, 3)
            if len(parts) >= 3 and parts[1] in ("HELP", "TYPE"):
                current = families.setdefault(parts[2], Family(parts[2]))
                rest = parts[3] if len(parts) > 3 else ""
                if parts[1] == "HELP":
                    current.help = rest
                else:
                    current.kind = rest
            continue
        sample = _sample(line)
        if sample is None:
            continue
        if current is None or not sample[0].startswith(current.name):
            current = families.setdefault(sample[0], Family(sample[0]))
        current.samples.append(sample)
    return families


def _sample(line: str) -> tuple[str, str, str] | None:
    """(name, labels, value) of `name{labels} value [timestamp]`."""
    brace = line.find("{")
    if brace >= 0:
        end = line.rfind("}")  # a value holds no brace, a label's text may
        name, labels, rest = line[:brace], line[brace + 1 : end].rstrip(","), line[end + 1 :]
    else:
        name, _, rest = line.partition(" ")
        labels = ""
    words = rest.split()
    if not name.strip() or not words:
        return None
    try:
        float(words[0])
    except ValueError:
        return None
    return name.strip(), labels, words[0]


class Pages:
    """The last page of each slot, and what its dead workers had counted."""

    def __init__(self) -> None:
        self._pages: dict[int, dict[str, Family]] = {}
        self._base: dict[int, dict[Key, float]] = {}
        self._shape: dict[str, Family] = {}  # kind and help of families that only a base knows

    def saved(self, generation: Mapping[int, int]) -> MetricsState:
        """For `resume`, with the generation of each page."""
        return MetricsState(
            {slot: [_state(f) for f in page.values()] for slot, page in self._pages.items()},
            {slot: [(*key, v) for key, v in base.items()] for slot, base in self._base.items()},
            [_state(family) for family in self._shape.values()],
            dict(generation),
        )

    def resume(self, state: MetricsState) -> None:
        """Pages and counters of another supervisor of this instance."""
        for slot, families in state.pages.items():
            self._pages[slot] = {each.name: _family(each) for each in families}
        for slot, base in state.base.items():
            self._base[slot] = {(one, two, three): v for one, two, three, v in base}
        self._shape = {each.name: _family(each) for each in state.shape}

    def update(self, slot: int, text: str) -> None:
        self._pages[slot] = parse(text)

    def fold(self, slot: int) -> None:
        """The worker of `slot` is gone: its counters become the base of its successor's."""
        page = self._pages.pop(slot, {})
        base = self._base.setdefault(slot, {})
        for family in page.values():
            self._shape[family.name] = Family(family.name, family.kind, family.help)
            for name, labels, value in family.samples:
                if _adds_up(family.kind, labels):
                    key = (family.name, name, labels)
                    base[key] = base.get(key, 0.0) + float(value)

    def render(self, labels: Mapping[int, Mapping[str, str]], own: Iterable[Family] = ()) -> str:
        """The joined page. `labels` by slot, in slot order; `own` are the supervisor's metrics."""
        joined: dict[str, Family] = {}
        for slot, extra in labels.items():
            suffix = ",".join(f'{key}="{escape(value)}"' for key, value in extra.items())
            for family in self._continued(slot):
                target = joined.setdefault(
                    family.name, Family(family.name, family.kind, family.help)
                )
                for name, existing, value in family.samples:
                    target.samples.append((name, _join(existing, suffix), value))
        lines: list[str] = []
        for family in [*joined.values(), *own]:
            lines += _lines(family)
        return "\n".join(lines) + "\n" if lines else ""

    def _continued(self, slot: int) -> list[Family]:
        """The slot's page with its base added."""
        page, base = self._pages.get(slot, {}), self._base.get(slot)
        if not base:
            return list(page.values())
        left = dict(base)
        families: dict[str, Family] = {}
        for family in page.values():
            copy = families[family.name] = Family(family.name, family.kind, family.help)
            for name, labels, value in family.samples:
                before = left.pop((family.name, name, labels), None)
                text = value if before is None else _number(float(value) + before)
                copy.samples.append((name, labels, text))
        for (family_name, name, labels), total in left.items():
            shape = self._shape[family_name]
            family = families.setdefault(family_name, Family(shape.name, shape.kind, shape.help))
            family.samples.append((name, labels, _number(total)))
        return list(families.values())


def escape(value: str) -> str:
    """A label's value as the text format wants it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _state(family: Family) -> FamilyState:
    return FamilyState(family.name, family.kind, family.help, list(family.samples))


def _family(state: FamilyState) -> Family:
    return Family(state.name, state.kind, state.help, list(state.samples))


def _adds_up(kind: str, labels: str) -> bool:
    """Gauges do not, and the quantiles of a summary do not."""
    return kind in _CUMULATIVE and not (kind == "summary" and 'quantile="' in labels)


def _join(existing: str, suffix: str) -> str:
    # Triton's GPU metrics have the label gpu_uuid themselves; a label may occur only once.
    parts = [
        part for part in suffix.split(",") if part and part.split("=")[0] + "=" not in existing
    ]
    return ",".join([existing, *parts] if existing else parts)


def _lines(family: Family) -> list[str]:
    lines = []
    if family.help:
        lines.append(f"# HELP {family.name} {family.help}")
    if family.kind != "untyped":
        lines.append(f"# TYPE {family.name} {family.kind}")
    for name, labels, value in family.samples:
        lines.append(f"{name}{{{labels}}} {value}" if labels else f"{name} {value}")
    return lines


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
