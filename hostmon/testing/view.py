"""An agent's view that needs no agent: fixed answers."""

from collections.abc import Sequence

from hostmon.status import AgentStatus, GuestStatus

GUEST = GuestStatus(
    uuid="6f3a2b1c-0d4e-4f5a-8b6c-7d8e9f0a1b2c",
    name="sample-guest",
    id=1,
    presence="present",
    state="running",
    reason=1,
    vcpus=2,
    memory=1 << 30,
    memory_max=1 << 30,
    cpu_time_ns=1,
    persistent=True,
    autostart=False,
)


class FixedView:
    """One running guest on a connected host."""

    def status(self) -> AgentStatus:
        """Connected, one guest."""
        return AgentStatus(
            version="0",
            host="sample-host",
            uri="test:///default",
            epoch=1,
            pid=1,
            uptime=1.0,
            connection="up",
            connection_reason="",
            current=True,
            connections=1,
            libvirt_version="9.0.0",
            guests=1,
            running=1,
            active=1,
            classes=(),
            kinds=(),
            lost_records=0,
            drivers=(),
            events_addresses=(),
        )

    def guests(self) -> tuple[GuestStatus, ...]:
        """The one guest."""
        return (GUEST,)

    def metrics(
        self,
        *,
        openmetrics: bool = False,
        compressed: bool = False,
        collect: Sequence[str] = (),
        profile: str = "",
    ) -> bytes:
        """An empty page in the form asked for."""
        del compressed, collect, profile
        return b"# EOF\n" if openmetrics else b""

    def metric_pieces(
        self,
        *,
        openmetrics: bool = False,
        compressed: bool = False,
        collect: Sequence[str] = (),
        profile: str = "",
    ) -> tuple[bytes, ...]:
        """The same in one piece."""
        page = self.metrics(
            openmetrics=openmetrics, compressed=compressed, collect=collect, profile=profile
        )
        return (page,)
