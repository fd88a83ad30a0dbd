"""Size of the native module and time of the import, as installed in this environment."""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
from pathlib import Path

IMPORT_RUNS = 7
TIMED_IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def import_ms(module: str) -> float:
    """Median milliseconds of importing ``module`` in a fresh interpreter."""
    command = [sys.executable, "-c", TIMED_IMPORT.format(module)]
    # Not from the checkout, whose folder of that name would be found first.
    folder = Path(__file__).parent
    times = [
        float(
            subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
        )
        for _ in range(IMPORT_RUNS)
    ]
    return statistics.median(times) * 1000


def footprint() -> dict[str, str]:
    """Readable figures by name."""
    spec = importlib.util.find_spec("tritonfrontend._native")
    assert spec is not None
    assert spec.origin is not None
    size = Path(spec.origin).stat().st_size
    return {
        "_native": f"{size / 1e6:.2f} MB",
        "import tritonfrontend": f"{import_ms('tritonfrontend'):.0f} ms",
        "of which import numpy": f"{import_ms('numpy'):.0f} ms",
    }
