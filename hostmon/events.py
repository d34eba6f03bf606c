"""The typed events: one frozen type a kind, as they travel on the bus (docs/wire.md).

Times are nanoseconds, memory and storage bytes. A value that libvirt numbers carries libvirt's
name, or the bare number where this version knows no name for it. Fields that a newer peer adds are
ignored; fields that an older peer lacks take their defaults.
"""

import msgspec

from hostmon.account import HostAccount, Sums
from hostmon.numbers import ClassSequence, KindLoss, Uint64

WIRE_VERSION = 1

Named = str | int
"""A libvirt enumeration: its name, or its number when it has no name here."""


class Event(msgspec.Struct, frozen=True, tag_field="kind", kw_only=True):
    """What every event says of itself.

    ``sequence`` counts the events of one class (lifecycle, host, settled) from 1 within one
    ``epoch``, which is new at each start of the agent (nanoseconds since 1970); ``kind_previous``
    is the number of the event of the same kind before, 0 for none. ``origin`` is ``live`` for what
    was reported as it happened, ``resync`` for what a comparison with libvirt found, ``kernel`` for
    what the kernel told first, ``replayed`` for what a subscriber asked for again. ``sums`` are the
    host's after an event that changed them, and in heartbeats. ``truncated``: texts or lists of it
    were longer than the agent carries, and are cut.
    """

    v: int = WIRE_VERSION
    epoch: Uint64 = 0
    sequence: Uint64 = 0
    kind_previous: Uint64 = 0
    host: str = ""
    time_ns: Uint64 = 0
    monotonic_ns: Uint64 = 0
    origin: str = "live"
    sums: Sums | None = None
    truncated: bool = False


class DomainEvent(Event, frozen=True, kw_only=True):
    """An event of one guest; ``id`` is libvirt's, -1 when it is not running.

    ``previous`` is the number of this guest's event of the same class before, 0 for none.
    """

    uuid: str = ""
    name: str = ""
    id: int = -1
    previous: Uint64 = 0


class LifecycleEvent(DomainEvent, frozen=True, kw_only=True, tag="lifecycle"):
    """A guest was defined, started, suspended, stopped …: VIR_DOMAIN_EVENT_ID_LIFECYCLE.

    ``state``, ``reason`` and ``persistent`` are the guest's after it; state ``absent``: it is gone.
    """

    event: Named
    detail: Named
    state: Named = "nostate"
    reason: int = 0
    persistent: bool = False


class FactsEvent(DomainEvent, frozen=True, kw_only=True, tag="facts"):
    """Asked, libvirt told of a guest what differs from what was known; sizes in bytes.

    libvirt announces many such changes by no event (``setvcpus``, most of ``--config``).
    """

    state: Named
    reason: int
    vcpus: int
    memory: Uint64
    memory_max: Uint64
    persistent: bool
    autostart: bool


class ProcessExitEvent(DomainEvent, frozen=True, kw_only=True, tag="process-exit"):
    """A guest's process has ended, says the kernel; libvirt has yet to be asked what became of it.

    ``origin`` is ``kernel``; it comes whether libvirtd lives or not.
    """

    pid: Uint64


class RebootEvent(DomainEvent, frozen=True, kw_only=True, tag="reboot"):
    """A guest rebooted."""


class RtcChangeEvent(DomainEvent, frozen=True, kw_only=True, tag="rtc-change"):
    """A guest set its clock; ``utcoffset`` in seconds."""

    utcoffset: int


class WatchdogEvent(DomainEvent, frozen=True, kw_only=True, tag="watchdog"):
    """A guest's watchdog fired."""

    action: Named


class GraphicsAddress(msgspec.Struct, frozen=True, array_like=True):
    """One end of a graphics connection."""

    family: Named
    node: str | None
    service: str | None


class GraphicsIdentity(msgspec.Struct, frozen=True, array_like=True):
    """One proof of who connected: x509dname, saslUsername …"""

    type: str | None
    name: str | None


class GraphicsEvent(DomainEvent, frozen=True, kw_only=True, tag="graphics"):
    """Somebody connected to a guest's display."""

    phase: Named
    local: GraphicsAddress
    remote: GraphicsAddress
    auth_scheme: str | None
    subject: tuple[GraphicsIdentity, ...]


class IoErrorEvent(DomainEvent, frozen=True, kw_only=True, tag="io-error"):
    """A disk failed: VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON."""

    src_path: str | None
    dev_alias: str | None
    action: Named
    reason: str | None


class ControlErrorEvent(DomainEvent, frozen=True, kw_only=True, tag="control-error"):
    """libvirt lost its monitor connection to a guest."""


class DiskChangeEvent(DomainEvent, frozen=True, kw_only=True, tag="disk-change"):
    """A disk's source was changed or dropped because it was missing at start."""

    old_src_path: str | None
    new_src_path: str | None
    dev_alias: str | None
    reason: Named


class TrayChangeEvent(DomainEvent, frozen=True, kw_only=True, tag="tray-change"):
    """A removable drive's tray opened or closed."""

    dev_alias: str | None
    reason: Named


class PmWakeupEvent(DomainEvent, frozen=True, kw_only=True, tag="pm-wakeup"):
    """A guest woke from its suspension."""

    reason: int


class PmSuspendEvent(DomainEvent, frozen=True, kw_only=True, tag="pm-suspend"):
    """A guest suspended itself to memory."""

    reason: int


class PmSuspendDiskEvent(DomainEvent, frozen=True, kw_only=True, tag="pm-suspend-disk"):
    """A guest suspended itself to disk."""

    reason: int


class BalloonChangeEvent(DomainEvent, frozen=True, kw_only=True, tag="balloon-change"):
    """A guest's balloon reached a new level; ``actual`` in bytes."""

    actual: Uint64


class DeviceRemovedEvent(DomainEvent, frozen=True, kw_only=True, tag="device-removed"):
    """A device left a guest."""

    dev_alias: str | None


class DeviceAddedEvent(DomainEvent, frozen=True, kw_only=True, tag="device-added"):
    """A device came to a guest."""

    dev_alias: str | None


class DeviceRemovalFailedEvent(DomainEvent, frozen=True, kw_only=True, tag="device-removal-failed"):
    """A guest refused to let go of a device."""

    dev_alias: str | None


class BlockJobEvent(DomainEvent, frozen=True, kw_only=True, tag="block-job"):
    """A block job ended or became ready; ``disk`` is its target (BLOCK_JOB_2)."""

    disk: str | None
    type: Named
    status: Named


class TypedParameter(msgspec.Struct, frozen=True, array_like=True):
    """One virTypedParameter; an unknown type of value is None."""

    name: str
    value: bool | int | float | str | None


class TunableEvent(DomainEvent, frozen=True, kw_only=True, tag="tunable"):
    """Tunables of a guest changed (cputune.*, blkdeviotune.*)."""

    params: tuple[TypedParameter, ...]


class AgentLifecycleEvent(DomainEvent, frozen=True, kw_only=True, tag="agent-lifecycle"):
    """The agent inside a guest connected or disconnected."""

    state: Named
    reason: Named


class MigrationIterationEvent(DomainEvent, frozen=True, kw_only=True, tag="migration-iteration"):
    """A migration began another pass over the guest's memory."""

    iteration: int


class JobCompletedEvent(DomainEvent, frozen=True, kw_only=True, tag="job-completed"):
    """A job ended, with its statistics."""

    params: tuple[TypedParameter, ...]


class MetadataChangeEvent(DomainEvent, frozen=True, kw_only=True, tag="metadata-change"):
    """A guest's title, description or a metadata element (by ``nsuri``) changed."""

    type: Named
    nsuri: str | None


class BlockThresholdEvent(DomainEvent, frozen=True, kw_only=True, tag="block-threshold"):
    """A guest wrote beyond a threshold on its storage; ``threshold``, ``excess`` in bytes."""

    dev: str | None
    path: str | None
    threshold: Uint64
    excess: Uint64


class MemoryFailureEvent(DomainEvent, frozen=True, kw_only=True, tag="memory-failure"):
    """Memory failed under a guest; ``flags`` are virDomainMemoryFailureFlags."""

    recipient: Named
    action: Named
    flags: int


class MemoryDeviceSizeChangeEvent(
    DomainEvent, frozen=True, kw_only=True, tag="memory-device-size-change"
):
    """A guest resized a memory device; ``size`` in bytes."""

    dev_alias: str | None
    size: Uint64


class ObjectEvent(Event, frozen=True, kw_only=True):
    """An event of a host object other than a guest."""

    uuid: str = ""
    name: str = ""


class NetworkEvent(ObjectEvent, frozen=True, kw_only=True, tag="network"):
    """A virtual network was defined, started …"""

    event: Named
    detail: int


class PoolEvent(ObjectEvent, frozen=True, kw_only=True, tag="pool"):
    """A storage pool was defined, started …"""

    event: Named
    detail: int


class PoolRefreshEvent(ObjectEvent, frozen=True, kw_only=True, tag="pool-refresh"):
    """A storage pool was refreshed."""


class ConnectionEvent(Event, frozen=True, kw_only=True, tag="connection"):
    """The agent's connection to libvirt came up or went down, and why."""

    state: Named
    reason: str


class AccountEvent(Event, frozen=True, kw_only=True, tag="account"):
    """The host's account, of which more than the sums has changed: totals, cells, storage."""

    account: HostAccount


class LostEvent(Event, frozen=True, kw_only=True, tag="lost"):
    """Events found no room on their way here and have no number: how many of each kind.

    What a comparison with libvirt can tell of them follows, of origin ``resync``.
    """

    kinds: tuple[KindLoss, ...]


class SettledEvent(DomainEvent, frozen=True, kw_only=True):
    """What became of a guest's stop: the event ``stop_sequence`` of class lifecycle.

    ``detail`` is that event's; ``stopped_ns`` is its time (``time_ns``).
    """

    detail: Named
    stopped_ns: Uint64
    stop_sequence: Uint64


class StoppedEvent(SettledEvent, frozen=True, kw_only=True, tag="stopped"):
    """The reboot window has passed without a start, and libvirt says that the guest is stopped."""


class RebootedEvent(SettledEvent, frozen=True, kw_only=True, tag="rebooted"):
    """The guest started again before its stop was concluded."""


class HeartbeatEvent(Event, frozen=True, kw_only=True, tag="heartbeat"):
    """The agent lives; each class's last number lets a subscriber see that it missed the newest."""

    classes: tuple[ClassSequence, ...]


class Welcome(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="welcome"):
    """The first message of every connection to the bus: which run this is, and how far it is."""

    v: int = WIRE_VERSION
    epoch: Uint64
    host: str
    classes: tuple[ClassSequence, ...]


EVENT_TYPES: tuple[type[Event], ...] = (
    LifecycleEvent,
    FactsEvent,
    ProcessExitEvent,
    RebootEvent,
    RtcChangeEvent,
    WatchdogEvent,
    GraphicsEvent,
    IoErrorEvent,
    ControlErrorEvent,
    DiskChangeEvent,
    TrayChangeEvent,
    PmWakeupEvent,
    PmSuspendEvent,
    PmSuspendDiskEvent,
    BalloonChangeEvent,
    DeviceRemovedEvent,
    DeviceAddedEvent,
    DeviceRemovalFailedEvent,
    BlockJobEvent,
    TunableEvent,
    AgentLifecycleEvent,
    MigrationIterationEvent,
    JobCompletedEvent,
    MetadataChangeEvent,
    BlockThresholdEvent,
    MemoryFailureEvent,
    MemoryDeviceSizeChangeEvent,
    NetworkEvent,
    PoolEvent,
    PoolRefreshEvent,
    ConnectionEvent,
    AccountEvent,
    LostEvent,
    StoppedEvent,
    RebootedEvent,
    HeartbeatEvent,
)
