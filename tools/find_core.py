"""Prints the path of the Triton server library inside the installed nvidia-pytriton wheel.

For the build of the C++ tests; the product has its own search (see docs/decisions).
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path, PurePosixPath

DISTRIBUTION = "nvidia-pytriton"


def find_core() -> Path:
    """The installed ``libtritonserver-<hash>.so``.

    Raises:
        FileNotFoundError: the distribution is not installed, or has no such file.
    """
    try:
        files = metadata.distribution(DISTRIBUTION).files or []
    except metadata.PackageNotFoundError:
        raise FileNotFoundError(f"the distribution {DISTRIBUTION} is not installed") from None
    for file in files:
        if PurePosixPath(file).match("nvidia_pytriton.libs/libtritonserver*.so"):
            return Path(str(file.locate())).resolve()
    raise FileNotFoundError(f"{DISTRIBUTION} contains no libtritonserver library")


def main() -> int:
    try:
        print(find_core())
    except FileNotFoundError as error:
        print(f"find_core: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
