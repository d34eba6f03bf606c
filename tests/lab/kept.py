"""Where the lab keeps what it made, for the next run."""

import os
from pathlib import Path


def cache() -> Path:
    """The folder of this project in the user's cache; it may not be there yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hostmon"
