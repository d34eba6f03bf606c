"""The bases of drivers under ``hostmon.virt``: a hypervisor, and one connection to it.

The agent makes one driver object, and opens connections through it, each used by one thread:
one for events and lists, others for statistics, for comparing the account, for networks and pools.
States and reasons are libvirt's numbers (``hostmon.kinds.STATES`` names them), memory is in bytes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

from hostmon.driver.capabilities import VirtCapabilities
from hostmon.driver.contract import call
from hostmon.driver.plugin import Plugin
from hostmon.driver.sinks import Columns, EventSink
from hostmon.errors import DriverError, HypervisorError, ObjectNotFoundError, SettingsError
from hostmon.settings import ConnectionSettings


class VirtContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver is given when it starts.

    ``uri`` names the hypervisor, in the driver's own words; ``settings`` are of its
    ``settings_type``, from the section ``[virt.NAME]``; ``columns`` take statistics.
    """

    host: str
    uri: str
    connection: ConnectionSettings
    settings: Any
    columns: Columns


class GuestDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What a hypervisor says of one guest.

    ``id`` is -1 for a guest without a process. ``live`` is its definition as it runs, ``config``
    that of its next start, both in libvirt's domain XML: labels, devices and the account come from
    these. ``asked_ns`` is when it was asked for, by CLOCK_MONOTONIC; what an event told after that
    is newer. 0: when the list was.
    """

    uuid: UUID
    name: str
    state: int
    vcpus: int
    memory: int
    memory_max: int
    id: int = -1
    reason: int = 0
    cpu_time_ns: int = 0
    persistent: bool = True
    autostart: bool = False
    live: str | None = None
    config: str | None = None
    asked_ns: int = 0


class HostDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What a hypervisor says of its host; ``cpu_features`` are libvirt's names."""

    name: str
    hypervisor: str
    version: str
    vcpus: int
    memory: int
    cpu_arch: str = ""
    cpu_model: str = ""
    cpu_features: tuple[str, ...] = ()


class NetworkDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What a hypervisor says of a virtual network."""

    name: str
    active: bool


class PoolDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What a hypervisor says of a storage pool: libvirt's number of its state, and bytes.

    ``type`` is libvirt's name of it, ``path`` where on this host it has its volumes: without them
    what disks in it may grow to stays unknown.
    """

    state: int
    capacity: int
    allocation: int
    available: int
    type: str = ""
    path: str = ""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A sort of statistics, and how often the agent asks for it; ``cadence`` in seconds.

    ``groups`` are the groups of columns that it fills (``hostmon.samples.Group``, in lower case):
    they are shown while they are not older than two cadences. ``idle`` says what of guests of which
    the kernel sampler knows that no vCPU has run since: ``ask`` all the same, or ``confirm`` what
    was read, after one more reading. Sizes of disks (``block_size``) are never confirmed: a reading
    of them alone asks where no other brought them. A guest whose interfaces somebody else reads is
    left out of a reading ``for_interfaces``.
    """

    name: str
    cadence: float
    groups: tuple[str, ...] = ()
    idle: Literal["ask", "confirm"] = "ask"
    for_interfaces: bool = False


class ImageCacheReport(msgspec.Struct, frozen=True, kw_only=True):
    """One look after the cache: paths that guests use, that nobody does, that were removed.

    ``reported`` are files that cannot be judged, each with why: they are kept. ``directory`` is
    what was looked after, empty where there is none.
    """

    directory: str = ""
    used: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reported: tuple[str, ...] = ()


class Busy(msgspec.Struct, frozen=True):
    """A guest whose hypervisor owes an answer, for so many seconds."""

    uuid: UUID
    seconds: float


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A guest, and a text that is another once something of it changed that no event tells.

    Without a text there is no telling.
    """

    uuid: UUID
    text: str = ""


class VirtConnection(ABC):
    """One connection; a HypervisorError of a call means that it is of no more use.

    But of a call about networks and pools, which others may serve, only if ``version`` fails too.
    """

    @abstractmethod
    @call(HypervisorError, since=2)
    def version(self) -> str:
        """The hypervisor's version, or its library's; asked once after connecting."""

    @abstractmethod
    @call(HypervisorError, since=2)
    def describe_host(self) -> HostDescription:
        """What the hypervisor says of its host."""

    @abstractmethod
    @call(HypervisorError, since=2)
    def guests(self) -> Iterator[GuestDescription]:
        """Every guest, running or not, one by one; those that vanish meanwhile are left out."""

    @abstractmethod
    @call(HypervisorError, since=2)
    def guest(self, uuid: UUID) -> GuestDescription:
        """One guest, asked for now; GuestNotFoundError when there is none of this uuid."""

    @call(HypervisorError, since=2)
    def read(self, reading: str, guests: tuple[UUID, ...]) -> int:
        """Put statistics of these guests into the context's columns; of how many there were any.

        May block for as long as a guest does: its thread is left behind at a deadline.
        """
        del reading, guests
        return 0

    @call(HypervisorError, since=2)
    def busy(self, guests: tuple[UUID, ...]) -> tuple[Busy, ...]:
        """Which of these guests owe an answer; must not wait for them."""
        del guests
        return ()

    @call(HypervisorError, since=2)
    def marks(self) -> tuple[Mark, ...]:
        """Every guest with its mark; () where ``guests`` is to be asked for what changed.

        Asked every 15 s: worth having where it costs much less than ``guests``.
        """
        return ()

    @call(HypervisorError, since=2)
    def networks(self) -> tuple[NetworkDescription, ...]:
        """The virtual networks."""
        return ()

    @call(HypervisorError, since=2)
    def pools(self) -> tuple[str, ...]:
        """The names of the storage pools."""
        return ()

    @call(HypervisorError, since=2)
    def pool(self, name: str) -> PoolDescription:
        """One pool; ObjectNotFoundError when there is none of this name."""
        raise ObjectNotFoundError(f"pool {name!r}: this hypervisor has no pools")

    @call(HypervisorError, since=2)
    def hears_objects(self) -> bool:
        """Whether events of networks and pools still come; False has a new connection made.

        Asked of the connection that has the events, once another could list both.
        """
        return True

    @abstractmethod
    @call(since=2)
    def close(self) -> None:
        """Let go; may be called from a connection that is lost."""


class VirtDriver(Plugin):
    """Base of every virt driver; its connections hold no state of the process."""

    capabilities: ClassVar[VirtCapabilities] = VirtCapabilities()

    @abstractmethod
    @call(DriverError, SettingsError, since=2)
    def start(self, context: VirtContext) -> None:
        """Begin; called once, before anything else. Does not wait for the hypervisor."""

    @abstractmethod
    @call(HypervisorError, since=2)
    def connect(self, events: EventSink | None) -> VirtConnection:
        """Open a connection; blocks for as long as the hypervisor does.

        With ``events`` every event goes there from now on, until the connection is closed, and its
        loss is told there. NotConnectedError when nothing answers.
        """

    @call(since=2)
    def is_local(self) -> bool:
        """Whether guests are QEMU processes of this machine, of which the kernel tells more."""
        return False

    @call(since=2)
    def readings(self) -> tuple[Reading, ...]:
        """The statistics there are, sixteen at most; () for none."""
        return ()

    @call(HypervisorError, DriverError, since=2)
    def manage_image_cache(self) -> ImageCacheReport:
        """Look after the cache of base images, once; called only where ``has_imagecache``."""
        raise DriverError("declares has_imagecache and does not implement manage_image_cache()")

    @abstractmethod
    @call(since=2)
    def stop(self) -> None:
        """End within 1 s; connections may be open still, in threads that hang."""
