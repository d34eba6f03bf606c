"""What is known of an installed driver without running it, and which names are installed.

Reads the metadata of distributions alone: nothing of a driver is imported here.
"""

import re
from importlib import invalidate_caches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from hostmon.driver.capabilities import AnyCapabilities, Capabilities
from hostmon.driver.points import DRIVERS, Point
from hostmon.errors import DriverError
from hostmon.suggest import suggestion

OUR_DISTRIBUTION = "hostmon"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class DriverEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One installed driver; ``refusal`` says why it can't be used, empty where it can.

    ``settings`` are its own keys with their defaults (None: the key must be given);
    ``settings_error`` is what is wrong with the settings that it was described for.
    """

    name: str
    point: str = DRIVERS.name
    distribution: str = ""
    in_tree: bool = False
    summary: str = ""
    refusal: str = ""
    api_version: int = 0
    capabilities: AnyCapabilities = Capabilities()
    settings: dict[str, Any] = {}
    settings_error: str = ""
    deprecations: tuple[str, ...] = ()


def installed(point: Point = DRIVERS) -> dict[str, DriverEntry]:
    """Every name installed for a point, sorted; two distributions with one name are refused.

    Not stevedore's list, which is kept for the life of a process: a driver installed while the
    agent runs is found.
    """
    invalidate_caches()
    entries: dict[str, DriverEntry] = {}
    for found in entry_points(group=point.group):
        entry = listed(found, point)
        if (other := entries.get(found.name)) and other.distribution != entry.distribution:
            both = " and ".join(sorted((other.distribution, entry.distribution)))
            refusal = f"two distributions offer this name: {both}; remove one of them"
            entry = DriverEntry(
                name=found.name, point=point.name, distribution=both, refusal=refusal
            )
        entries[found.name] = entry
    return dict(sorted(entries.items()))


def listed(found: EntryPoint, point: Point) -> DriverEntry:
    """What an entry point's own metadata says."""
    dist = found.dist
    distribution = f"{dist.name} {dist.version}" if dist is not None else ""
    refusal = ""
    if not _NAME.fullmatch(found.name):
        refusal = "has a name that is none; its author must use a-z, 0-9, - and _"
    in_tree = dist is not None and dist.name == OUR_DISTRIBUTION
    return DriverEntry(
        name=found.name,
        point=point.name,
        distribution=distribution,
        in_tree=in_tree,
        refusal=refusal,
    )


def named(name: str, entries: dict[str, DriverEntry], point: Point = DRIVERS) -> DriverEntry:
    """The entry of a configured name; raises DriverError with what there is instead."""
    what = "driver" if point is DRIVERS else f"{point.name} driver"
    there = f"{suggestion(name, entries)}installed: {', '.join(entries) or 'none'}"
    if not _NAME.fullmatch(name):
        raise DriverError(
            f"{what} {name!r}: give the short name of an installed driver, no path; {there}"
        )
    if name not in entries:
        raise DriverError(f"{what} {name!r} is not installed; {there}")
    return entries[name]
