"""The base of drivers under ``hostmon.firewall``: how guests' interfaces are filtered."""

import uuid
from abc import abstractmethod
from typing import ClassVar

from hostmon.driver.capabilities import FirewallCapabilities
from hostmon.driver.contract import call
from hostmon.driver.plugin import Plugin
from hostmon.errors import DriverError, LibvirtError, SettingsError
from hostmon.guest import Guest
from hostmon.points.context import PointContext
from hostmon.points.interfaces import Filter, Port


class FirewallDriver(Plugin):
    """Base of every firewall driver; one thread at a time calls it: start, …, stop."""

    capabilities: ClassVar[FirewallCapabilities] = FirewallCapabilities()

    @abstractmethod
    @call(DriverError, SettingsError, LibvirtError, since=2)
    def start(self, context: PointContext) -> None:
        """Make what every guest's filter builds on, and check what guests refer to."""

    @abstractmethod
    @call(DriverError, LibvirtError, since=2)
    def protect(self, guest: Guest, port: Port) -> Filter | None:
        """Make the guest's own filter; returns what the interface is to refer to, None: nothing.

        Again for a guest that has one: changes nothing. The interface is the caller's to change.
        """

    @abstractmethod
    @call(DriverError, LibvirtError, since=2)
    def missing(self, guest: Guest) -> tuple[str, ...]:
        """The filters that the guest refers to, now or at its next start, and that do not exist.

        libvirt starts no guest that refers to such a filter.
        """

    @abstractmethod
    @call(DriverError, LibvirtError, since=2)
    def forget(self, guest: uuid.UUID) -> bool:
        """Remove the filter of a guest that is undefined; whether there was one and it is gone.

        False while the guest runs on, transient: called again when it stopped.
        """

    @call(since=2)
    def stop(self) -> None:
        """End; may be called after a ``start`` that raised. Guests stay filtered."""
        return
