"""The driver that does nothing, and the tutorial: everything a driver needs, and no more.

docs/writing-a-driver.md goes through it line by line.
"""

import logging
from typing import ClassVar

import msgspec

from hostmon.driver import Capabilities, Driver, DriverContext
from hostmon.errors import DriverError
from hostmon.events import Event, LifecycleEvent

log = logging.getLogger("hostmon.drivers.noop")


class NoopSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator may write under ``[drivers.noop]``; checked before anything starts."""

    greeting: str = "seen"


class NoopDriver(Driver):
    """Logs each lifecycle event at level debug; the smallest driver there can be."""

    api_versions = (2, 2)
    settings_type: ClassVar[type[msgspec.Struct]] = NoopSettings
    capabilities = Capabilities(topics=("lifecycle",))

    def start(self, context: DriverContext) -> None:
        """Keep what is needed later; raise DriverError if this can't work."""
        self._greeting: str = context.settings.greeting

    def handle(self, event: Event) -> None:
        """One event; a DriverError counts as an error, anything undeclared ends the driver."""
        if not isinstance(event, LifecycleEvent):
            raise DriverError(f"event of kind {type(event).__name__}: only lifecycle was asked for")
        log.debug("%s %s %s", self._greeting, event.name, event.event)

    def stop(self) -> None:
        """Let go of everything; also called after a start that raised."""
