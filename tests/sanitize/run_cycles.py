"""Runs cycles.py on a module that was built with AddressSanitizer.

    python tests/sanitize/run_cycles.py BUILD_FOLDER [CYCLES]

BUILD_FOLDER was configured with TFE_SANITIZE. The Python sources are copied beside the sanitized
module, so that the installed package stays as it is. Exit code 0 only if every cycle passed and the
sanitizer reported nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "python"))

from helpers import models  # noqa: E402

DEFAULT_CYCLES = 200
REPORT_EXIT_CODE = 99
# The core and its libraries are not built with a sanitizer; their leaks and their mixing of new and
# free are not ours to report.
ASAN_OPTIONS = f"exitcode={REPORT_EXIT_CODE}:detect_leaks=0:alloc_dealloc_mismatch=0"
UBSAN_OPTIONS = f"halt_on_error=1:print_stacktrace=1:exitcode={REPORT_EXIT_CODE}"
# The C++ runtime has to be there when the sanitizer looks for the functions it wraps, or the first
# exception aborts the process; Python itself does not load it.
PRELOADED = ("libasan.so", "libstdc++.so")


def make_package(build: Path) -> Path:
    """A folder for PYTHONPATH with the sanitized module and the Python sources."""
    target = build / "python"
    shutil.rmtree(target, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tritonfrontend", target / "tritonfrontend", ignore=ignore)
    (module,) = build.glob("_native.*so")
    shutil.copy(module, target / "tritonfrontend")
    return target


def runtime(name: str) -> str:
    """Path of a runtime library of the compiler that built the module."""
    command = ["g++", f"-print-file-name={name}"]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    if found == name:
        raise FileNotFoundError(f"the compiler has no {name}")
    return str(Path(found).resolve())


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    cycles = sys.argv[2] if len(sys.argv) > 2 else str(DEFAULT_CYCLES)
    environment = {
        **os.environ,
        "LD_PRELOAD": ":".join(runtime(name) for name in PRELOADED),
        "PYTHONPATH": str(make_package(build)),
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": ASAN_OPTIONS,
        "UBSAN_OPTIONS": UBSAN_OPTIONS,
    }
    with tempfile.TemporaryDirectory() as folder:
        repository = models.write_repository(Path(folder) / "models", [models.identity("FP32")])
        script = Path(__file__).with_name("cycles.py")
        command = [sys.executable, str(script), str(repository), cycles]
        code = subprocess.run(command, env=environment).returncode
    if code == REPORT_EXIT_CODE:
        print("sanitize: the sanitizer reported an error, see above", file=sys.stderr)
    elif code < 0:
        print(f"sanitize: the process died of signal {-code}", file=sys.stderr)
    return 0 if code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
