"""The bookkeeper on libvirt's test driver: it finds what no event tells, and survives libvirt."""

import logging
import uuid
from pathlib import Path

import pytest

from hostmon.bookkeeper import Bookkeeper
from hostmon.errors import NotConnectedError
from hostmon.host import Host
from hostmon.images.survey import Survey
from hostmon.ledger import HostLedger
from hostmon.machine.sysfs import read_topology

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
        self.ledger = HostLedger(read_topology())
        self.keeper = Bookkeeper(
            self.ledger, lambda: self.host, survey=Survey(folders=(str(folder),))
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_finds_what_no_event_told(world: World) -> None:
    world.keeper.turn(world.host)
    account = world.keeper.account()
    assert (account.defined, account.active) == (1, 0)
    assert (account.vcpus.allocated, account.memory.allocated) == (3, 64 * MIB)
    assert account.disk.allocated == 8 * MIB
    assert account.disk_available_least is not None
    world.domain.create()
    report = world.keeper.compare(world.host)
    assert {one.field for one in report.disagreements} == {"active"}
    account = world.keeper.account()
    assert (account.vcpus.used, account.memory.used) == (3, 32 * MIB)
    assert sum(pool.used for pool in account.pages[1:]) == 64 * MIB or len(account.pages) == 1
    assert world.keeper.compare(world.host).disagreements == ()


def test_new_configuration_is_found(world: World) -> None:
    world.keeper.compare(world.host)
    world.host.connection.defineXML(guest(9, world.disk))
    report = world.keeper.compare(world.host)
    assert [(one.field, one.recorded, one.found) for one in report.disagreements] == [
        ("defined_vcpus", 3, 9)
    ]
    assert world.keeper.auditor.healed["defined_vcpus"] == 1


def test_guest_that_is_gone_is_released(world: World) -> None:
    world.keeper.compare(world.host)
    world.domain.undefine()
    world.keeper.compare(world.host)
    assert len(world.ledger) == 0


def test_thread_compares_at_once_and_stops(world: World, caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    def connect() -> Host:
        tries.append(1)
        if len(tries) == 1:
            raise NotConnectedError("not yet")
        return world.host

    keeper = Bookkeeper(world.ledger, connect, compare_s=0.01, survey=Survey(folders=()))
    with caplog.at_level(logging.INFO):
        keeper.start()
        for _ in range(1000):
            if keeper.report is not None and keeper.storage is not None:
                break
            keeper._thread.join(0.01)
        keeper.stop()
    assert not keeper._thread.is_alive()
    assert keeper.report is not None
    assert "not yet" in caplog.text
