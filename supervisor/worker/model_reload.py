"""Loading a model again although nothing of it has changed: what heals dead Python stubs in place,
and what a reload in place can be told to do with all models.

The core loads again only what it finds newer, so the model's version directory is touched. The new
copy is loaded before the old one goes, so requests meanwhile fail only where the dead stub fails
them; unloading first would refuse all of them. Where the directory cannot be touched (read-only, or
a remote repository) the configuration is handed over with one more parameter, which is a change
too. Both are there under explicit control only; in poll mode the touch alone is, and other workers
that poll the same directory then load the model again as well. A model that a client had loaded
with a configuration of its own gets that, with the parameter: the core takes the same one for no
change. Blocks for as long as a load takes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: The parameter's name in the model's configuration. Its value only has to differ each time.
PARAMETER = "tritonfrontend.loaded_again_at"


class ReloadError(Exception):
    """The model could not be loaded again."""


def reload_model(
    server: Any,
    name: str,
    directory: str,
    repositories: Sequence[str],
    parameters: Mapping[str, str | bytes],
    *,
    polls: bool,
) -> None:
    """Load `name` again from `directory`, its version directory ("": not known), or with the
    `parameters` that a client had loaded it with, if there are any. Raises ReloadError.
    """
    touched = (
        not parameters and directory != "" and _within(directory, repositories) and touch(directory)
    )
    try:
        if parameters:
            config = _changed(json.loads(parameters["config"]))
            server.load(name, {**parameters, "config": config})
        elif polls:
            if not touched:
                where = directory or "its directory"
                raise ReloadError(f"{where} cannot be touched, and only a poll could load")
            server.poll_model_repository()
        elif touched:
            server.load(name)
        else:
            server.load(name, {"config": _changed(server.model(name).config())})
    except ReloadError:
        raise
    except Exception as error:
        raise ReloadError(str(error)) from error


def version_directory(name: str, repositories: Sequence[str]) -> str:
    """The newest version of a model in the first local repository that has it; "" if none has."""
    for repository in repositories:
        found = [] if "://" in repository else list(Path(repository, name).glob("[0-9]*/"))
        versions = [path for path in found if path.name.isdigit()]
        if versions:
            return str(max(versions, key=lambda path: int(path.name)))
    return ""


def touch(directory: str) -> bool:
    """Make the directory newer than it was, also if its time lies in the future."""
    try:
        before = os.stat(directory).st_mtime_ns
        newer = max(time.time_ns(), before + 1_000_000)
        os.utime(directory, ns=(newer, newer))
    except OSError:
        return False
    return True


def _changed(config: dict[str, Any]) -> str:
    parameters = dict(config.get("parameters") or {})
    parameters[PARAMETER] = {"string_value": str(time.time_ns())}
    return json.dumps({**config, "parameters": parameters})


def _within(directory: str, repositories: Sequence[str]) -> bool:
    """A remote repository's copy may be touched too, but nobody looks at it."""
    path = Path(directory).resolve()
    return any(Path(each).resolve() in path.parents for each in repositories if "://" not in each)
