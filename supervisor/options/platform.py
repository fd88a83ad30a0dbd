"""What a cloud platform's container tells `serve` through its environment, as arguments.

They come before those of the command line, so that whatever a user types wins. Vertex AI is
recognised by AIP_MODE, as by `tritonserver`; SageMaker has to be named (`--platform=sagemaker`),
because its variables are set in containers that do other things too.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence

from ..._cloud_env import check_safe_ports, sagemaker_arguments, vertex_ai_arguments
from ...errors import InvalidArgumentError
from .spec import ServeOptions, SpecError

PLATFORMS = ("auto", "none", "sagemaker", "vertex-ai")

#: The one of this process, "" until it is needed.
_empty_folder = ""


def arguments(environ: Mapping[str, str], given: Sequence[str]) -> list[str]:
    """The arguments of `serve` for the platform that `given` names or the environment shows.

    Raises SpecError for a variable that cannot be read.
    """
    platform = _named(given)
    try:
        if platform == "sagemaker":
            return _without_repository(
                sagemaker_arguments(environ, empty_repository=_made_folder()), given
            )
        if platform == "vertex-ai":
            environ = {**environ, "AIP_MODE": "PREDICTION"}
        if platform in ("auto", "vertex-ai"):
            return _without_repository(vertex_ai_arguments(environ), given)
    except InvalidArgumentError as error:
        raise SpecError("--platform", str(error)) from None
    return []


def check_ports(options: ServeOptions, safe_range: str) -> None:
    """Raises SpecError for a port beside SageMaker's that lies outside of `safe_range`."""
    if not safe_range or not options.sagemaker.enabled:
        return
    names = {"HTTP": options.http, "GRPC": options.grpc, "Metrics": options.metrics}
    try:
        check_safe_ports(
            safe_range, {name: port.port for name, port in names.items() if port.enabled}
        )
    except InvalidArgumentError as error:
        raise SpecError("--sagemaker-safe-port-range", str(error)) from None


def _named(given: Sequence[str]) -> str:
    for position, word in enumerate(given):
        if word == "--platform" and position + 1 < len(given):
            return given[position + 1]
        if word.startswith("--platform="):
            return word.partition("=")[2]
    return "auto"


def _without_repository(found: list[str], given: Sequence[str]) -> list[str]:
    """A repository of the user's replaces the platform's: the flag adds up otherwise."""
    words = [word.partition("=")[0] for word in given]
    if "--model-repository" not in words and "--model-store" not in words:
        return found
    return [word for word in found if not word.startswith("--model-repository=")]


def empty_folder() -> str:
    """The model repository of multi-model containers, for `keep_empty_folder`; "" if none."""
    return _empty_folder


def keep_empty_folder(path: str) -> None:
    """`path` is what the settings name from now on, and is removed when this process ends."""
    global _empty_folder
    if path and path != _empty_folder:
        _empty_folder = path
        atexit.register(shutil.rmtree, path, ignore_errors=True)


def _made_folder() -> str:
    """Settings that are read again name the same folder: another one would be a change."""
    if not _empty_folder:
        keep_empty_folder(tempfile.mkdtemp(prefix="tritonfrontend-models-"))
    return _empty_folder
