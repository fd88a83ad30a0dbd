"""The layout of the `nvidia-pytriton` wheel, read from its metadata; it is never imported."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Wheel", "find_wheel", "wheel_of"]

_DISTRIBUTION = "nvidia-pytriton"
_LIBRARY = re.compile(r"nvidia_pytriton\.libs/libtritonserver-[0-9a-f]+\.so")
_PYTHON_BACKEND = "pytriton/tritonserver/backends/python/libtriton_python.so"
_STUB = "triton_python_backend_stub"


@dataclass(frozen=True)
class Wheel:
    """`library` lies among its dependencies; `root` holds backends, caches and stubs."""

    library: Path
    root: Path

    @property
    def libraries(self) -> Path:
        return self.library.parent

    @property
    def backends(self) -> Path:
        return self.root / "backends"

    @property
    def caches(self) -> Path:
        return self.root / "caches"

    @property
    def python_backend(self) -> Path:
        return self.backends / "python" / "libtriton_python.so"

    def stub(self, version: str) -> Path:
        """The helper program of the Python backend for Python `version` ("3.11")."""
        return self.root / "python_backend_stubs" / version / _STUB

    def stub_versions(self) -> list[str]:
        """Python versions that have a stub, oldest first."""
        found = (path.parent.name for path in self.root.glob(f"python_backend_stubs/*/{_STUB}"))
        return sorted(found, key=lambda text: [int(part) for part in text.split(".")])


def find_wheel() -> tuple[Wheel | None, str]:
    """The installed wheel, or None and the reason."""
    from importlib import metadata  # 20 ms, only needed here

    try:
        distribution = metadata.distribution(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None, f"not installed for {sys.executable}"
    paths = {str(path): path for path in distribution.files or ()}
    names = [name for name in paths if _LIBRARY.fullmatch(name)]
    if not names or _PYTHON_BACKEND not in paths:
        return None, f"version {distribution.version} has no server library inside"
    library = Path(str(paths[names[0]].locate()))
    backend = Path(str(paths[_PYTHON_BACKEND].locate()))
    for path in (library, backend):
        if not path.is_file():
            return None, f"version {distribution.version} is damaged: {path} is missing"
    return Wheel(library, backend.parents[2]), ""


def wheel_of(library: Path) -> Wheel | None:
    """The wheel that `library` belongs to, if it lies in one."""
    root = library.parent.parent / "pytriton" / "tritonserver"
    if library.parent.name != "nvidia_pytriton.libs" or not (root / "backends").is_dir():
        return None
    return Wheel(library, root)
