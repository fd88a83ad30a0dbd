"""Where settings of `serve` come from, and which one counts.

    flag  >  TRITONFRONTEND_<FLAG>  >  variables of the platform  >  file of --config  >  default

A list of a higher source replaces that of a lower one. Every value is read by the same rule of its
flag, whatever its source; all problems of environment and file are told at once, each by the place
where a user can correct it.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import flag, flags, platform, serve_flags, toml_file
from .spec import SpecError

PREFIX = "TRITONFRONTEND_"
#: Variables that begin like ours and are no settings of `serve`.
_OTHER_VARIABLES = re.compile(r"TRITONFRONTEND_(LIBRARY|TEST_.*)")
#: What Kubernetes puts into a pod beside a service named `tritonfrontend...`.
_KUBERNETES = re.compile(r".*_SERVICE_(HOST|PORT)(_.*)?|.*_PORT_\d+_(TCP|UDP|SCTP)(_.*)?")
_KUBERNETES_URL = re.compile(r"(tcp|udp|sctp)://.*")

_STYLES = {each.dest: each.style for each in flags.FLAGS}


class SettingsError(SpecError):
    """One or more settings are wrong; one line each."""

    def __init__(self, problems: Sequence[SpecError]) -> None:
        ValueError.__init__(self, "\n".join(map(str, problems)))
        self.field = problems[0].field
        self.problems = tuple(problems)


@dataclass
class Settings:
    """Values by destination, complete, and the place of each that is not a default by flag."""

    arguments: argparse.Namespace
    places: dict[str, str]

    def located(self, error: SpecError) -> str:
        """The text of `error`, naming the place where the value came from."""
        place = self.places.get(error.field)
        return str(error) if place is None else f"{place}{str(error)[len(error.field) :]}"


class _Layers:
    """Collects values from the highest source to the lowest; the first one counts."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.by_key = {
            name[2:]: action
            for action in parser._actions
            for name in action.option_strings
            if name.startswith("--") and action.dest != "help"
        }
        self.values: dict[str, Any] = {}
        self.places: dict[str, str] = {}
        self.problems: list[SpecError] = []

    def put(self, action: argparse.Action, value: Any, place: str) -> None:
        if action.dest not in self.values:
            self.values[action.dest] = value
            self.places[action.option_strings[0]] = place

    def take(self, key: str, place: str, words: Callable[[str], list[str]]) -> None:
        """One setting of environment or file; `words` gives it as a flag would have got it."""
        action = self.by_key.get(key)
        if action is None:
            self.problems.append(SpecError(place, unknown(key, self.by_key)))
            return
        style = _STYLES.get(action.dest, "list" if is_list(action) else "set")
        try:
            self.put(action, _convert(action, words(style)), place)
        except (ValueError, argparse.ArgumentTypeError) as error:
            self.problems.append(SpecError(place, str(error)))


def is_list(action: argparse.Action) -> bool:
    return isinstance(action, argparse._AppendAction)


def read(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """All settings of one `serve`. Raises SpecError; a bad flag ends the process with code 2."""
    parser = serve_flags.parser()
    defaults = {action.dest: action.default for action in parser._actions}
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    layers = _Layers(parser)
    _take_flags(parser, argv, layers)
    _take_environment(environ, layers)
    path = layers.values.get("config", "")
    content = toml_file.read(path) if path else {}
    _take_platform(parser, environ, content, layers)
    _take_file(path, content, layers)
    if layers.problems:
        raise SettingsError(layers.problems)
    values = {**defaults, **layers.values}
    values.pop("help", None)
    return Settings(argparse.Namespace(**values), layers.places)


def unknown(key: str, known: Iterable[str], dashes: str = "") -> str:
    """What to say of a name that does not exist."""
    names = sorted(known)
    wanted = key.replace("_", "-").lower()
    near = [wanted] if wanted in names else difflib.get_close_matches(wanted, names, 1, 0.6)
    return "there is no such setting" + (f"; did you mean {dashes}{near[0]}?" if near else "")


def _take_flags(
    parser: argparse.ArgumentParser, argv: Sequence[str], layers: _Layers, place: str = ""
) -> None:
    given, rest = parser.parse_known_args(argv)
    if rest:
        word = rest[0].partition("=")[0]
        if not word.startswith("--"):
            parser.error(f"unrecognized argument {rest[0]!r}")
        parser.error(f"{word}: {unknown(word[2:], layers.by_key, '--')}")
    for action in parser._actions:
        if hasattr(given, action.dest):
            value = getattr(given, action.dest)
            layers.put(action, value, place or action.option_strings[0])


def _take_environment(environ: Mapping[str, str], layers: _Layers) -> None:
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or not text or _OTHER_VARIABLES.fullmatch(name):
            continue
        if _KUBERNETES.fullmatch(name) or _KUBERNETES_URL.fullmatch(text):
            continue
        key = name[len(PREFIX) :].lower().replace("_", "-")
        layers.take(key, name, partial(_variable_words, text))


def _variable_words(text: str, style: str) -> list[str]:
    """A variable is one word, or a JSON array of words for a flag that can be repeated."""
    if style == "set" or not text.startswith("["):
        return [text]
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a JSON array: {error}") from None
    return toml_file.items(found, style)


def _take_platform(
    parser: argparse.ArgumentParser,
    environ: Mapping[str, str],
    content: Mapping[str, Any],
    layers: _Layers,
) -> None:
    name = layers.values.get("platform", content.get("platform", "auto"))
    given = [f"--platform={name}"]
    if "model_repository" in layers.values:
        given.append("--model-repository")
    place = "environment of the platform"
    _take_flags(parser, platform.arguments(environ, given), layers, place)


def _take_file(path: str, content: Mapping[str, Any], layers: _Layers) -> None:
    for key, value in content.items():
        place = f"{path}: {key}"
        if key == "config":
            layers.problems.append(SpecError(place, "a file cannot name another one"))
        elif isinstance(value, bool) and not _is_boolean(layers.by_key.get(key)):
            layers.problems.append(SpecError(place, "takes neither true nor false"))
        else:
            layers.take(key, place, partial(toml_file.items, value))


def _is_boolean(action: argparse.Action | None) -> bool:
    return action is None or action.type is flag.boolean


def _convert(action: argparse.Action, words: Sequence[str]) -> Any:
    read_one: Any = action.type or str
    values = [read_one(word) for word in words]
    for value in values:
        if action.choices is not None and value not in action.choices:
            raise ValueError(f"{value!r} is not one of {', '.join(map(str, action.choices))}")
    if is_list(action):
        return values
    (value,) = values
    return value
