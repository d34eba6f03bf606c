"""The driver itself: which filters there must be, and which must go."""

import logging
import uuid
from contextlib import suppress

from hostmon.driver import FirewallCapabilities
from hostmon.errors import DriverError, GuestNotFoundError, GuestStateError, ObjectNotFoundError
from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.points import Filter, FirewallDriver, PointContext, Port
from hostmon_drivers.firewall_nwfilter.filters import (
    base_filters,
    instance_filter,
    instance_name,
    owner,
)

log = logging.getLogger("hostmon.drivers.nwfilter")


class NwfilterFirewall(FirewallDriver):
    """Keeps guests from sending as somebody else, by libvirt's network filters."""

    api_versions = (2, 2)
    capabilities = FirewallCapabilities(filters=True, acts=True)

    def start(self, context: PointContext) -> None:
        """Defines the base filters that are not there, and takes away what no guest owns.

        A base filter that is there is the operator's, or libvirt's own: it stays as it is. Guests
        that refer to a filter that is not there are told in the log.
        """
        if not context.host.read_write:
            raise DriverError("nwfilter defines filters; give it a Host opened read-write")
        self._host: Host = context.host
        there = self._names()
        for base in base_filters():
            if base.name not in there:
                self._host.define_nwfilter(base)
                log.info("defined the network filter %s", base.name)
        self._drop_orphans()
        for guest in self._host.list_guests():
            with suppress(GuestNotFoundError):  # it may vanish meanwhile
                self._tell(guest)

    def _tell(self, guest: Guest) -> None:
        for name in self.missing(guest):
            log.warning(
                "guest %s refers to the network filter %s, which does not exist: "
                "define it, or the guest does not start again",
                guest.name,
                name,
            )

    def protect(self, guest: Guest, port: Port) -> Filter:
        """The guest's own filter for one port, which refers to the base filters."""
        name = instance_name(guest.uuid, port.mac)
        if name not in self._names():
            made = instance_filter(guest.uuid, port.mac, dhcp=bool(port.dhcp_servers))
            self._host.define_nwfilter(made)
        addresses = tuple(("IP", address) for address in port.addresses)
        servers = tuple(("DHCPSERVER", address) for address in port.dhcp_servers)
        return Filter(name, addresses + servers)

    def missing(self, guest: Guest) -> tuple[str, ...]:
        """By name, each once."""
        wanted: dict[str, None] = {}
        for inactive in (False, True):
            for interface in guest.domain(inactive=inactive).interfaces:
                if interface.filterref and interface.filterref.filter:
                    wanted[interface.filterref.filter] = None
        there = self._names()
        return tuple(name for name in wanted if name not in there)

    def forget(self, guest: uuid.UUID) -> bool:
        """Its filters for all its ports; one that is at work still stays."""
        own = [name for name in self._names() if owner(name) == guest]
        gone = [self._remove(name) for name in own]  # each is tried, whatever became of another
        return bool(gone) and all(gone)

    def _remove(self, name: str) -> bool:
        try:
            self._host.undefine_nwfilter(name)
        except GuestStateError:
            return False
        except ObjectNotFoundError:
            return True  # somebody else was faster
        log.info("removed the network filter %s", name)
        return True

    def _drop_orphans(self) -> None:
        """Filters of guests that were undefined while nobody looked."""
        owners = {uuid for name in self._names() if (uuid := owner(name))}
        for guest in owners - {guest.uuid for guest in self._host.list_guests()}:
            self.forget(guest)

    def _names(self) -> frozenset[str]:
        return frozenset(one.name for one in self._host.nwfilters())
