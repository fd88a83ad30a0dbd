"""NVIDIA's in-process API under its own name, for machines that have no `tritonserver` package.

Where NVIDIA's package directory is installed beside this file, Python prefers the directory.
"""

from tritonfrontend.inprocess import *  # noqa: F403
from tritonfrontend.inprocess import __all__, __version__  # noqa: F401
