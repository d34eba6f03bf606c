"""The statistics sampler on libvirt's own test driver, and its way with calls that hang."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import libvirt
import pytest

from hostmon._columns import absorb
from hostmon._plan import Plan
from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.disposable import Worker
from hostmon.driver.virt import Busy, Reading
from hostmon.errors import LibvirtError
from hostmon.hypervisor import Connection, Hypervisor, hypervisor_of
from hostmon.samples import Group
from hostmon.settings import AgentSettings, Settings
from hostmon.stats import CHUNK, StatsSampler

GUEST = """<domain type='test'><name>g</name><memory unit='MiB'>8</memory><vcpu>2</vcpu>
<os><type>hvm</type></os><devices><disk type='file'><source file='/x'/><target dev='vda'/></disk>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/>
<target dev='testnet0'/></interface></devices></domain>"""


@pytest.fixture
def connection() -> Iterator[libvirt.virConnect]:
    opened = libvirt.open("test:///default")
    domain = opened.createXML(GUEST)
    yield opened
    domain.destroy()
    opened.close()


@pytest.fixture
def uuid(connection: libvirt.virConnect) -> bytes:
    found: bytes = connection.lookupByName("g").UUID()
    return found


@pytest.fixture
def table(uuid: bytes) -> GuestTable:
    made = GuestTable()
    made.upsert(uuid, b"g")
    made.set_state(uuid, 1, 1, 7)
    made.set_devices(uuid, [(b"d0", b"vda")], [(b"52:54:00:00:00:01", b"testnet0")])
    return made


def eventually(condition: Callable[[], Any], deadline: float = 5) -> None:
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_handles_of_guests_that_are_gone_are_given_back(
    connection: libvirt.virConnect, table: GuestTable, uuid: bytes
) -> None:
    stats = Stats(table, connection, kernel=False)
    others = [domain.UUID() for domain in connection.listAllDomains() if domain.UUID() != uuid]
    for other in others:
        table.upsert(other, b"other")
    for each in (uuid, *others):
        stats.control(each)
    assert others
    assert stats.handles == 1 + len(others)
    for other in others:
        table.retire(other)
    stats.job(uuid)
    assert stats.handles == 1
    table.retire(uuid)
    assert stats.read([], libvirt.VIR_DOMAIN_STATS_STATE) == 0
    assert stats.handles == 0
    stats.close()


def libvirt_of(uri: str, table: GuestTable) -> Hypervisor:
    """The libvirt driver for one URI."""
    return hypervisor_of(Settings(agent=AgentSettings(uri=uri)), table)


def test_the_test_driver_is_read_by_single_calls(table: GuestTable, uuid: bytes) -> None:
    hypervisor = libvirt_of("test:///default", table)
    sampler = StatsSampler(hypervisor.connect, hypervisor.readings, table, tick=0.01)
    sampler.start()
    eventually(lambda: Group.CPU in table.snapshot().guest(uuid).valid)
    sampler.stop()
    guest = table.snapshot().guest(uuid)
    assert (guest.cpu.time_ns or 0) > 0
    assert [vcpu.number for vcpu in guest.vcpus] == [0, 1]
    assert guest.disks[0].read_requests is not None
    assert guest.interfaces[0].rx_bytes is not None
    assert {Group.VCPU, Group.VCPU_STATE, Group.BLOCK, Group.INTERFACE} <= set(guest.valid)
    report = sampler.report()
    assert (report.failures, report.deadlines, report.stuck, report.hung_calls) == (0, 0, 0, 0)
    assert report.records >= 1


def test_a_guest_that_libvirt_does_not_know(
    table: GuestTable, connection: libvirt.virConnect
) -> None:
    unknown = bytes(range(16))
    table.upsert(unknown, b"unknown")
    stats = Stats(table, connection)
    assert stats.read([unknown], libvirt.VIR_DOMAIN_STATS_STATE) == 0
    assert stats.control(unknown) is None
    assert stats.job(unknown) is None
    assert stats.tune(unknown) == 0
    stats.close()


def test_limits_are_forgotten_with_the_last_disk(
    connection: libvirt.virConnect, table: GuestTable, uuid: bytes
) -> None:
    plan, stats = Plan(table), Stats(table, connection)

    def read() -> bool:
        now = time.monotonic_ns()
        assert plan.due(0, now, now) == [uuid]
        stats.tune(uuid)
        return not plan.unread(0, [uuid], 1 << Group.IO_TUNE)

    assert read()
    assert Group.IO_TUNE in table.snapshot().guest(uuid).valid
    table.set_devices(uuid, [(b"ua-d", b"unheard-of")], [])
    assert [read() for _ in range(3)] == [False, False, False], "why there are none is not told"
    assert Group.IO_TUNE in table.snapshot().guest(uuid).valid
    table.set_devices(uuid, [], [])
    assert [read(), read()] == [False, True]
    assert Group.IO_TUNE not in table.snapshot().guest(uuid).valid
    stats.close()


def test_bulk_state_harms_nothing(
    table: GuestTable, connection: libvirt.virConnect, uuid: bytes
) -> None:
    stats = Stats(table, connection)
    assert stats.read([uuid], libvirt.VIR_DOMAIN_STATS_STATE) == 1
    assert table.passed_over == (0, 0)
    assert table.snapshot().guest(uuid).valid == {}
    stats.close()


def test_a_call_that_hangs_is_left_behind(table: GuestTable) -> None:
    worker = Worker(libvirt_of("test:///default", table).connect)
    release = threading.Event()
    with pytest.raises(TimeoutError):
        worker.call(lambda _: release.wait(10), 0.05)
    worker.abandon()
    assert worker.alive
    release.set()
    assert worker.join(5)


def test_a_connection_that_cannot_be_opened(table: GuestTable, tmp_path: Path) -> None:
    worker = Worker(libvirt_of(f"test://{tmp_path}/none.xml", table).connect)
    with pytest.raises(LibvirtError, match="none"):
        worker.call(lambda connection: connection, 5)
    worker.abandon()
    assert worker.join(5)


class Hanging:
    """A connection whose guests in ``stuck`` hang whoever asks, as a stopped QEMU does."""

    def __init__(self) -> None:
        self.stuck: set[bytes] = set()
        self.read_of: list[bytes] = []
        self.tells = True
        self.back = threading.Event()

    def connect(self) -> Connection:
        return cast("Connection", self)

    def read(self, _: str, guests: tuple[UUID, ...]) -> int:
        uuids = [guest.bytes for guest in guests]
        if self.stuck & set(uuids):
            self.back.wait(30)
        self.read_of += uuids
        return len(uuids)

    def busy(self, guests: tuple[UUID, ...]) -> tuple[Busy, ...]:
        return tuple(Busy(one, 9.0) for one in guests if self.tells and one.bytes in self.stuck)

    def close(self) -> None:
        pass


def often(seconds: float) -> tuple[Reading, ...]:
    return (Reading(name="all", cadence=seconds),)


def test_a_stuck_guest_harms_no_other(table: GuestTable, uuid: bytes) -> None:
    hanging = Hanging()
    other = bytes(range(16))
    table.upsert(other, b"other")
    table.set_state(other, 1, 1, 8)
    hanging.stuck = {uuid}
    sampler = StatsSampler(hanging.connect, often(0.05), table, deadline=0.2, tick=0.01)
    sampler.start()
    eventually(lambda: hanging.read_of.count(other) > 5, 20)
    assert uuid not in hanging.read_of
    # On a busy machine other calls may pass so short a deadline too.
    report = sampler.report()
    assert report.stuck == 1
    assert report.deadlines >= 1
    assert table.snapshot().guest(uuid).stuck_since_ns > 0
    hanging.stuck = set()
    hanging.back.set()
    eventually(lambda: hanging.read_of.count(uuid) > 3, 20)
    sampler.stop()
    assert sampler.report().stuck == 0
    assert table.snapshot().guest(uuid).stuck_since_ns == 0


class Waking(Hanging):
    """Guests whose vCPU runs only for the reading ``states``; ``look`` is the kernel's at them."""

    def __init__(self, table: GuestTable) -> None:
        super().__init__()
        self.table = table
        self.run_ns = 0
        self.readings: list[str] = []

    def read(self, reading: str, guests: tuple[UUID, ...]) -> int:
        self.readings.append(reading)
        if reading == "states":
            self.run_ns += 1
            for guest in guests:
                absorb(self.table, guest.bytes, {"vcpu.0.state": 1}, time.monotonic_ns())
        return len(guests)

    def look(self) -> None:
        for guest in self.table.snapshot().uuids:
            absorb(self.table, guest, {"vcpu.0.time": self.run_ns}, time.monotonic_ns())


def test_a_reading_that_wakes_an_idle_guest_is_made_once(table: GuestTable) -> None:
    waking = Waking(table)
    readings = (
        Reading(name="states", cadence=0.02, groups=("vcpu_state",), idle="confirm"),
        Reading(name="others", cadence=0.02, groups=("vcpu",)),
    )
    sampler = StatsSampler(waking.connect, readings, table, look=waking.look, tick=0.005)
    sampler.start()

    def confirmed(times: int) -> bool:
        waking.look()
        return sampler.report().confirmed >= times

    eventually(lambda: confirmed(5) and waking.readings.count("others") > 5)
    sampler.stop()
    assert waking.readings.count("states") == 1


class Running(Waking):
    """Guests of which ``eager`` truly runs, once, while others are read after it."""

    def __init__(self, table: GuestTable, eager: bytes) -> None:
        super().__init__(table)
        self.eager = eager
        self.ran: Counter[bytes] = Counter()
        self.states_of: Counter[bytes] = Counter()
        self.asked_to_look = 0

    def read(self, reading: str, guests: tuple[UUID, ...]) -> int:
        uuids = [guest.bytes for guest in guests]
        if reading == "states":
            self.ran.update(uuids)  # for a moment: they were woken
            if self.states_of[self.eager] == 1 and self.eager not in uuids:
                self.ran[self.eager] += 1
            self.states_of.update(uuids)
        return super().read(reading, guests)

    def look(self) -> None:
        for guest in self.table.snapshot().uuids:
            absorb(self.table, guest, {"vcpu.0.time": self.ran[guest]}, time.monotonic_ns())

    def look_now(self) -> None:
        self.asked_to_look += 1
        self.look()


class Watched(StatsSampler):
    """The kernel is looked at before each round."""

    watch: Callable[[], None]

    def _round(self) -> None:
        self.watch()
        super()._round()


@pytest.mark.parametrize(("patience", "again"), [(0.0, True), (60.0, False)])
def test_who_runs_after_it_was_read_is_read_again(
    table: GuestTable, uuid: bytes, monkeypatch: pytest.MonkeyPatch, patience: float, again: bool
) -> None:
    """Where calls take long: else one look after all of them is enough, and costs less."""
    monkeypatch.setattr("hostmon.stats.LOOK_S", patience)
    for number in range(2 * CHUNK):
        other = number.to_bytes(16, "big")
        table.upsert(other, b"other")
        table.set_state(other, 1, 1, 8)
    running = Running(table, uuid)
    states = Reading(name="states", cadence=0.02, groups=("vcpu_state",), idle="confirm")
    sampler = Watched(running.connect, (states,), table, look=running.look_now, tick=0.005)
    sampler.watch = running.look
    sampler.start()
    eventually(lambda: sampler.report().confirmed > 10 * CHUNK)
    sampler.stop()
    assert running.states_of == Counter(table.snapshot().uuids) + Counter([uuid] * again)
    assert running.asked_to_look == (3 + 1 if again else 1)


def test_at_most_three_connections(table: GuestTable, uuid: bytes) -> None:
    hanging = Hanging()
    # Nobody owes an answer, it says, and yet every call hangs.
    hanging.stuck, hanging.tells = {uuid}, False
    sampler = StatsSampler(hanging.connect, often(0.01), table, deadline=0.02, tick=0.005)
    sampler.start()
    eventually(lambda: sampler.report().hung_calls == 3)
    calls = sampler.report().calls
    time.sleep(0.1)  # nothing may happen: there is no condition to wait for
    assert sampler.report().calls == calls
    hanging.back.set()
    eventually(lambda: sampler.report().calls > calls)
    sampler.stop()


class Counted(StatsSampler):
    """Counts how often it wakes."""

    rounds = 0

    def _round(self) -> None:
        self.rounds += 1
        super()._round()


READINGS = (Reading(name="all", cadence=9), Reading(name="more", cadence=9))


def rounds_in(sampler: Counted, seconds: float) -> int:
    """How often it wakes in so many seconds, in which there is nothing for it to do."""
    before = sampler.rounds
    time.sleep(seconds)
    return sampler.rounds - before


def test_a_hypervisor_that_hangs_is_looked_for_once_a_tick(table: GuestTable) -> None:
    hanging = Hanging()

    def connect() -> Connection:
        hanging.back.wait(30)
        return hanging.connect()

    sampler = Counted(connect, READINGS, table, deadline=0.02, tick=0.1)
    sampler.start()
    eventually(lambda: sampler.report().hung_calls == 3)
    assert rounds_in(sampler, 0.5) <= 6
    hanging.back.set()
    eventually(lambda: sampler.report().records > 0)
    sampler.stop()


def test_a_hypervisor_that_is_away_is_called_no_sooner_than_said(table: GuestTable) -> None:
    hanging = Hanging()
    away = [LibvirtError("away")]

    def connect() -> Connection:
        if away:
            raise away.pop()
        return hanging.connect()

    sampler = Counted(connect, READINGS, table, tick=0.01)
    sampler.start()
    eventually(lambda: sampler.report().failures > 0)
    assert rounds_in(sampler, 0.5) <= 1
    assert sampler.report().records == 0, "another reading is no reason to call it either"
    eventually(lambda: sampler.report().records > 0)
    sampler.stop()
    assert sampler.report().failures == 1
