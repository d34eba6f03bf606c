"""A hypervisor from outside the tree: a folder whose files are its guests.

``NAME.json`` holds a guest's vCPUs, memory and whether it runs; a thread looks for changes.
"""

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

from hostmon.driver import VirtCapabilities
from hostmon.driver.sinks import EventSink, GuestStats, VcpuStats
from hostmon.driver.virt import (
    GuestDescription,
    HostDescription,
    Reading,
    VirtConnection,
    VirtContext,
    VirtDriver,
)
from hostmon.errors import GuestNotFoundError, NotConnectedError
from hostmon.events import LifecycleEvent
from hostmon.kinds import STATE_RUNNING, STATE_SHUTOFF

LOOK_EVERY = 0.05
MIB = 1 << 20
DOMAIN = """<domain type='folder'><name>{name}</name><uuid>{uuid}</uuid>
<memory unit='MiB'>{memory_mib}</memory><vcpu>{vcpus}</vcpu><os><type>hvm</type></os></domain>"""


class FolderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``path`` is the folder."""

    path: str


class Guest(msgspec.Struct, frozen=True):
    """One file."""

    vcpus: int = 1
    memory_mib: int = 64
    runs: bool = True


class FolderDriver(VirtDriver):
    """A folder whose files are guests."""

    api_versions = (2, 2)
    settings_type: ClassVar[type[msgspec.Struct]] = FolderSettings
    capabilities = VirtCapabilities()

    def start(self, context: VirtContext) -> None:
        """Keep the context."""
        self._context = context

    def connect(self, events: EventSink | None) -> VirtConnection:
        """Look at the folder from now on."""
        return FolderConnection(self._context, events)

    def readings(self) -> tuple[Reading, ...]:
        """Made-up processor times."""
        return (Reading(name="times", cadence=0.2),)

    def stop(self) -> None:
        """Connections end by themselves."""


class FolderConnection(VirtConnection):
    """One look-out."""

    def __init__(self, context: VirtContext, events: EventSink | None) -> None:
        self._context = context
        self._path = Path(context.settings.path)
        self._events = events
        self._closed = threading.Event()
        self._looks = 0
        self._seen = self._read()
        if events is not None:
            threading.Thread(target=self._watch, args=(events,), daemon=True).start()

    def _read(self) -> dict[str, Guest]:
        if not self._path.is_dir():
            raise NotConnectedError(f"path = {str(self._path)!r}: no folder there; make it")
        return {
            file.stem: msgspec.json.decode(file.read_bytes(), type=Guest)
            for file in sorted(self._path.glob("*.json"))
        }

    def version(self) -> str:
        """Of this driver."""
        return "2.0"

    def describe_host(self) -> HostDescription:
        """Nothing much."""
        return HostDescription(
            name=self._context.host, hypervisor="folder", version="2.0", vcpus=4, memory=1 << 30
        )

    def guests(self) -> Iterator[GuestDescription]:
        """One a file."""
        for name, guest in self._read().items():
            yield described(name, guest)

    def guest(self, uuid: uuid.UUID) -> GuestDescription:
        """By its name's hash."""
        for one in self.guests():
            if one.uuid == uuid:
                return one
        raise GuestNotFoundError(f"{self._path}: no file of guest {uuid}")

    def read(self, reading: str, guests: tuple[uuid.UUID, ...]) -> int:
        """One second of each vCPU a look."""
        del reading
        self._looks += 1
        known = {identity(name): guest for name, guest in self._read().items()}
        return sum(
            self._context.columns.put(
                GuestStats(
                    uuid=one,
                    cpu_time_ns=self._looks * 10**9,
                    vcpus=tuple(VcpuStats(n, self._looks * 10**9) for n in range(known[one].vcpus)),
                )
            )
            for one in guests
            if one in known
        )

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def _watch(self, events: EventSink) -> None:
        while not self._closed.wait(LOOK_EVERY):
            try:
                now = self._read()
            except NotConnectedError as error:
                events.lost(str(error))
                return
            for name in sorted(self._seen.keys() | now.keys()):
                for event, detail in steps(self._seen.get(name), now.get(name)):
                    events.put(
                        LifecycleEvent(
                            uuid=str(identity(name)),
                            name=name,
                            id=1 if event == "started" else -1,
                            event=event,
                            detail=detail,
                        )
                    )
            self._seen = now


def steps(before: Guest | None, after: Guest | None) -> Iterator[tuple[str, str]]:
    """What has happened to a guest."""
    if before is None and after is not None:
        yield "defined", "added"
    ran, runs = before is not None and before.runs, after is not None and after.runs
    if runs and not ran:
        yield "started", "booted"
    if ran and not runs:
        yield "stopped", "shutdown"
    if before is not None and after is None:
        yield "undefined", "removed"


def identity(name: str) -> uuid.UUID:
    """The guest's uuid."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, name)


def described(name: str, guest: Guest) -> GuestDescription:
    """A file as a guest."""
    document = DOMAIN.format(
        name=name, uuid=identity(name), memory_mib=guest.memory_mib, vcpus=guest.vcpus
    )
    return GuestDescription(
        uuid=identity(name),
        name=name,
        id=1 if guest.runs else -1,
        state=STATE_RUNNING if guest.runs else STATE_SHUTOFF,
        reason=1,
        vcpus=guest.vcpus,
        memory=guest.memory_mib * MIB,
        memory_max=guest.memory_mib * MIB,
        live=document if guest.runs else None,
        config=document,
    )
