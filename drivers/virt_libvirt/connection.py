"""One read-only connection to libvirt: its lists, its events, its statistics.

Everything is hostmon.host.Host's; callbacks and statistics are compiled and pass by this file.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from uuid import UUID

from hostmon import kinds
from hostmon._stats import Stats
from hostmon.driver.sinks import EventSink
from hostmon.driver.virt import (
    Busy,
    GuestDescription,
    HostDescription,
    Mark,
    NetworkDescription,
    PoolDescription,
    VirtConnection,
    VirtContext,
)
from hostmon.errors import (
    GuestNotFoundError,
    HostmonError,
    NotConnectedError,
    UnsupportedError,
    XMLError,
)
from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.libvirt_errors import translated
from hostmon_drivers.virt_libvirt.jobs import Jobs
from hostmon_drivers.virt_libvirt.marks import Stamp, folders_stamp, mark_of, marked
from hostmon_drivers.virt_libvirt.readings import call_of

log = logging.getLogger(__name__)

TRIES = 3
"""A guest that starts or stops between any two questions about it is left to its events."""

NOTHING = UUID(int=0)

CONTROL_OK, CONTROL_JOB = 0, 1
"""States of virDomainGetControlInfo in which nobody waits."""


class LibvirtConnection(VirtConnection):
    """A connected Host; ``kernel``: the kernel sampler reads these guests too.

    ``written``: what is known of their states' files, whichever connection looked at them.
    """

    def __init__(
        self,
        context: VirtContext,
        events: EventSink | None,
        *,
        kernel: bool,
        written: dict[bytes, str] | None = None,
    ) -> None:
        self._table = context.columns.table
        self._kernel = kernel
        self._stats: Stats | None = None
        self._marked = marked(context.uri)
        self._marks: tuple[Mark, ...] = ()
        self._marked_at: Stamp | None = None
        self._jobs = Jobs(self._table.name, written=written) if self._marked else None
        keepalive = context.connection
        self._host = Host(
            context.uri,
            on_close=events.lost if events is not None else None,
            keepalive_interval=keepalive.keepalive_interval,
            keepalive_count=keepalive.keepalive_count,
        )
        self._host.connect()
        if events is not None:
            self._attach(events)

    def _attach(self, events: EventSink) -> None:
        """Receive events; what is refused of them stands in the log."""
        try:
            refused = self._host.attach_events(events.pipe)
        except HostmonError:
            self._host.close()
            raise
        if refused:
            log.info("%s gives no events of: %s", self._host.uri, ", ".join(refused))

    def version(self) -> str:
        """Of the libvirtd that answers."""
        return ".".join(map(str, self._host.libvirt_version))

    def describe_host(self) -> HostDescription:
        """From libvirt's capabilities, and its memory statistics."""
        host, cpu = self._host, self._host.cpu_info()
        return HostDescription(
            name=host.hostname,
            hypervisor=host.hypervisor_type,
            version=".".join(map(str, host.hypervisor_version)),
            vcpus=host.vcpus_total(),
            memory=host.memory_total(),
            cpu_arch=cpu.arch,
            cpu_model=cpu.model,
            cpu_features=cpu.features,
        )

    def guests(self) -> Iterator[GuestDescription]:
        """One list call, then a few calls a guest; none of them asks QEMU."""
        asked = time.monotonic_ns()
        for guest in self._host.list_guests():
            try:
                description = describe(guest, asked)
                if not is_of_one_moment(description):
                    description = self.guest(guest.uuid)
            except GuestNotFoundError:
                continue
            yield description

    def guest(self, uuid: UUID) -> GuestDescription:
        """A few calls, none of which asks QEMU; a guest that starts meanwhile is asked again."""
        for _ in range(TRIES):
            asked = time.monotonic_ns()
            description = describe(self._host.guest(uuid), asked)
            if is_of_one_moment(description):
                break
        return description

    def marks(self) -> tuple[Mark, ...]:
        """One list call, and the files in which libvirtd keeps each guest; none elsewhere.

        While nothing changed in their folders the marks are those of before, and nobody is asked.
        """
        if not self._marked:
            return ()
        stamp = folders_stamp()
        if stamp is None or stamp != self._marked_at:
            guests = self._host.list_guests()
            self._marks = tuple(Mark(one.uuid, mark_of(one.name, one.id)) for one in guests)
            # Files that are not there for some are perhaps not those of this libvirtd at all.
            self._marked_at = stamp if all(mark.text for mark in self._marks) else None
        return self._marks

    @translated("statistics")
    def read(self, reading: str, guests: tuple[UUID, ...]) -> int:
        """As drivers/virt_libvirt/readings.py has it."""
        uuids = [guest.bytes for guest in guests]
        if reading == "job" and self._jobs is not None:
            return self._jobs.read(self._reader(), uuids)
        return call_of(reading)(self._reader(), self._table, uuids)

    @translated("control state")
    def busy(self, guests: tuple[UUID, ...]) -> tuple[Busy, ...]:
        """virDomainGetControlInfo, which libvirtd answers without asking the guest."""
        reader = self._reader()
        asked = ((guest, reader.control(guest.bytes)) for guest in guests)
        return tuple(
            Busy(guest, float(found[1]))
            for guest, found in asked
            if found is not None and found[0] not in (CONTROL_OK, CONTROL_JOB)
        )

    def networks(self) -> tuple[NetworkDescription, ...]:
        """A list, and a few calls a network; none where the driver has no networks."""
        with contextlib.suppress(UnsupportedError):
            found = self._host.networks()
            return tuple(NetworkDescription(name=one.name, active=one.active) for one in found)
        return ()

    def pools(self) -> tuple[str, ...]:
        """None where the driver has no pools."""
        with contextlib.suppress(UnsupportedError):
            return tuple(one.name for one in self._host.pools())
        return ()

    def pool(self, name: str) -> PoolDescription:
        """virStoragePoolGetInfo, which tells what libvirtd found at its last look; and its XML."""
        space = self._host.pool_space(name)
        type_, path = "", ""
        with contextlib.suppress(XMLError):
            described = self._host.pool(name)
            type_ = described.type or ""
            path = (described.target and described.target.path) or ""
        return PoolDescription(
            state=space.state,
            capacity=space.capacity,
            allocation=space.allocation,
            available=space.available,
            type=type_,
            path=path,
        )

    def hears_objects(self) -> bool:
        """Always of libvirtd. virtqemud asks other daemons, each by one connection for a client.

        It keeps that connection when the daemon ends, and takes no other.
        """
        host = self._host
        return not host.unreached and reached(host.network) and reached(host.pool)

    def _reader(self) -> Stats:
        if self._stats is None:
            self._stats = Stats(self._table, self._host.connection, kernel=self._kernel)
        return self._stats

    def close(self) -> None:
        """Statistics first: they hold handles of the connection."""
        if self._stats is not None:
            self._stats.close()
            self._stats = None
        self._host.close()


def reached(look_up: Callable[[UUID], object]) -> bool:
    """Whether somebody answers to a look-up, of what there is not."""
    try:
        look_up(NOTHING)
    except NotConnectedError:
        return False
    except HostmonError:
        pass
    return True


def is_of_one_moment(description: GuestDescription) -> bool:
    """Whether the guest had a process both when libvirt told its id and when it told its state."""
    inactive = description.state in (kinds.STATE_SHUTOFF, kinds.STATE_CRASHED)
    return inactive == (description.id < 0)


def describe(guest: Guest, asked_ns: int) -> GuestDescription:
    """What libvirt says of a guest, with its XML; ``asked_ns``: when it told of the guest itself.

    Its id is as of then: an event that came later knows it better.
    """
    facts = guest.facts()
    return GuestDescription(
        uuid=guest.uuid,
        name=guest.name,
        id=guest.id,
        state=facts.state,
        reason=facts.reason,
        vcpus=facts.vcpus,
        memory=facts.memory,
        memory_max=facts.memory_max,
        cpu_time_ns=facts.cpu_time_ns,
        persistent=facts.persistent,
        autostart=facts.autostart,
        live=guest.xml() if guest.id >= 0 else None,
        config=guest.xml(inactive=True) if facts.persistent else None,
        asked_ns=asked_ns,
    )
