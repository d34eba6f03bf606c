"""The driver contract: what a driver under ``hostmon.drivers`` is given, and what it must do.

A driver is a class that an entry point of the group ``hostmon.drivers`` names; configuration knows
it by that short name alone. It owns everything it needs, and sees of the agent only its context.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import msgspec

from hostmon.events import Event
from hostmon.status import AgentStatus, GuestStatus

API_VERSION = 1
ENTRY_POINT_GROUP = "hostmon.drivers"


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a driver that has none."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver can do and wants, declared; the agent acts on this alone.

    ``kind`` limits the events it is given to one kind (None: every kind).
    """

    kind: str | None = None


class AgentView(Protocol):
    """What a driver in the agent's process may ask; answers at once, from memory."""

    def status(self) -> AgentStatus:
        """The agent's state now."""

    def guests(self) -> tuple[GuestStatus, ...]:
        """Every guest, as of now."""

    def metrics(
        self, *, openmetrics: bool = False, compressed: bool = False, collect: Sequence[str] = ()
    ) -> bytes:
        """The metric page: text 0.0.4 or OpenMetrics 1.0, gzipped if ``compressed``.

        ``collect`` names the families wanted; none is all of them. Waits 50 ms at most for fresh
        figures of the kernel's.
        """


class DriverContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver is started with: the agent's view, its bus, and the driver's own settings."""

    host: str
    events_addresses: tuple[str, ...]
    view: AgentView
    settings: Any


class Driver(ABC):
    """Base of every driver; called by one thread at a time, in the order start, handle …, stop.

    ``api_version`` is the version of this contract that the driver was written for;
    ``settings_type`` is the msgspec type of its section ``[drivers.NAME]``.
    """

    api_version: ClassVar[int] = API_VERSION
    settings_type: ClassVar[type[msgspec.Struct]] = NoSettings
    capabilities: ClassVar[Capabilities] = Capabilities()

    @abstractmethod
    def start(self, context: DriverContext) -> None:
        """Begin; may raise DriverError or SettingsError. Called once before any event."""

    @abstractmethod
    def handle(self, event: Event) -> None:
        """Take one event; may raise DriverError, which counts as an error of the driver."""

    @abstractmethod
    def stop(self) -> None:
        """End within 1 s; may be called after a ``start`` that raised. Raises nothing."""

    def addresses(self) -> tuple[str, ...]:
        """Addresses a person can open, such as a page; () when there are none."""
        return ()
