"""Finding, opening and preparing the Triton core. Private; an import of it loads no core."""

from .core import Core, library
from .layout import BACKENDS, CACHES, REPO_AGENTS, Layout

__all__ = ["BACKENDS", "CACHES", "REPO_AGENTS", "Core", "Layout", "library"]
