"""`python -m cli_tuner` is the same program as `cli-tuner`."""

import sys

from cli_tuner.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
