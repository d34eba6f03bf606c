"""The base of drivers under ``hostmon.drivers``: which calls there are, and what each may raise."""

from abc import abstractmethod
from typing import ClassVar

from hostmon.driver.capabilities import Capabilities
from hostmon.driver.context import DriverContext
from hostmon.driver.contract import call
from hostmon.driver.plugin import Plugin
from hostmon.errors import AddressInUseError, DriverError, SettingsError
from hostmon.events import Event
from hostmon.numbers import Position


class Driver(Plugin):
    """Base of every driver; one thread at a time calls it: start, handle …, stop.

    API 1 states ``api_version``, a single one, instead of ``api_versions``.
    """

    capabilities: ClassVar[Capabilities] = Capabilities()

    @abstractmethod
    @call(DriverError, SettingsError, AddressInUseError)
    def start(self, context: DriverContext) -> None:
        """Begin; called once, before any event.

        A SettingsError or AddressInUseError is the operator's to mend and keeps an agent from
        starting; after a DriverError the driver alone is started again later.
        """

    @abstractmethod
    @call(DriverError)
    def handle(self, event: Event) -> None:
        """Take one event; a DriverError is counted, and the next event follows."""

    @abstractmethod
    @call()
    def stop(self) -> None:
        """End within 1 s; may be called after a ``start`` that raised."""

    @call(since=2)
    def resume_after(self) -> tuple[Position, ...]:
        """How far the events reach that the driver has kept over its own end; () for none.

        Asked once after ``start``. What followed is replayed before anything newer comes: the rest
        of the same run of the agent, and of another run everything, as far as the agent holds it.
        """
        return ()

    @call()
    def addresses(self) -> tuple[str, ...]:
        """Addresses a person can open, such as a page; () when there are none."""
        return ()
