"""What a guest consists of: its XML, and its devices by keys that outlive a restart."""

import libvirt

from hostmon.errors import DeviceNotFoundError
from hostmon.guest.handle import Handle, asks
from hostmon.xml.common import Device
from hostmon.xml.disk import Disk
from hostmon.xml.domain import Domain
from hostmon.xml.element import Element
from hostmon.xml.interface import Interface
from hostmon.xml.shape import shape


def key_of(device: Element) -> str | None:
    """A device's stable key: its element and what tells it apart, such as ``disk[vda]``.

    That is a disk's target, an interface's MAC address, a host device's address … as the XML model
    declares; else its alias, where it has one. None for a device with neither.
    """
    name = shape(type(device)).name(device.node)
    if name is None and isinstance(device, Device):
        name = device.alias
    return name and f"{device.node.tag}[{name}]"


class Description(Handle):
    """The part of Guest that tells what it consists of."""

    @asks("XML")
    def xml(self, *, inactive: bool = False, secure: bool = False, migratable: bool = False) -> str:
        """The guest's description as text, that of its next start with ``inactive``.

        Does not ask QEMU. ``secure`` includes passwords and ``migratable`` leaves out what a
        migration must not carry: ReadOnlyError for both on a read-only connection.
        """
        flags = (
            (libvirt.VIR_DOMAIN_XML_INACTIVE if inactive else 0)
            | (libvirt.VIR_DOMAIN_XML_SECURE if secure else 0)
            | (libvirt.VIR_DOMAIN_XML_MIGRATABLE if migratable else 0)
        )
        return str(self._domain.XMLDesc(flags))

    def domain(self, *, inactive: bool = False) -> Domain:
        """The guest's description as an object; changing it changes no guest."""
        return Domain.parse(self.xml(inactive=inactive))

    def devices(self, *, inactive: bool = False) -> dict[str, Element]:
        """Every device by its key; one without a key counts its like: ``rng[#1]``."""
        found: dict[str, Element] = {}
        for device in self.domain(inactive=inactive).devices:
            key, number = key_of(device), 1
            while key is None or key in found:
                key, number = f"{device.node.tag}[#{number}]", number + 1
            found[key] = device
        return found

    def device(self, key: str, *, inactive: bool = False) -> Element:
        """One device by its key; raises DeviceNotFoundError naming those of its sort."""
        devices = self.devices(inactive=inactive)
        if key in devices:
            return devices[key]
        sort = key.partition("[")[0]
        like = ", ".join(one for one in devices if one.startswith(f"{sort}[")) or "none"
        raise DeviceNotFoundError(
            f"guest {self.name}: has no {key}; its devices of this sort: {like}"
        )

    def device_by_alias(self, alias: str) -> tuple[str, Element] | None:
        """A running guest's device by the alias that events name it by, with its key."""
        for key, device in self.devices().items():
            if isinstance(device, Device) and device.alias == alias:
                return key, device
        return None

    def disks(self, *, inactive: bool = False) -> dict[str, Disk]:
        """The disks by their targets (``vda``)."""
        return {str(disk.target_dev): disk for disk in self.domain(inactive=inactive).disks}

    def interfaces(self, *, inactive: bool = False) -> dict[str, Interface]:
        """The network interfaces by their MAC addresses."""
        found = self.domain(inactive=inactive).interfaces
        return {str(interface.mac): interface for interface in found}
