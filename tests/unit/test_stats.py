"""Statistics of libvirt's own test driver, and the thread that may be left behind."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import libvirt
import pytest

from hostmon._plan import Plan
from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.disposable import Worker
from hostmon.errors import LibvirtError
from hostmon.hypervisor import Hypervisor, hypervisor_of
from hostmon.samples import Group
from hostmon.settings import AgentSettings, Settings
from hostmon.stats import StatsSampler
from tests.agent_process import wait_for

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
    wait_for(lambda: Group.CPU in table.snapshot().guest(uuid).valid)
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


def test_a_guest_that_libvirt_does_not_know_keeps_no_other_from_being_read(
    table: GuestTable, uuid: bytes
) -> None:
    unknown = bytes(16)
    table.upsert(unknown, b"unknown")
    table.set_state(unknown, 1, 1, 9)
    connection = libvirt_of("test:///default", table).connect()
    assert connection.read("singly", (UUID(bytes=unknown), UUID(bytes=uuid))) == 1
    assert Group.CPU in table.snapshot().guest(uuid).valid
    connection.close()


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
