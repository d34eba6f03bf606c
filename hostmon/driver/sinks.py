"""Where a virt driver puts what it learns: events into the agent's pipe, statistics into columns.

Both may be used from any thread; neither blocks. A driver with compiled callbacks writes to
``pipe`` and ``table`` itself.
"""

import time
from collections.abc import Callable, Iterator
from uuid import UUID

import msgspec

from hostmon import kinds
from hostmon._columns import absorb
from hostmon._pipe import EventPipe, record
from hostmon._table import GuestTable
from hostmon.events import DomainEvent, Event, LifecycleEvent, ObjectEvent

KIB = 1024
_encode = msgspec.msgpack.encode
_HEADER_FIELDS = frozenset((*DomainEvent.__struct_fields__, *ObjectEvent.__struct_fields__))


class EventSink:
    """The events of one connection."""

    def __init__(self, pipe: EventPipe, lost: Callable[[str], None]) -> None:
        self.pipe = pipe
        self._lost = lost

    def put(self, event: Event) -> None:
        """Publish an event that has just happened.

        Of the fields that all events have, uuid, name, id and truncated count; number, time and
        what the guest is after it are the agent's to say.
        """
        kind = str(type(event).__struct_config__.tag)
        numbers: dict[str, int] = {}
        body = b""
        if isinstance(event, LifecycleEvent):
            numbers = lifecycle_numbers(event)
        else:
            own = [name for name in event.__struct_fields__ if name not in _HEADER_FIELDS]
            body = b"".join(_encode(name) + _encode(getattr(event, name)) for name in own)
            numbers = {"fields": len(own)}
        uuid = getattr(event, "uuid", "")
        self.pipe.put(
            record(
                kinds.NUMBERS[kind],
                uuid=UUID(uuid).bytes if uuid else b"",
                name=getattr(event, "name", "").encode(errors="surrogateescape"),
                id=getattr(event, "id", -1),
                body=body,
                truncated=event.truncated,
                **numbers,
            )
        )

    def lost(self, reason: str) -> None:
        """The connection is gone, and why."""
        self._lost(reason)


def lifecycle_numbers(event: LifecycleEvent) -> dict[str, int]:
    """The numbers of an event's and its detail's names; ValueError for a name that is none."""
    number = number_of(event.event, kinds.LIFECYCLE_EVENTS, "lifecycle event")
    known = number < len(kinds.LIFECYCLE_DETAILS)
    details = kinds.LIFECYCLE_DETAILS[number] if known else ()
    return {"event": number, "detail": number_of(event.detail, details, f"detail of {event.event}")}


def number_of(name: str | int, table: tuple[str, ...], what: str) -> int:
    """The number of a name; a number is one already."""
    if isinstance(name, int):
        return name
    if name not in table:
        raise ValueError(f"no {what} is called {name!r}; there are {', '.join(table)}")
    return table.index(name)


class VcpuStats(msgspec.Struct, frozen=True):
    """One vCPU: nanoseconds it has run."""

    number: int
    time_ns: int


class DiskStats(msgspec.Struct, frozen=True, kw_only=True):
    """One disk, by its target in the definition (``vda``); bytes and requests since its start."""

    target: str
    read_requests: int = 0
    read_bytes: int = 0
    write_requests: int = 0
    write_bytes: int = 0


class InterfaceStats(msgspec.Struct, frozen=True, kw_only=True):
    """One interface, by its target in the definition (``tap0``); received by the guest is rx."""

    target: str
    rx_bytes: int = 0
    rx_packets: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0


class GuestStats(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver read of one guest; None and () are what it does not know. Memory in bytes."""

    uuid: UUID
    cpu_time_ns: int | None = None
    memory: int | None = None
    memory_unused: int | None = None
    memory_rss: int | None = None
    vcpus: tuple[VcpuStats, ...] = ()
    disks: tuple[DiskStats, ...] = ()
    interfaces: tuple[InterfaceStats, ...] = ()


class Columns:
    """The columns of every guest that the agent knows."""

    def __init__(self, table: GuestTable) -> None:
        self.table = table

    def put(self, stats: GuestStats) -> bool:
        """Write one guest's statistics, as of now; False when the agent knows no such guest."""
        try:
            absorb(self.table, stats.uuid.bytes, dict(values_of(stats)), time.monotonic_ns())
        except KeyError:
            return False
        return True


def values_of(stats: GuestStats) -> Iterator[tuple[str, int | bytes]]:
    """The statistics under libvirt's names in bulk statistics, memory in KiB."""
    if stats.cpu_time_ns is not None:
        yield "cpu.time", stats.cpu_time_ns
    for name, value in (
        ("current", stats.memory),
        ("unused", stats.memory_unused),
        ("rss", stats.memory_rss),
    ):
        if value is not None:
            yield f"balloon.{name}", value // KIB
    for vcpu in stats.vcpus:
        yield f"vcpu.{vcpu.number}.time", vcpu.time_ns
    for number, disk in enumerate(stats.disks):
        yield f"block.{number}.name", disk.target.encode()
        yield f"block.{number}.rd.reqs", disk.read_requests
        yield f"block.{number}.rd.bytes", disk.read_bytes
        yield f"block.{number}.wr.reqs", disk.write_requests
        yield f"block.{number}.wr.bytes", disk.write_bytes
    for number, nic in enumerate(stats.interfaces):
        yield f"net.{number}.name", nic.target.encode()
        yield f"net.{number}.rx.bytes", nic.rx_bytes
        yield f"net.{number}.rx.pkts", nic.rx_packets
        yield f"net.{number}.tx.bytes", nic.tx_bytes
        yield f"net.{number}.tx.pkts", nic.tx_packets
