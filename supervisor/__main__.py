"""`python -m tritonfrontend.supervisor`: the same program as the `tritonfrontend` command."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
