"""What a fault came to: one line a person reads, and the same as JSON where a soak collects it."""

import json
import os
from pathlib import Path

COLLECTED = "HOSTMON_FAULT_JSON"
"""Names the file to which each fault's figures are appended, one JSON object a line."""

Value = int | float | str


def shown(value: Value) -> str:
    """A figure as it is printed."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def tell(fault: str, **figures: Value) -> None:
    """Print one line of what was measured; seconds end in ``_s``, KiB in ``_kib``."""
    print(f"{fault}: " + ", ".join(f"{name} {shown(value)}" for name, value in figures.items()))
    if collected := os.environ.get(COLLECTED):
        with Path(collected).open("a") as file:
            file.write(json.dumps({"fault": fault, **figures}) + "\n")
