"""Checks the options of the core and of the frontends with their own rules, and all options against
the devices that there are, before any start.

The classes are those that a worker uses, so a value that passes here passes there. Making them
loads neither Triton nor CUDA.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ... import KServeGrpc, KServeHttp, SageMaker, VertexAI, inprocess
from ..options.flags import name_of
from ..options.repositories import check_gpus, check_paths, repository_models
from ..options.spec import Device, ServeOptions, SpecError
from ..protocol.worker_spec import worker_spec
from ..worker.core_options import core_options
from .named_files import check_files

KINDS: Mapping[str, Any] = {
    "http": KServeHttp,
    "grpc": KServeGrpc,
    "sagemaker": SageMaker,
    "vertex-ai": VertexAI,
}


def check(options: ServeOptions) -> None:
    """Raises SpecError for the first option that a worker would refuse."""
    for port in options.worker_ports:
        given = dict(options.frontends.get(port.name, {}))
        grpc = given.pop("grpc", None)
        if grpc is not None:
            _make("grpc", grpc)
        _make(port.name, given)
    check_files(options)
    spec = worker_spec(options, "check", 0, 0, Device("cpu", 0), {}, -1)
    try:
        core_options(inprocess, spec)
    except (ValueError, TypeError, AttributeError) as error:
        raise SpecError("Triton core", str(error)) from None


def _make(target: str, given: Mapping[str, Any]) -> None:
    kind = KINDS[target]
    try:
        # The routes of a cloud frontend come from its platform's environment.
        getattr(kind.Options, "from_environment", kind.Options)(**given)
    except (ValueError, TypeError) as error:
        raise _named(target, str(error), _culprit(target, given, str(error))) from None


def _culprit(target: str, given: Mapping[str, Any], text: str) -> str:
    """The flag that brings the error `text` about also alone; "" if none does."""
    kind = KINDS[target]
    for key, value in given.items():
        try:
            getattr(kind.Options, "from_environment", kind.Options)(**{key: value})
        except (ValueError, TypeError) as error:
            if str(error) == text:
                return name_of(target, key)
    return ""


def _named(target: str, text: str, culprit: str) -> SpecError:
    """`KServeHttp.Options.max_body_size: ...` by the flag that a user knows."""
    field, colon, problem = text.partition(": ")
    if colon and (name := name_of(target, field.rpartition(".")[2])):
        return SpecError(name, problem)
    return SpecError(culprit or f"{target} frontend", text)


def check_devices(options: ServeOptions, chosen: Sequence[Device]) -> None:
    """Raises SpecError for what cannot work with a worker on each of the `chosen` devices."""
    if options.min_ready > len(chosen):
        text = f"{options.min_ready} of {len(chosen)} workers cannot be"
        raise SpecError("--min-ready", text)
    core = {**options.core, "model_repository": options.model_repository}
    models = repository_models(core)
    problems = check_paths(options.model_repository, models)
    if any(device.kind == "gpu" for device in chosen):
        problems += check_gpus(options.model_repository, models)
    if problems:
        raise SpecError("--model-repository", "; ".join(map(str, problems)))
