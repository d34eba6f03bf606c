"""Output for people: tables, and colour where a terminal shows it."""

import os
import sys
from collections.abc import Sequence

from hostmon.printable import printable

COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}
STATE_COLOURS = {
    "started": "green",
    "running": "green",
    "resumed": "green",
    "up": "green",
    "stopped": "red",
    "crashed": "red",
    "down": "red",
    "suspended": "yellow",
    "paused": "yellow",
    "unknown": "yellow",
    "shutoff": "dim",
}


def colourful() -> bool:
    """Whether stdout is a terminal that wants colour (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(text: str, colour: str | None) -> str:
    """The text in a colour, or as it is."""
    if colour is None or not colourful():
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned, numbers to the right."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max([len(h), *(len(row[i]) for row in cells)]) for i, h in enumerate(heads)]
    right = [bool(cells) and all(row[i][:1].isdigit() for row in cells) for i in range(len(heads))]

    def line(row: Sequence[str], paint_states: bool = True) -> str:
        parts = []
        for i, cell in enumerate(row):
            padded = cell.rjust(widths[i]) if right[i] else cell.ljust(widths[i])
            parts.append(paint(padded, STATE_COLOURS.get(cell)) if paint_states else padded)
        return "  ".join(parts).rstrip()

    return "\n".join([paint(line(heads, False), "bold"), *(line(row) for row in cells)])


def amount(number: int) -> str:
    """Bytes for people: 512 MiB."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError


def duration(seconds: float) -> str:
    """Seconds for people: 2 h 5 min."""
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {whole % 60} s"
    return f"{whole} s"
