"""The directories that servers are given: NVIDIA's default ones, or those made from the wheel.

With the core of the nvidia-pytriton wheel a private runtime directory is laid out: site-packages
stays untouched, and the Python backend finds its helper program, which the wheel keeps elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from .runtime_dir import RuntimeDirectory
from .stub import install_stub
from .wheel import Wheel

__all__ = ["BACKENDS", "CACHES", "REPO_AGENTS", "Layout"]

# NVIDIA's defaults. With a core from the wheel they mean "the core's own".
BACKENDS = "/opt/tritonserver/backends"
CACHES = "/opt/tritonserver/caches"
REPO_AGENTS = "/opt/tritonserver/repoagents"


class Layout:
    """`python_problem` says why no Python model can run; "" if one can, or if that is unknown."""

    def __init__(self, wheel: Wheel | None) -> None:
        self._runtime = RuntimeDirectory()
        self.python_problem = ""
        self._backends = Path(BACKENDS)
        self._caches = Path(CACHES)
        self._repo_agents = Path(REPO_AGENTS)
        if wheel is not None:
            self._from_wheel(wheel)

    def backend_directory(self, wanted: str) -> str:
        """The directory to give to a server whose options say `wanted`.

        A directory of the user is combined with our Python backend if it has none.
        """
        if wanted == BACKENDS:
            return str(self._backends)
        user = Path(wanted)
        python = self._backends / "python"
        if not user.is_dir() or (user / "python").exists() or not python.is_dir():
            return wanted
        merged = self._runtime.fresh("backends")
        for entry in user.iterdir():
            (merged / entry.name).symlink_to(entry.absolute())
        (merged / "python").symlink_to(python)
        return str(merged)

    def cache_directory(self, wanted: str) -> str:
        """As `backend_directory`, for response caches."""
        return str(self._caches) if wanted == CACHES else wanted

    def repo_agent_directory(self, wanted: str) -> str:
        """As `backend_directory`, for repository agents."""
        return str(self._repo_agents) if wanted == REPO_AGENTS else wanted

    def _from_wheel(self, wheel: Wheel) -> None:
        self._backends = self._runtime.fresh("backends")
        for source in wheel.backends.iterdir():
            if source.name != "python":
                (self._backends / source.name).symlink_to(source)
        python = self._backends / "python"
        python.mkdir()
        for source in wheel.python_backend.parent.iterdir():
            if source.is_file():
                (python / source.name).symlink_to(source)
        self._caches = wheel.caches
        self._repo_agents = self._runtime.fresh("repoagents")
        script = python / "triton_python_backend_stub"
        self.python_problem = install_stub(wheel, script, self._runtime.fresh("bin"))
