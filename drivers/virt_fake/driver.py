"""The driver: its settings, its connections to one world, and the script that plays in it."""

import time
from collections.abc import Iterator
from typing import ClassVar
from uuid import UUID

import msgspec

from hostmon.driver import VirtCapabilities
from hostmon.driver.sinks import EventSink
from hostmon.driver.virt import (
    Busy,
    GuestDescription,
    HostDescription,
    Reading,
    VirtConnection,
    VirtContext,
    VirtDriver,
)
from hostmon.errors import GuestNotFoundError
from hostmon_drivers.virt_fake.script import Script, Step
from hostmon_drivers.virt_fake.world import World

VERSION = "1.0"
GIB = 1 << 30


class FakeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``guests`` run at the start; ``steps`` follow, then ``churn`` random changes a second.

    ``host_vcpus`` and ``host_memory_mib`` are what the host says of itself; statistics are read
    every ``cadence`` seconds.
    """

    guests: int = 0
    steps: tuple[Step, ...] = ()
    churn: float = 0.0
    seed: int = 0
    host_vcpus: int = 64
    host_memory_mib: int = 256 * 1024
    cadence: float = 1.0

    def __post_init__(self) -> None:
        for name, most in (("guests", 100_000), ("churn", 10_000)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} = {getattr(self, name)!r}: give 0 to {most}")
        if self.cadence <= 0:
            raise ValueError(f"cadence = {self.cadence!r}: give above 0")


class FakeDriver(VirtDriver):
    """A hypervisor in memory, for tests and for trying things out; ``world`` is what it drives."""

    api_versions = (2, 2)
    settings_type: ClassVar[type[msgspec.Struct]] = FakeSettings
    capabilities = VirtCapabilities()

    def __init__(self) -> None:
        self.world = World()
        self._script: Script | None = None

    def start(self, context: VirtContext) -> None:
        """Make the guests, and begin to play."""
        settings: FakeSettings = context.settings
        self._context = context
        for number in range(settings.guests):
            name = f"fake-{number + 1}"
            self.world.define(name)
            self.world.start(name)
        if settings.steps or settings.churn:
            self._script = Script(self.world, settings.steps, settings.churn, settings.seed)
            self._script.start()

    def connect(self, events: EventSink | None) -> VirtConnection:
        """Another connection to the one world."""
        self.world.check()
        return FakeConnection(self.world, self._context, events)

    def readings(self) -> tuple[Reading, ...]:
        """One reading of everything."""
        return (Reading(name="all", cadence=self._context.settings.cadence),)

    def stop(self) -> None:
        """End the script."""
        if self._script is not None:
            self._script.stop()


class FakeConnection(VirtConnection):
    """A connection to a world."""

    def __init__(self, world: World, context: VirtContext, events: EventSink | None) -> None:
        self._world = world
        self._context = context
        self._events = events
        if events is not None:
            world.subscribe(events)

    def version(self) -> str:
        """Of this driver."""
        self._world.check()
        return VERSION

    def describe_host(self) -> HostDescription:
        """As the settings have it."""
        self._world.check()
        settings: FakeSettings = self._context.settings
        return HostDescription(
            name=self._context.host,
            hypervisor="fake",
            version=VERSION,
            vcpus=settings.host_vcpus,
            memory=settings.host_memory_mib << 20,
        )

    def guests(self) -> Iterator[GuestDescription]:
        """Of one moment."""
        asked = time.monotonic_ns()
        for guest in self._world.guests():
            yield msgspec.structs.replace(guest.describe(), asked_ns=asked)

    def guest(self, uuid: UUID) -> GuestDescription:
        """As of now."""
        asked = time.monotonic_ns()
        return msgspec.structs.replace(self._world.guest(uuid).describe(), asked_ns=asked)

    def read(self, reading: str, guests: tuple[UUID, ...]) -> int:
        """Everything there is; hangs for a guest that is stuck."""
        del reading
        read = 0
        for uuid in guests:
            try:
                guest = self._world.guest(uuid)
            except GuestNotFoundError:
                continue
            self._world.wait_for(guest.name)
            read += self._context.columns.put(guest.statistics())
        return read

    def busy(self, guests: tuple[UUID, ...]) -> tuple[Busy, ...]:
        """Those that are stuck."""
        known = {guest.uuid: guest.name for guest in self._world.guests()}
        return tuple(
            Busy(uuid, 10.0) for uuid in guests if self._world.is_stuck(known.get(uuid, ""))
        )

    def close(self) -> None:
        """Hear no more."""
        if self._events is not None:
            self._world.unsubscribe(self._events)
