"""The opened core of this process. Opened at first need, never closed; any thread may call."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from .. import _native
from .layout import Layout
from .locate import Location, locate
from .python_models import config_needs_python, first_python_model, model_needs_python
from .stub import stub_error

__all__ = ["Core", "library"]

_lock = threading.Lock()
_core: Core | None = None


class Core:
    """One opened core. `native` is the library."""

    def __init__(self, location: Location) -> None:
        wheel = location.wheel
        roots = [str(wheel.python_backend)] if wheel is not None else []
        self.native = _native.Library.open(str(location.library), roots)
        self._wheel = wheel
        self._layout: Layout | None = None
        self._layout_lock = threading.Lock()

    def layout(self) -> Layout:
        """The directories for servers of ours, made when the first one is started."""
        with self._layout_lock:
            if self._layout is None:
                self._layout = Layout(self._wheel)
            return self._layout

    def check_models(self, repositories: Iterable[str], names: Iterable[str] | None = None) -> None:
        """Raise UnavailableError if one of these models needs a Python backend that cannot start.

        `names` None: every model of the repositories.
        """
        problem = self.layout().python_problem
        model = first_python_model(repositories, names) if problem else None
        if model is not None:
            raise stub_error(problem, model)

    def check_model(self, repositories: Iterable[str], name: str, config: str | None) -> None:
        """As `check_models`, for one model that may be loaded with a configuration of its own."""
        problem = self.layout().python_problem
        if not problem:
            return
        needs = None if config is None else config_needs_python(config)
        if needs is None:
            needs = any(model_needs_python(Path(path) / name) for path in repositories)
        if needs:
            raise stub_error(problem, name)


def library() -> Core:
    """The core of this process, opened now if it is not yet.

    Raises CoreNotFoundError if there is none, another TritonError if the one found is not usable.
    """
    global _core
    with _lock:
        if _core is None:
            _core = Core(locate())
        return _core


def _forget() -> None:
    # The child of a fork keeps its parent's libraries, but the directories belong to the parent.
    global _core, _lock
    _core, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
