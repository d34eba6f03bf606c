"""``python -m hostmon`` is the command ``hostmon``."""

import sys

from hostmon.cli import main

sys.exit(main())
