"""Host: one connection to libvirt, and what it says of the machine; a file for each part of it.

Holds no policy and reads no settings: what a part needs comes as arguments. Network, volume and
firewall code use it for their look-ups instead of reaching for a driver.

Every call may raise NotConnectedError (there is no connection, or it is gone) and LibvirtError
(libvirt refused or failed; its code is kept), and blocks for as long as libvirtd does. Docstrings
name what else they raise.
"""

from hostmon.host.connection import MIN_LIBVIRT_VERSION, version_tuple
from hostmon.host.devices import HostDevices
from hostmon.host.machine import CpuInfo, HostMachine, Memory
from hostmon.host.networks import HostNetworks
from hostmon.host.objects import HostObject
from hostmon.host.secrets import HostSecrets
from hostmon.host.storage import HostStorage, Space

__all__ = [
    "MIN_LIBVIRT_VERSION",
    "CpuInfo",
    "Host",
    "HostObject",
    "Memory",
    "Space",
    "version_tuple",
]


class Host(HostMachine, HostStorage, HostDevices, HostNetworks, HostSecrets):
    """One host, through one connection; use as a context manager, or connect() and close()."""
