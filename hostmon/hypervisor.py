"""The hypervisor, as the agent uses it: one virt driver and its connections, behind their contract.

Whatever a driver does that it does not declare arrives as ContractError, which is a HostmonError
like a connection's loss: callers close and connect again. Owns no policy.
"""

import logging
from collections.abc import Iterator
from uuid import UUID

from hostmon._table import GuestTable
from hostmon.driver.contract import Guard, made
from hostmon.driver.points import VIRT
from hostmon.driver.sinks import Columns, EventSink
from hostmon.driver.virt import (
    Busy,
    GuestDescription,
    HostDescription,
    ImageCacheReport,
    Mark,
    NetworkDescription,
    PoolDescription,
    Reading,
    VirtConnection,
    VirtContext,
    VirtDriver,
)
from hostmon.errors import ContractError, DriverError, SettingsError
from hostmon.loader import check_settings, find_drivers, load, own_settings
from hostmon.settings import Settings

log = logging.getLogger(__name__)


class Connection:
    """One connection; its calls are those of VirtConnection."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def version(self) -> str:
        """The hypervisor's version."""
        return str(self._guard("version"))

    def describe_host(self) -> HostDescription:
        """What the hypervisor says of its host."""
        description: HostDescription = self._guard("describe_host")
        return description

    def guests(self) -> Iterator[GuestDescription]:
        """Every guest, one by one."""
        return self._guard.each("guests")

    def guest(self, uuid: UUID) -> GuestDescription:
        """One guest, asked for now."""
        description: GuestDescription = self._guard("guest", uuid)
        return description

    def read(self, reading: str, guests: tuple[UUID, ...]) -> int:
        """Read statistics into the columns; of how many guests there were any."""
        return int(self._guard("read", reading, guests))

    def busy(self, guests: tuple[UUID, ...]) -> tuple[Busy, ...]:
        """Which of these guests owe an answer."""
        busy: tuple[Busy, ...] = self._guard("busy", guests)
        return busy

    def marks(self) -> tuple[Mark, ...]:
        """Every guest with its mark; none where there is no telling."""
        marks: tuple[Mark, ...] = self._guard("marks")
        return marks

    def networks(self) -> tuple[NetworkDescription, ...]:
        """The virtual networks."""
        found: tuple[NetworkDescription, ...] = self._guard("networks")
        return found

    def pools(self) -> tuple[str, ...]:
        """The names of the storage pools."""
        return tuple(self._guard("pools"))

    def pool(self, name: str) -> PoolDescription:
        """One pool; raises ObjectNotFoundError."""
        description: PoolDescription = self._guard("pool", name)
        return description

    def hears_objects(self) -> bool:
        """Whether events of networks and pools still come."""
        return bool(self._guard("hears_objects"))

    def close(self) -> None:
        """Let go."""
        self._guard("close")


class Hypervisor:
    """One virt driver, from :meth:`start` to :meth:`stop`."""

    def __init__(self, name: str, kind: type[VirtDriver], context: VirtContext) -> None:
        self.name = name
        self.has_imagecache = kind.capabilities.has_imagecache
        self.driver: VirtDriver = made(name, kind)
        self.violations = 0
        self._told = ""
        self._guard = Guard(name, self.driver, VirtDriver, self._breached)
        self._guard("start", context)
        self.is_local: bool = self._guard("is_local")
        self.readings: tuple[Reading, ...] = self._guard("readings")

    def connect(self, events: EventSink | None = None) -> Connection:
        """Open a connection; with ``events``, every event goes there."""
        opened = self._guard("connect", events)
        return Connection(Guard(self.name, opened, VirtConnection, self._breached))

    def _breached(self, error: ContractError) -> None:
        """Count a breach of the contract; record it, again only after another one."""
        self.violations += 1
        if str(error) != self._told:
            self._told = str(error)
            log.error("%s%s", error, error.trace and f"\n{error.trace}")

    def manage_image_cache(self) -> ImageCacheReport:
        """Look after the cache of base images, once."""
        report: ImageCacheReport = self._guard("manage_image_cache")
        return report

    def start(self) -> None:
        """Nothing to wait for: the driver has begun, and connections are their users'."""

    def stop(self) -> None:
        """End the driver."""
        self._guard("stop")


def hypervisor_of(settings: Settings, table: GuestTable) -> Hypervisor:
    """The one that the configuration names; raises SettingsError for one that can't be used."""
    name = settings.agent.virt
    section = settings.virt.get(name, {})
    try:
        entry = find_drivers([name], {name: section}, VIRT)[name]
        if entry.refusal:
            raise DriverError(f"driver {name!r} is refused: {entry.refusal}")
        check_settings(entry)
        kind: type[VirtDriver] = load(name, VIRT)
        context = VirtContext(
            host=settings.agent.host_name,
            uri=settings.agent.uri,
            connection=settings.connection,
            settings=own_settings(name, kind, section, VIRT),
            columns=Columns(table),
        )
        return Hypervisor(name, kind, context)
    except (DriverError, ContractError) as error:
        raise SettingsError(f"agent.virt: {error}") from None
