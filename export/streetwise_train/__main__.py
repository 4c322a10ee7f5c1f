"""``python -m streetwise_train``: see README.md for the commands."""

import sys

from .cli import main

sys.exit(main())
