"""The driver itself: which interface is plugged how, by its type."""

from collections.abc import Callable
from typing import ClassVar

import msgspec

from hostmon.driver import VifCapabilities
from hostmon.errors import GuestTimeoutError, HostmonError, RequestRefusedError
from hostmon.guest import Guest
from hostmon.points import EthernetVif, HostdevVif, VhostuserVif, Vif, VifDriver
from hostmon.points.interfaces import type_of
from hostmon.points.vif import plugged, refuse_taken, refuse_type
from hostmon.xml.interface import Interface
from hostmon_drivers.vif_generic.elements import ELEMENTS
from hostmon_drivers.vif_generic.taps import Taps


class GenericVifSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A guest has ``unplug_timeout`` seconds to let go of an interface."""

    unplug_timeout: float = 20.0

    def __post_init__(self) -> None:
        if not 0.1 <= self.unplug_timeout <= 600:
            raise ValueError(f"unplug_timeout = {self.unplug_timeout!r}: give 0.1 to 600")


class GenericVif(VifDriver):
    """Plugs bridge, ovs, direct, ethernet, network, hostdev, vhostuser and user interfaces."""

    api_versions = (2, 2)
    settings_type: ClassVar[type[msgspec.Struct]] = GenericVifSettings
    capabilities = VifCapabilities(types=tuple(ELEMENTS), changes_host=True)

    def __init__(self) -> None:
        self._taps = Taps()

    def element(self, vif: Vif) -> Interface:
        """By its type."""
        make: Callable[[Vif], Interface] | None = ELEMENTS.get(type_of(vif))
        if make is None:
            raise refuse_type(vif, self)
        return make(vif)

    def plug(self, guest: Guest, vif: Vif) -> Interface:
        """libvirt makes what it needs, but the tap of type ethernet, which is made here."""
        refuse_taken(guest, vif)
        element = self.element(vif)
        if isinstance(vif, VhostuserVif):
            refuse_private_memory(guest, vif)
        if isinstance(vif, HostdevVif):
            self.context.host.pci_device(vif.address)
        if not isinstance(vif, EthernetVif):
            guest.attach(element)
            return plugged(guest, vif)
        self._taps.make(vif, guest.uuid)
        try:
            guest.attach(element)
        except GuestTimeoutError:
            raise  # the guest may have it by now, and then needs its tap
        except HostmonError:
            self._taps.remove(vif, guest.uuid)
            raise
        return plugged(guest, vif)

    def unplug(self, guest: Guest, vif: Vif) -> None:
        """The guest lets go first."""
        settings: GenericVifSettings = self.context.settings
        guest.detach(f"interface[{vif.mac}]", timeout=settings.unplug_timeout)
        if isinstance(vif, EthernetVif):
            self._taps.remove(vif, guest.uuid)


def refuse_private_memory(guest: Guest, vif: VhostuserVif) -> None:
    """Raise RequestRefusedError unless the switch can see the guest's memory."""
    domain = guest.domain(inactive=not guest.is_active())
    cells = domain.cpu.numa.cells if domain.cpu and domain.cpu.numa else []
    backing = domain.memory_backing
    if (backing and backing.access == "shared") or any(
        cell.mem_access == "shared" for cell in cells
    ):
        return
    raise RequestRefusedError(
        f"vif {vif.mac}: guest {guest.name} does not share its memory, which vhostuser needs; "
        "define it with <memoryBacking><access mode='shared'/></memoryBacking>"
    )
