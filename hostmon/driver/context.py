"""What a driver is given when it starts: the agent as far as a driver may see it."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from hostmon.status import AgentStatus, GuestStatus


class AgentView(Protocol):
    """What a driver may ask; in a thread it is answered from memory, in a process by the agent.

    In a process every call may raise AgentUnreachableError and ProtocolError, and ``metrics`` and
    ``metric_pieces`` raise DriverError: declare ``needs_metrics`` to run in a thread.
    """

    def status(self) -> AgentStatus:
        """The agent's state now."""

    def guests(self) -> tuple[GuestStatus, ...]:
        """Every guest, as of now."""

    def metrics(
        self,
        *,
        openmetrics: bool = False,
        compressed: bool = False,
        collect: Sequence[str] = (),
        profile: str = "",
    ) -> bytes:
        """The metric page: text 0.0.4 or OpenMetrics 1.0, gzipped if ``compressed``.

        ``collect`` names the families wanted; none is all of them. ``profile`` names another
        exporter's page, or is empty for the configured one; SettingsError if there is none of
        that name. Waits 50 ms at most for fresh figures of the kernel's.
        """

    def metric_pieces(
        self,
        *,
        openmetrics: bool = False,
        compressed: bool = False,
        collect: Sequence[str] = (),
        profile: str = "",
    ) -> tuple[bytes | memoryview, ...]:
        """The same page in pieces, as it was rendered: joining them takes longer than rendering.

        Each stays as it is for as long as it is kept, and is then memory of the agent's; those who
        ask within 100 ms have the same tuple.
        """


class DriverContext(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's view, its bus, and the driver's own settings, of its ``settings_type``."""

    host: str
    events_addresses: tuple[str, ...]
    view: AgentView
    settings: Any
