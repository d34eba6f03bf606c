"""The driver loader: from a short name in the configuration to a driver, or why there is none.

Owns the look-up through entry points and its refusals; never takes a class path. A driver of
another distribution is imported in a process of its own only, unless it is to run in a thread.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hostmon.driver.options import RunOptions, split
from hostmon.driver.points import DRIVERS, Point
from hostmon.errors import SettingsError
from hostmon.loader.classes import described, load, own_settings
from hostmon.loader.entries import DriverEntry, installed, named
from hostmon.loader.probe import probe
from hostmon.typed import convert

__all__ = [
    "DriverEntry",
    "check_settings",
    "checked_options",
    "find_drivers",
    "installed",
    "load",
    "named",
    "own_settings",
]


def find_drivers(
    names: Iterable[str] | None = None,
    sections: dict[str, dict[str, Any]] | None = None,
    point: Point = DRIVERS,
) -> dict[str, DriverEntry]:
    """Every driver installed for a point, or those named; a broken one carries its refusal.

    ``sections`` are the settings to check; raises DriverError for a name that is not installed.
    """
    entries = installed(point)
    if names is None:
        chosen = list(entries.values())
    else:
        chosen = [named(name, entries, point) for name in dict.fromkeys(names)]
    sections = sections or {}

    def complete(entry: DriverEntry) -> DriverEntry:
        if entry.refusal:
            return entry
        look = described if entry.in_tree else probe
        return look(entry, sections.get(entry.name, {}))

    with ThreadPoolExecutor(max_workers=8) as pool:
        return {entry.name: entry for entry in pool.map(complete, chosen)}


def checked_options(name: str, section: dict[str, Any]) -> RunOptions:
    """The agent's own keys of a driver's section; raises SettingsError."""
    options: RunOptions = convert(split(section)[0], RunOptions, f"drivers.{name}")
    return options


def check_settings(entry: DriverEntry) -> None:
    """Raise SettingsError if the settings that an entry was described for are wrong."""
    if entry.settings_error:
        raise SettingsError(entry.settings_error)
