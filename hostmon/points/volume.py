"""The base of drivers under ``hostmon.volume``: how a type of volume becomes a disk."""

from abc import abstractmethod
from typing import ClassVar

from hostmon.driver.capabilities import VolumeCapabilities
from hostmon.driver.contract import call
from hostmon.driver.plugin import Plugin
from hostmon.errors import (
    DriverError,
    GuestTimeoutError,
    LibvirtError,
    RequestRefusedError,
    SettingsError,
)
from hostmon.guest import Guest
from hostmon.points.context import PointContext
from hostmon.points.volumes import Volume, type_of
from hostmon.xml.disk import Disk, DiskDriver, DiskTarget
from hostmon.xml.disksource import DiskSource


class VolumeDriver(Plugin):
    """Base of every volume driver; one thread at a time calls it: start, …, stop."""

    capabilities: ClassVar[VolumeCapabilities] = VolumeCapabilities()

    @call(DriverError, SettingsError, since=2)
    def start(self, context: PointContext) -> None:
        """Begin; called once, before any other call."""
        self.context = context

    @abstractmethod
    @call(RequestRefusedError, since=2)
    def element(self, volume: Volume) -> Disk:
        """The disk as the guest's XML is to have it; changes nothing, asks nobody.

        Raises RequestRefusedError for a type or protocol that the driver does not declare.
        """

    @call(RequestRefusedError, LibvirtError, GuestTimeoutError, DriverError, since=2)
    def plug(self, guest: Guest, volume: Volume) -> Disk:
        """Make the volume reachable and plug it in; returns the disk as the guest has it.

        A running guest gets it now, a persistent one at every start. What was made for a plug that
        failed is taken away again.
        """
        guest.attach(self.element(volume))
        return guest.disks()[volume.target]

    @call(RequestRefusedError, LibvirtError, GuestTimeoutError, DriverError, since=2)
    def unplug(self, guest: Guest, volume: Volume) -> None:
        """Unplug it by its target, then take away what the host had for it.

        While a guest holds on to it (GuestTimeoutError) nothing of the host is taken away. The
        volume's content is never touched.
        """
        guest.detach(f"disk[{volume.target}]")

    @call(since=2)
    def stop(self) -> None:
        """End; may be called after a ``start`` that raised."""
        return


def disk_for(volume: Volume, source: DiskSource) -> Disk:
    """The element of a volume whose type is libvirt's too; the rest of it is its source."""
    return Disk(
        type=type_of(volume),
        device="disk",
        driver=DiskDriver(
            name="qemu",
            type=volume.format,
            cache=volume.cache,
            io=volume.io,
            discard=volume.discard,
        ),
        source=source,
        target=DiskTarget(dev=volume.target, bus=volume.bus),
        serial=volume.serial,
        readonly=volume.readonly,
        shareable=volume.shareable,
        boot_order=volume.boot_order,
    )


def refuse_type(volume: Volume, driver: Plugin) -> RequestRefusedError:
    """The refusal of a type that a driver does not declare."""
    types = getattr(driver.capabilities, "types", ())
    return RequestRefusedError(
        f"volume {volume.target}: type {type_of(volume)!r} is none of {type(driver).__name__}'s; "
        f"it plugs {', '.join(types) or 'nothing'}"
    )
