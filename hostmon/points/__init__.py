"""The plug points that act on guests: their interfaces, their volumes, their filters.

A file for each point's base class, and one for what is asked of it. All of them are experimental
(docs/driver-api.md). A driver is given a Host, never a way back to its caller.
"""

from hostmon.points.context import PointContext
from hostmon.points.firewall import FirewallDriver
from hostmon.points.interfaces import (
    BridgeVif,
    DirectVif,
    EthernetVif,
    Filter,
    HostdevVif,
    NetworkVif,
    OvsVif,
    Port,
    UserVif,
    VhostuserVif,
    Vif,
)
from hostmon.points.opening import opened
from hostmon.points.vif import VifDriver, interface_for
from hostmon.points.volume import VolumeDriver, disk_for
from hostmon.points.volumes import BlockVolume, FileVolume, NetworkVolume, StorageServer, Volume

__all__ = [
    "BlockVolume",
    "BridgeVif",
    "DirectVif",
    "EthernetVif",
    "FileVolume",
    "Filter",
    "FirewallDriver",
    "HostdevVif",
    "NetworkVif",
    "NetworkVolume",
    "OvsVif",
    "PointContext",
    "Port",
    "StorageServer",
    "UserVif",
    "VhostuserVif",
    "Vif",
    "VifDriver",
    "Volume",
    "VolumeDriver",
    "disk_for",
    "interface_for",
    "opened",
]
