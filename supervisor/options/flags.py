"""The flags of `serve` that end in options of the core or of a frontend: parsing and collecting."""

from __future__ import annotations

import argparse
import dataclasses
import enum
from typing import Any

from ... import KServeGrpc, KServeHttp, SageMaker, VertexAI, inprocess
from .cloud_flags import CLOUD_FLAGS
from .core_flags import CORE_FLAGS
from .flag import Flag, boolean, natural, seconds
from .grpc_flags import GRPC_FLAGS
from .http2_flags import HTTP2_FLAGS
from .http_flags import HTTP_FLAGS

FLAGS: tuple[Flag, ...] = (*CORE_FLAGS, *HTTP_FLAGS, *GRPC_FLAGS, *HTTP2_FLAGS, *CLOUD_FLAGS)

_OPTIONS: dict[str, Any] = {
    "core": inprocess.Options,
    "http": KServeHttp.Options,
    "grpc": KServeGrpc.Options,
    "sagemaker": SageMaker.Options,
    "vertex-ai": VertexAI.Options,
}

#: Names of the frontends that workers run, as in their ports' names.
FRONTENDS = ("http", "grpc", "sagemaker", "vertex-ai")

_TITLES = {
    "core": "Triton core (as for tritonserver)",
    "trace": "tracing",
    "http": "HTTP frontend",
    "grpc": "gRPC frontend",
    "sagemaker": "SageMaker frontend (takes the limits of the HTTP frontend too)",
    "vertex-ai": "Vertex AI frontend (takes the limits of the HTTP frontend too)",
}

_METAVARS: dict[Any, str] = {boolean: "BOOL", natural: "N", seconds: "S", str: "TEXT"}


def add(parser: argparse.ArgumentParser) -> None:
    """Add all flags to `parser`, grouped by what they configure."""
    groups = {target: parser.add_argument_group(title) for target, title in _TITLES.items()}
    for flag in FLAGS:
        group = groups[flag.target]
        metavar = _METAVARS.get(flag.read, "VALUE")
        text = _described(flag).replace("%", "%%")
        if flag.style == "set":
            optional: Any = {"nargs": "?", "const": True} if flag.read is boolean else {}
            group.add_argument(
                flag.name, dest=flag.dest, type=flag.read, help=text, metavar=metavar, **optional
            )
        else:
            group.add_argument(
                flag.name,
                dest=flag.dest,
                action="append",
                type=flag.read,
                help=text,
                metavar=metavar,
            )


def _described(flag: Flag) -> str:
    """Its help with a default: the one that its author put into words, or what the option has."""
    if "default" in flag.help:
        return flag.help
    if flag.style != "set":
        return f"{flag.help} (default: none)"
    for field in dataclasses.fields(_OPTIONS[flag.target]):
        if field.name == flag.key:
            return f"{flag.help} (default {_shown(flag, field.default)})"
    return flag.help


def _shown(flag: Flag, value: Any) -> str:
    if isinstance(value, enum.Enum):
        return value.name.lower()
    return "none" if value is dataclasses.MISSING else flag.typed(value)


def collect(arguments: argparse.Namespace, target: str) -> dict[str, Any]:
    """The given flags of one target as keyword arguments. SpecError for a malformed list item."""
    values: dict[str, Any] = {}
    for flag in FLAGS:
        given = getattr(arguments, flag.dest)
        if given is not None and _means(flag, target):
            values[flag.key] = flag.convert(given)
    return values


def name_of(target: str, key: str) -> str:
    """The flag that a user knows for a field of a frontend's options; "" if there is none."""
    return next((flag.name for flag in FLAGS if flag.key == key and _means(flag, target)), "")


def _means(flag: Flag, target: str) -> bool:
    """Does its value go to that frontend, or to the core?"""
    if flag.target == target or (target == "grpc" and flag.everywhere):
        return True
    return target in ("sagemaker", "vertex-ai") and flag.shared
