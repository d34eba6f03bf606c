"""What a fault came to: one line a person reads, and the same as JSON where a soak collects it."""

import json
import os
from pathlib import Path

COLLECTED = "HOSTMON_FAULT_JSON"
"""Names the file to which each fault's figures are appended, one JSON object a line."""

ENDED = "HOSTMON_FAULT_ENDED"
"""Names the file to which each fault's name is appended with why it was not injected, empty where
it was; one JSON list a line."""

Value = int | float | str


def shown(value: Value) -> str:
    """A figure as it is printed."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def line(fault: str, **figures: Value) -> str:
    """One line of what was measured; seconds end in ``_s``, MiB in ``_mib``."""
    return f"{fault}: " + ", ".join(f"{name} {shown(value)}" for name, value in figures.items())


def tell(fault: str, **figures: Value) -> None:
    """Print the line, and append the figures where they are collected."""
    print(line(fault, **figures))
    if collected := os.environ.get(COLLECTED):
        with Path(collected).open("a") as file:
            file.write(json.dumps({"fault": fault, **figures}) + "\n")


def tell_end(fault: str, skipped: str) -> None:
    """Append that a fault's test has run, or why not, where that is collected."""
    if collected := os.environ.get(ENDED):
        with Path(collected).open("a") as file:
            file.write(json.dumps([fault, skipped]) + "\n")
