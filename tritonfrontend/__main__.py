"""`python -m tritonfrontend`: the same program as the `tritonfrontend` command."""

import sys

from .supervisor.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
