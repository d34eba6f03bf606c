"""The host's networks, its own interfaces, and the filters in front of guests' interfaces."""

import uuid as uuidlib

import libvirt

from hostmon.host.connection import Connection
from hostmon.host.objects import HostObject, described, look_up
from hostmon.libvirt_errors import translated
from hostmon.xml.hostinterface import HostInterface
from hostmon.xml.network import Network
from hostmon.xml.nwfilter import NwFilter, NwFilterBinding


class HostNetworks(Connection):
    """The part of Host that is about networks. UnsupportedError where the driver has none."""

    @translated("networks")
    def networks(self) -> tuple[HostObject, ...]:
        """libvirt's virtual networks, active or not."""
        return tuple(described(network) for network in self.connection.listAllNetworks(0))

    @translated("network")
    def network(self, name: str | uuidlib.UUID) -> Network:
        """A network's description; raises ObjectNotFoundError."""
        return Network.parse(self._network(name).XMLDesc(0))

    @translated("network's bridge")
    def network_bridge(self, name: str | uuidlib.UUID) -> str:
        """The host's bridge of a network; raises ObjectNotFoundError, LibvirtError if none."""
        return str(self._network(name).bridgeName())

    def _network(self, name: str | uuidlib.UUID) -> libvirt.virNetwork:
        connection = self.connection
        return look_up(name, connection.networkLookupByName, connection.networkLookupByUUID)

    @translated("host's interfaces")
    def interfaces(self) -> tuple[HostInterface, ...]:
        """The host's own interfaces as libvirt's interface driver knows them."""
        return tuple(
            HostInterface.parse(one.XMLDesc(0)) for one in self.connection.listAllInterfaces(0)
        )

    @translated("host's interface")
    def interface(self, name: str) -> HostInterface:
        """One of the host's own interfaces; raises ObjectNotFoundError."""
        return HostInterface.parse(self.connection.interfaceLookupByName(name).XMLDesc(0))

    @translated("network filters")
    def nwfilters(self) -> tuple[HostObject, ...]:
        """The network filters that guests' interfaces can name."""
        return tuple(
            HostObject(one.name(), uuidlib.UUID(bytes=one.UUID()))
            for one in self.connection.listAllNWFilters(0)
        )

    @translated("network filter")
    def nwfilter(self, name: str | uuidlib.UUID) -> NwFilter:
        """A filter's description; raises ObjectNotFoundError."""
        connection = self.connection
        found = look_up(name, connection.nwfilterLookupByName, connection.nwfilterLookupByUUID)
        return NwFilter.parse(found.XMLDesc(0))

    @translated("define network filter")
    def define_nwfilter(self, nwfilter: NwFilter) -> None:
        """Keep a filter, new or changed; a guest that has it at work gets the change at once.

        Raises ReadOnlyError, LibvirtError where libvirt refuses it (the message says why), as for a
        name that another filter's uuid has.
        """
        self.connection.nwfilterDefineXML(nwfilter.to_xml())

    @translated("undefine network filter")
    def undefine_nwfilter(self, name: str) -> None:
        """Forget a filter; raises ReadOnlyError, ObjectNotFoundError.

        GuestStateError while a guest has it at work or another filter refers to it.
        """
        self.connection.nwfilterLookupByName(name).undefine()

    @translated("network filters at work")
    def nwfilter_bindings(self) -> tuple[NwFilterBinding, ...]:
        """Which filter is at work on which guest's port."""
        return tuple(
            NwFilterBinding.parse(one.XMLDesc(0))
            for one in self.connection.listAllNWFilterBindings(0)
        )
