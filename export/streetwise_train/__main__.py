"""``python -m streetwise_train``: see README.md for the commands."""

import os
import sys

from .cli import main

if __name__ == "__main__":
    status = main()
    # Everything is written; taking PyTorch down takes seconds on a busy machine, and a trainer
    # whose parent died has ten.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
