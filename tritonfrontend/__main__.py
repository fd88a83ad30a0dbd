"""`python -m tritonfrontend`: the same program as the `tritonfrontend` command."""

import importlib
import sys

if __name__ == "__main__":
    # By name: the supervisor becomes a part of this package only when it is installed.
    sys.exit(importlib.import_module("tritonfrontend.supervisor.cli").main())
