"""Settings that differ are named by the flag that the user typed, once, where it matters."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import Any

import pytest

from tritonfrontend.supervisor.group.reload_plan import Change, plan
from tritonfrontend.supervisor.options import flags, serve_flags, settings
from tritonfrontend.supervisor.options.spec import ServeOptions

#: All frontends are on, and what other flags need is there.
BASE = (
    *("--allow-sagemaker", "--allow-vertex-ai", "--vertex-ai-port=8090"),
    *("--model-control-mode=explicit", "--restart-delay=2"),
)
#: Of the command line only: they say where settings come from.
SOURCES = {"--help", "--config", "--platform", "--sagemaker-safe-port-range"}
STYLES = {flag.name: flag.style for flag in flags.FLAGS}
BY_STYLE = {
    "nested": "n,k=v",
    "settings": "k=v",
    "sizes": "0:7",
    "fractions": "0:0.5",
    "resources": "r:7",
}
ACTIONS = {
    action.option_strings[0]: action
    for action in serve_flags.parser()._actions
    if action.option_strings[0] not in {*SOURCES, "-h"}
}


def options(tmp_path: Path, *argv: str) -> ServeOptions:
    argv = (f"--model-repository={tmp_path}", *argv)
    return serve_flags.serve_options(settings.read(argv, {}).arguments)


def changes(tmp_path: Path, old: tuple[str, ...], new: tuple[str, ...]) -> tuple[Change, ...]:
    return plan(options(tmp_path, *old), options(tmp_path, *new)).changes


def values(name: str, action: argparse.Action) -> list[str]:
    """One of them is not the default."""
    if name == "--model-repository":
        return ["/"]
    if name in STYLES and STYLES[name] != "set" and STYLES[name] != "list":
        return [BY_STYLE[STYLES[name]]]
    read: Any = action.type or str
    words = [*map(str, action.choices or ()), "true", "false", "none", "live", "low", "7", "x"]
    words += ["execution_count", "iso8601", "generate"]
    found = []
    for word in words:
        with contextlib.suppress(argparse.ArgumentTypeError, ValueError):
            read(word)
            found.append(word)
    return found


def changed(tmp_path: Path, name: str) -> tuple[str, Change]:
    """A value of the flag that is not its default, and the one change that it makes."""
    for value in values(name, ACTIONS[name]):
        with contextlib.suppress(ValueError):  # not what the flag takes
            if found := changes(tmp_path, BASE, (*BASE, f"{name}={value}")):
                assert len(found) == 1, found
                return value, found[0]
    raise AssertionError(f"{name}: no value makes a change")


@pytest.mark.parametrize("name", ACTIONS)
def test_one_flag_is_one_change(tmp_path: Path, name: str) -> None:
    value, change = changed(tmp_path, name)
    if STYLES.get(name) == "nested":
        name, value = f"{name}=n,k", "v"
    assert change.name == name
    if name != "--model-repository":  # a list with the one of `options`
        assert change.new == value


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ((), ("--sagemaker-thread-count=3", "--vertex-ai-thread-count=3"), []),
        (
            (),
            ("--http-max-inflight-requests=9",),
            ["--http-max-inflight-requests: default -> 9 (rolling restart)"],
        ),
        (
            ("--allow-http=false", "--allow-sagemaker"),
            ("--allow-http=false", "--allow-sagemaker", "--http-max-inflight-requests=9"),
            ["--http-max-inflight-requests: default -> 9 (rolling restart)"],
        ),
        (
            ("--log-format=iso8601",),
            ("--log-format=json",),
            ["--log-format: iso8601 -> json (full restart)"],
        ),
        (
            (),
            ("--log-format=iso8601",),
            ["--log-format: default -> iso8601 (rolling restart)"],
        ),
        (
            ("--grpc-on-http-port",),
            ("--grpc-on-http-port", "--grpc-max-tensors=9"),
            ["--grpc-max-tensors: default -> 9 (rolling restart)"],
        ),
        (
            ("--backend-config=python,a=1", "--backend-config=x,b=2"),
            ("--backend-config=python,a=3",),
            [
                "--backend-config=python,a: 1 -> 3 (rolling restart)",
                "--backend-config=x,b: 2 -> default (rolling restart)",
            ],
        ),
    ],
)
def test_what_is_told(
    tmp_path: Path, old: tuple[str, ...], new: tuple[str, ...], expected: list[str]
) -> None:
    assert [str(change) for change in changes(tmp_path, old, new)] == expected
