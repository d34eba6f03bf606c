"""The base of drivers under ``hostmon.vif``: how a type of interface is made and plugged."""

from abc import abstractmethod
from typing import Any, ClassVar

from hostmon.driver.capabilities import VifCapabilities
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
from hostmon.points.interfaces import Vif, type_of
from hostmon.xml.common import Named
from hostmon.xml.interface import Interface, InterfaceDriver, InterfaceSource
from hostmon.xml.netparts import FilterRef, Vlan, VlanTag


class VifDriver(Plugin):
    """Base of every vif driver; one thread at a time calls it: start, …, stop."""

    capabilities: ClassVar[VifCapabilities] = VifCapabilities()

    @call(DriverError, SettingsError, since=2)
    def start(self, context: PointContext) -> None:
        """Begin; called once, before any other call."""
        self.context = context

    @abstractmethod
    @call(RequestRefusedError, since=2)
    def element(self, vif: Vif) -> Interface:
        """The interface as the guest's XML is to have it; changes nothing, asks nobody.

        Raises RequestRefusedError for a type that the driver does not declare.
        """

    @call(RequestRefusedError, LibvirtError, GuestTimeoutError, DriverError, since=2)
    def plug(self, guest: Guest, vif: Vif) -> Interface:
        """Make what the host needs and plug it in; returns the interface as the guest has it.

        A running guest gets it now, a persistent one at every start. What was made for a plug that
        failed is taken away again.
        """
        refuse_taken(guest, vif)
        guest.attach(self.element(vif))
        return plugged(guest, vif)

    @call(RequestRefusedError, LibvirtError, GuestTimeoutError, DriverError, since=2)
    def unplug(self, guest: Guest, vif: Vif) -> None:
        """Unplug it by its MAC address, then take away what the host had for it.

        While a guest holds on to it (GuestTimeoutError) nothing of the host is taken away.
        """
        guest.detach(f"interface[{vif.mac}]")

    @call(since=2)
    def stop(self) -> None:
        """End; may be called after a ``start`` that raised."""
        return


def interface_for(vif: Vif, kind: str, **source: Any) -> Interface:
    """The element of a vif: libvirt's type, and the source's attributes by the model's names."""
    interface = Interface(type=kind, mac=vif.mac, mtu=vif.mtu, boot_order=vif.boot_order)
    if source:
        interface.source = InterfaceSource(**source)
    if kind != "hostdev":
        interface.model = vif.model
    if vif.queues:
        interface.driver = InterfaceDriver(queues=vif.queues)
    if vif.vlan is not None:
        interface.vlan = Vlan(tags=[VlanTag(id=vif.vlan)])
    if vif.filter is not None:
        interface.filterref = FilterRef(
            filter=vif.filter.name,
            parameters=[Named(name=name, value=value) for name, value in vif.filter.parameters],
        )
    return interface


def refuse_type(vif: Vif, driver: Plugin) -> RequestRefusedError:
    """The refusal of a type that a driver does not declare."""
    types = getattr(driver.capabilities, "types", ())
    return RequestRefusedError(
        f"vif {vif.mac}: type {type_of(vif)!r} is none of {type(driver).__name__}'s; "
        f"it plugs {', '.join(types) or 'nothing'}"
    )


def refuse_taken(guest: Guest, vif: Vif) -> None:
    """Raise RequestRefusedError if the guest has an interface of this MAC address already."""
    if vif.mac in guest.interfaces() or vif.mac in guest.interfaces(inactive=True):
        raise RequestRefusedError(
            f"vif {vif.mac}: guest {guest.name} has an interface of this MAC address; "
            "unplug that, or give another address"
        )


def plugged(guest: Guest, vif: Vif) -> Interface:
    """The interface as the guest has it now, or will have it when it is off."""
    return guest.interfaces()[vif.mac]
