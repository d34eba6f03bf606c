"""Keeps a host's guests and the filters of a firewall driver in step, event by event.

The firewall driver is one of ``hostmon.firewall``, by name; this one feeds it. It acts: the agent
runs it in a process of its own, as the user that the operator names, and the read-write connection
is opened here.
"""

import logging
import uuid
from contextlib import ExitStack
from typing import Any, ClassVar

import msgspec

from hostmon.driver import Capabilities, Driver, DriverContext
from hostmon.driver.points import FIREWALL
from hostmon.errors import (
    DriverError,
    GuestNotFoundError,
    HostmonError,
    NotConnectedError,
    SettingsError,
)
from hostmon.events import ConnectionEvent, Event, LifecycleEvent
from hostmon.host import Host
from hostmon.points import FirewallDriver, opened

log = logging.getLogger("hostmon.drivers.firewall")


class FirewallSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``driver`` of hostmon.firewall works on ``uri``, with ``settings`` of its own."""

    driver: str = "nwfilter"
    uri: str = "qemu:///system"
    settings: dict[str, Any] = {}


class FirewallRunner(Driver):
    """Removes the filters of guests that are gone, and tells of filters that guests lack."""

    api_versions = (2, 2)
    settings_type: ClassVar[type[msgspec.Struct]] = FirewallSettings
    capabilities = Capabilities(topics=("lifecycle", "connection"), acts=True)

    def __init__(self) -> None:
        self._open = ExitStack()
        self._firewall: FirewallDriver | None = None

    def start(self, context: DriverContext) -> None:
        """Start the firewall driver, which looks at every guest there is."""
        self._settings: FirewallSettings = context.settings
        self._host = Host(self._settings.uri, read_write=True)
        self._begin()

    def handle(self, event: Event) -> None:
        """One event; a connection that was lost is made anew, and the firewall driver with it."""
        try:
            if isinstance(event, ConnectionEvent):
                if event.state == "up" and not self._host.connected:
                    self._begin()
            elif isinstance(event, LifecycleEvent):
                self._follow(event)
        except NotConnectedError as error:
            self._open.close()
            raise DriverError(str(error)) from None
        except HostmonError as error:
            raise DriverError(str(error)) from None

    def stop(self) -> None:
        """Guests stay filtered."""
        self._open.close()

    def _begin(self) -> None:
        """Connect, and start the firewall driver: what went by meanwhile it finds by itself."""
        self._open.close()
        settings = self._settings
        try:
            self._open.enter_context(self._host)
            self._firewall = self._open.enter_context(
                opened(FIREWALL, settings.driver, self._host, settings.settings)
            )
        except SettingsError:
            self._open.close()
            raise
        except HostmonError as error:
            self._open.close()
            raise DriverError(str(error)) from None

    def _follow(self, event: LifecycleEvent) -> None:
        if not self._host.connected:
            self._begin()
        assert self._firewall is not None
        number = uuid.UUID(event.uuid)
        try:
            guest = self._host.guest(number)
        except GuestNotFoundError:
            if self._firewall.forget(number):
                log.info("guest %s is gone, and its filters with it", event.name)
            return
        if event.event in {"defined", "started"}:
            for name in self._firewall.missing(guest):
                log.warning(
                    "guest %s refers to the filter %s, which does not exist: define it, or the "
                    "guest does not start",
                    event.name,
                    name,
                )
