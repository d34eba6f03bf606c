"""A host's guests: listing them, finding one, and bringing new ones into being."""

import uuid as uuidlib

import libvirt

from hostmon.choices import chosen
from hostmon.guest import Guest
from hostmon.guest.power import PAUSED
from hostmon.host.connection import Connection
from hostmon.libvirt_errors import translated

# libvirt numbers running guests from 1; on Xen, 0 is the host's own system.
_HOST_ITSELF = 0


class HostGuests(Connection):
    """The part of Host that is about guests."""

    @translated("list of guests")
    def list_guests(self, *, only_running: bool = False, only_guests: bool = True) -> list[Guest]:
        """The guests, running or not; a paused guest counts as running.

        ``only_guests`` leaves out what is not a guest but the host itself (Xen's domain 0).
        """
        flags = libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE
        if not only_running:
            flags |= libvirt.VIR_CONNECT_LIST_DOMAINS_INACTIVE
        signals = self.signals
        return [
            Guest(domain, signals)
            for domain in self.connection.listAllDomains(flags)
            if not (only_guests and domain.ID() == _HOST_ITSELF)
        ]

    @translated("guest")
    def guest(self, uuid: uuidlib.UUID) -> Guest:
        """One guest; raises GuestNotFoundError when libvirt knows none of this uuid."""
        return Guest(self.connection.lookupByUUID(uuid.bytes), self.signals)

    @translated("guest")
    def guest_by_name(self, name: str) -> Guest:
        """One guest; raises GuestNotFoundError when libvirt knows none of this name."""
        return Guest(self.connection.lookupByName(name), self.signals)

    @translated("guest")
    def guest_by_id(self, number: int) -> Guest:
        """A running guest; raises GuestNotFoundError when none runs under this number."""
        return Guest(self.connection.lookupByID(number), self.signals)

    @translated("define guest")
    def define(self, xml: str) -> Guest:
        """Keep a guest's definition, new or changed; it starts when it is launched.

        Event: defined. Raises ReadOnlyError, UnsupportedError for what this hypervisor cannot do,
        LibvirtError for XML that libvirt refuses (the message says why) or a uuid that is taken.
        """
        flags = libvirt.VIR_DOMAIN_DEFINE_VALIDATE
        return Guest(self.connection.defineXMLFlags(xml, flags), self.signals)

    @translated("create guest")
    def create(self, xml: str, *, paused: bool = False) -> Guest:
        """Start a guest that is forgotten when it stops.

        Events: started, resumed. Raises what define() and Guest.launch() raise.
        """
        flags = libvirt.VIR_DOMAIN_START_VALIDATE
        flags |= libvirt.VIR_DOMAIN_START_PAUSED if paused else 0
        return Guest(self.connection.createXML(xml, flags), self.signals)

    @translated("restore guest")
    def restore(self, path: str, *, paused: bool | None = None) -> None:
        """Bring back the guest that Guest.save() wrote to a file; None: as it was saved.

        Events: started (restored), resumed. Raises ReadOnlyError, GuestStateError when it runs,
        LibvirtError where the file is no saved guest. Blocks until it runs.
        """
        self.connection.restoreFlags(path, None, chosen("paused", paused, PAUSED))
