"""The bookkeeper on libvirt's test driver: it finds what no event tells, and survives libvirt."""

import logging
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hostmon._table import GuestTable
from hostmon.account import HostAccount
from hostmon.bookkeeper import Bookkeeper
from hostmon.definitions import Definitions
from hostmon.driver.contract import Guard
from hostmon.driver.sinks import Columns
from hostmon.driver.virt import VirtConnection, VirtContext
from hostmon.errors import NotConnectedError
from hostmon.host import Host
from hostmon.hypervisor import Connection
from hostmon.images.inspect import inspect
from hostmon.images.storage import Disk, Image
from hostmon.images.survey import Survey
from hostmon.ledger import HostLedger
from hostmon.machine.files import HERE
from hostmon.machine.memory import read_memory
from hostmon.machine.sysfs import read_topology
from hostmon.machine.topology import Topology
from hostmon.samples import Group
from hostmon.settings import ConnectionSettings
from hostmon_drivers.virt_libvirt.connection import LibvirtConnection
from tests.native.synthetic import put

libvirt = pytest.importorskip("libvirt")
UUID = uuid.UUID(int=7)
MIB = 1 << 20


def guest(vcpus: int, disk: Path) -> str:
    return (
        f"<domain type='test'><name>g</name><uuid>{UUID}</uuid><memory unit='MiB'>64</memory>"
        f"<currentMemory unit='MiB'>32</currentMemory><vcpu>{vcpus}</vcpu>"
        "<memoryBacking><hugepages/></memoryBacking><os><type>hvm</type></os><devices>"
        f"<disk type='file' device='disk'><source file='{disk}'/><target dev='vda'/></disk>"
        "</devices></domain>"
    )


class World:
    """A test driver's own world, one guest in it, and a bookkeeper that looks at it."""

    def __init__(self, folder: Path) -> None:
        (folder / "node.xml").write_text("<node/>")
        self.disk = folder / "disk"
        with self.disk.open("wb") as file:
            file.truncate(8 * MIB)
        self.host = Host(f"test://{folder}/node.xml", read_write=True)
        self.host.connect()
        self.domain = self.host.connection.defineXML(guest(3, self.disk))
        topology = read_topology()
        self.ledger = HostLedger(topology)
        self.table = GuestTable()
        self.definitions = Definitions(self.table, topology, self.ledger.bind)
        self.told: list[HostAccount] = []
        context = VirtContext(
            host="h",
            uri=self.host.uri,
            connection=ConnectionSettings(),
            settings=None,
            columns=Columns(GuestTable()),
        )
        opened = LibvirtConnection(context, None, kernel=False)
        opened._host = self.host  # each connection to such a URI is a world of its own
        self.connection = Connection(Guard("libvirt", opened, VirtConnection))
        self.keeper = self.made(lambda: self.connection)

    def made(self, connect: Callable[[], Connection], **options: Any) -> Bookkeeper:
        options.setdefault("survey", Survey(folders=(str(self.disk.parent),)))
        keeper = Bookkeeper(
            self.ledger, self.definitions, connect, publish=self.told.append, **options
        )
        keeper._stop.set()  # whatever waits, waits no more
        return keeper

    def learn(self) -> None:
        """What the connection keeper does for each guest."""
        config = self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        self.definitions.update(UUID.bytes, None, config)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_finds_what_no_event_told(world: World) -> None:
    world.learn()
    world.keeper.turn(world.connection, time.monotonic())
    account = world.keeper.account()
    assert (account.defined, account.active) == (1, 0)
    assert (account.vcpus.allocated, account.memory.allocated) == (3, 64 * MIB)
    assert account.disk.allocated == 8 * MIB
    assert account.disk_available_least is not None
    assert account.surveyed_ns > 0
    assert world.keeper.storage is not None
    assert world.keeper.storage.images == (), "nobody needs them any more"
    world.domain.create()
    report = world.keeper.audit(world.connection)
    assert {one.field for one in report.disagreements} == {"active"}
    account = world.keeper.account()
    assert (account.vcpus.used, account.memory.used) == (3, 32 * MIB)
    assert sum(pool.used for pool in account.pages[1:]) == 64 * MIB or len(account.pages) == 1
    assert world.keeper.audit(world.connection).disagreements == ()
    books = world.keeper.books
    assert (books.audits, books.report and books.report.guests) == (3, 1)
    assert books.healed["active"] == 1
    assert abs(books.audited_at - time.time()) < 60


def test_new_configuration_is_found(world: World) -> None:
    world.keeper.audit(world.connection)
    world.host.connection.defineXML(guest(9, world.disk))
    report = world.keeper.audit(world.connection)
    assert [(one.field, one.recorded, one.found) for one in report.disagreements] == [
        ("defined_vcpus", 3, 9)
    ]
    assert report.differences()["defined_vcpus"] == 6
    assert world.keeper.auditor.healed["defined_vcpus"] == 1


def test_an_event_under_way_is_no_disagreement(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.keeper.audit(world.connection)
    world.domain.create()

    # The event arrives while the audit waits for such.
    def late(_: float | None = None) -> bool:
        world.ledger.take(UUID.bytes, 3, 32 * MIB)
        return False

    monkeypatch.setattr(world.keeper._stop, "wait", late)
    assert world.keeper.audit(world.connection).disagreements == ()
    assert world.keeper.account().vcpus.used == 3


def test_guest_that_is_gone_is_released(world: World) -> None:
    world.keeper.audit(world.connection)
    world.domain.undefine()
    world.keeper.audit(world.connection)
    assert len(world.ledger) == 0


def test_images_of_a_guest_that_is_gone_are_given_back(world: World) -> None:
    world.learn()
    world.keeper.audit(world.connection)
    world.keeper.survey()
    assert world.keeper.account().disk.allocated == 8 * MIB
    world.definitions.forget(UUID.bytes)
    world.keeper.survey()
    assert world.keeper.account().disk.allocated == 0


@pytest.mark.parametrize("state", ["hung", "unreadable"])
def test_a_guest_keeps_what_is_known_of_it_while_an_image_is_unknown(
    world: World, state: str
) -> None:
    lost: list[str] = []

    def look(disk: Disk, filesystem: str) -> Image:
        found = inspect(disk, filesystem)
        allocated = found.allocated if state == "unreadable" else None
        return Image(disk, state, filesystem, allocated) if disk.path in lost else found

    world.learn()
    keeper = world.made(
        lambda: world.connection, survey=Survey(folders=(str(world.disk.parent),), look=look)
    )
    keeper.audit(world.connection)
    keeper.survey()
    before = keeper.account()
    assert before.disk.allocated == 8 * MIB
    lost.append(str(world.disk))
    keeper.survey()
    unknown = keeper.account()
    assert (unknown.disk.used, unknown.disk.allocated) == (before.disk.used, 8 * MIB)
    assert (unknown.disk_available_least, unknown.disk_room) == (None, 0)
    lost.clear()
    world.disk.unlink()
    keeper.survey()
    after = keeper.account()
    assert (after.disk.used, after.disk.allocated) == (0, 0)
    assert after.disk_available_least is not None


def test_images_of_a_guest_that_does_not_run_are_in_the_table(world: World) -> None:
    world.learn()
    world.table.upsert(UUID.bytes, b"g")
    assert world.definitions.place()
    began = time.monotonic_ns()
    world.keeper.survey()
    guest = world.table.snapshot().guest(UUID.bytes)
    allocated = world.disk.stat().st_blocks * 512
    (disk,) = guest.disks
    assert (disk.capacity, disk.allocation, disk.physical) == (8 * MIB, allocated, 8 * MIB)
    assert guest.valid[Group.BLOCK_SIZE] >= began
    world.disk.unlink()
    world.keeper.survey()
    (disk,) = world.table.snapshot().guest(UUID.bytes).disks
    assert (disk.capacity, disk.allocation, disk.physical) == (None, None, None)


@pytest.mark.parametrize(("allocated", "younger"), [(None, False), (4096, True)])
def test_only_what_was_read_of_an_image_makes_its_sizes_younger(
    world: World, allocated: int | None, younger: bool
) -> None:
    lost: list[str] = []

    def look(disk: Disk, filesystem: str) -> Image:
        found = inspect(disk, filesystem)
        return Image(disk, "unreadable", filesystem, allocated) if lost else found

    world.learn()
    world.table.upsert(UUID.bytes, b"g")
    assert world.definitions.place()
    keeper = world.made(lambda: world.connection, survey=Survey(folders=(), look=look))
    keeper.survey()
    first = world.table.snapshot().guest(UUID.bytes).valid[Group.BLOCK_SIZE]
    lost.append("")
    keeper.survey()
    guest = world.table.snapshot().guest(UUID.bytes)
    assert guest.disks[0].allocation == allocated
    assert (guest.valid[Group.BLOCK_SIZE] == first) == (not younger)
    world.disk.unlink()
    lost.clear()
    keeper.survey()
    assert world.table.snapshot().guest(UUID.bytes).valid[Group.BLOCK_SIZE] > first, "missing"


def test_an_image_that_may_not_be_opened_has_the_size_that_libvirt_told(world: World) -> None:
    """The guest ran, and libvirt told; it stopped, and its disk goes by another key."""
    qcow2 = world.disk.with_suffix(".qcow2")
    qcow2.write_bytes(b"not to be opened")
    config = guest(3, qcow2).replace(
        "<source file", "<driver name='qemu' type='qcow2'/><source file"
    )
    world.definitions.update(UUID.bytes, None, config)
    world.table.upsert(UUID.bytes, b"g")
    assert world.definitions.place()
    world.keeper.audit(world.connection)
    world.keeper.survey()
    assert world.keeper.account().disk_available_least is None
    world.table.set_state(UUID.bytes, 1, 1, 1)
    put(world.table, UUID.bytes, "disk", 0, {"capacity": 64 * MIB})
    for _ in range(2):
        world.keeper.survey()
        account = world.keeper.account()
        assert account.disk.allocated == 64 * MIB
        assert account.disk_available_least is not None
        (disk,) = world.table.snapshot().guest(UUID.bytes).disks
        assert disk.capacity == 64 * MIB
        world.table.set_devices(UUID.bytes, [(b"virtio-disk0", b"vda")], [])
        world.table.set_state(UUID.bytes, 5, 1, -1)
    world.definitions.update(UUID.bytes, None, guest(3, world.disk))
    assert [disk.capacity for disk in world.definitions.images()] == [None]


def test_tells_only_what_events_do_not(world: World) -> None:
    world.keeper.turn(world.connection, time.monotonic())
    assert len(world.told) == 1
    world.ledger.define(UUID.bytes, 5, 32 * MIB)
    world.keeper.turn(world.connection, 0.0)
    assert len(world.told) == 1
    world.learn()
    world.keeper.survey()
    world.keeper.turn(world.connection, 0.0)
    assert len(world.told) == 2
    assert world.told[1].surveyed_ns > world.told[0].surveyed_ns


def test_totals_are_compared_though_no_guest_changed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_memory(HERE)
    assert found is not None
    world.keeper.turn(world.connection, time.monotonic())
    plugged = msgspec.structs.replace(found, total=found.total + MIB)
    monkeypatch.setattr("hostmon.bookkeeper.read_memory", lambda _roots: plugged)
    world.keeper.turn(world.connection, 0.0)
    assert len(world.told) == 1, "looked at before its time"
    monkeypatch.setattr("hostmon.bookkeeper.WHOLE_S", 0.0)
    world.ledger.define(UUID.bytes, 5, 32 * MIB)  # whole once, and from then on
    world.keeper.turn(world.connection, 0.0)
    assert world.told[1].memory.total == plugged.total
    monkeypatch.setattr("hostmon.bookkeeper.read_memory", lambda _roots: found)
    world.keeper.turn(world.connection, 0.0)
    assert world.told[2].memory.total == found.total


def test_pools_and_networks_are_looked_at(world: World) -> None:
    world.host.connection.networkDefineXML("<network><name>n</name></network>")
    world.host.connection.storagePoolCreateXML(
        "<pool type='dir'><name>p</name><target><path>/p</path></target></pool>"
    )
    world.keeper.turn(world.connection, time.monotonic())
    objects = world.keeper.books.objects
    assert objects.networks == {"n": False}
    assert objects.pools["p"].capacity > 0
    assert objects.timed_out(time.monotonic_ns()) == {"p": False}


def test_the_account_is_told_though_networks_and_pools_fail(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> tuple[()]:
        raise NotConnectedError("Failed to connect socket to virtnetworkd-sock-ro")

    monkeypatch.setattr(world.host, "networks", away)
    monkeypatch.setattr(world.host, "pools", away)
    with caplog.at_level(logging.WARNING):
        for turn in range(3):
            world.keeper._objects_due = 0.0
            world.keeper.turn(world.connection, time.monotonic())
            assert len(world.told) == 1, turn
    said = [record.getMessage() for record in caplog.records if "can't be read" in record.message]
    assert [line.partition(":")[0] for line in said] == ["networks", "storage pools"]
    assert world.keeper.books.audits == 1


def test_a_connection_that_failed_is_told_from_its_networks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.keeper.turn(world.connection, time.monotonic())
    before = world.keeper.books.objects
    world.host.close()
    world.keeper._objects_due = 0.0
    with pytest.raises(NotConnectedError):
        world.keeper.turn(world.connection, time.monotonic())
    assert world.keeper.books.objects == before


def test_another_hosts_size_is_libvirts(world: World) -> None:
    world.ledger = HostLedger(Topology(arch="", cells=()))
    keeper = world.made(lambda: world.connection, local=False)
    keeper.turn(world.connection, time.monotonic())
    account = keeper.account()
    info = world.host.node_info()
    assert (account.vcpus.total, account.memory.total) == (info.cpus, info.memory)
    assert account.cells == ()
    assert (account.memory_in_use, account.disk_available_least) == (None, None)


def test_thread_audits_and_stops(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hostmon.bookkeeper.TICK_S", 0.01)
    monkeypatch.setattr("hostmon.bookkeeper.RETRY_S", 0.01)
    tries = []
    ready = []

    def connect() -> Connection:
        tries.append(1)
        if len(tries) == 1:
            raise NotConnectedError("not yet")
        return world.connection

    def is_ready() -> bool:
        ready.append(1)
        return len(ready) > 3

    keeper = world.made(connect, ready=is_ready, audit_s=0.01, survey=Survey(folders=()))
    keeper._stop.clear()
    with caplog.at_level(logging.INFO):
        keeper.start()
        for _ in range(1000):
            if keeper.books.audits > 2 and keeper.storage is not None:
                break
            keeper._thread.join(0.01)
        keeper.stop()
    assert not keeper._thread.is_alive()
    assert keeper.books.report is not None
    assert "not yet" in caplog.text
    assert len(ready) >= 4
