"""The plug points: which groups of entry points there are, and what fills each.

One mechanism loads them all. A point's base class is imported when somebody first asks for it: the
bases of points that act on guests import libvirt, which not every installation has.
"""

import pkgutil
from typing import Any

import msgspec

from hostmon.driver.capabilities import (
    Capabilities,
    Declared,
    FirewallCapabilities,
    VifCapabilities,
    VirtCapabilities,
    VolumeCapabilities,
)


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A plug point: the group of entry points that fill it, since which version of the API.

    A driver's own settings stand in the section ``[NAME.DRIVER]``. A ``stable`` point changes by
    the rule of one version's overlap; an experimental one may change. The drivers of a
    ``supervised`` point are run by the agent, whose keys stand in the same section.
    """

    name: str
    since: int
    stable: bool
    base_path: str
    capabilities: type[Declared]
    supervised: bool = False

    @property
    def group(self) -> str:
        """The group of entry points."""
        return f"hostmon.{self.name}"

    @property
    def base(self) -> Any:
        """The abstract class that every driver here is a subclass of."""
        return pkgutil.resolve_name(self.base_path)


DRIVERS = Point(
    name="drivers",
    since=1,
    stable=True,
    base_path="hostmon.driver:Driver",
    capabilities=Capabilities,
    supervised=True,
)
FIREWALL = Point(
    name="firewall",
    since=2,
    stable=False,
    base_path="hostmon.points:FirewallDriver",
    capabilities=FirewallCapabilities,
)
VIF = Point(
    name="vif",
    since=2,
    stable=False,
    base_path="hostmon.points:VifDriver",
    capabilities=VifCapabilities,
)
VOLUME = Point(
    name="volume",
    since=2,
    stable=False,
    base_path="hostmon.points:VolumeDriver",
    capabilities=VolumeCapabilities,
)
VIRT = Point(
    name="virt",
    since=2,
    stable=True,
    base_path="hostmon.driver.virt:VirtDriver",
    capabilities=VirtCapabilities,
)
POINTS = (DRIVERS, FIREWALL, VIF, VIRT, VOLUME)
"""Every plug point there is."""


def point_named(name: str) -> Point:
    """The plug point of this name, which must be one."""
    return next(point for point in POINTS if point.name == name)
