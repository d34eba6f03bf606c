"""Disks that name a volume of a storage pool: where it is, and what while nobody knows."""

import logging
import time
from pathlib import Path

import pytest

from hostmon.bookkeeper import RESURVEY_S
from hostmon.images.storage import Disk
from hostmon.images.survey import Survey
from hostmon.images.volumes import folder_of, placed
from hostmon.lister import Lister
from tests.unit.bookkeeping import MIB, UUID, World, guest

GUEST = b"g" * 16
VOLUME = Disk(GUEST, "v.qcow2", "qcow2", target="vda", pool="p")


@pytest.mark.parametrize(
    ("type_", "path", "folder"),
    [
        ("dir", "/p", "/p"),
        ("netfs", "/p", "/p"),
        ("dir", "", None),
        ("logical", "/dev/vg", ""),
        ("rbd", "", ""),
        ("", "", None),
    ],
)
def test_what_a_pool_is_tells_where_its_volumes_are(
    type_: str, path: str, folder: str | None
) -> None:
    assert folder_of(type_, path) == folder


def test_volumes_are_placed_by_their_pool() -> None:
    found = placed(VOLUME, {"p": "/pool"})
    assert found == Disk(GUEST, "/pool/v.qcow2", "qcow2", target="vda")
    assert placed(VOLUME, {"p": ""}) is None
    unknown = placed(VOLUME, {"q": "/pool"})
    assert unknown is not None
    assert (unknown.path, unknown.pool) == ("p/v.qcow2", "p")
    file = Disk(GUEST, "/a")
    assert placed(file, {}) == file


def test_of_a_volume_without_a_place_nothing_is_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = placed(VOLUME, {})
    assert lost is not None
    survey = Survey(folders=(str(tmp_path),))
    with caplog.at_level(logging.WARNING):
        storage = survey.run([lost])
        assert storage.available_least is None
        assert storage.by_guest() == {GUEST: None}
        assert storage.total > 0
        assert caplog.records == [], "its pool may be told a moment later"
        survey.run([lost])
        survey.run([lost])
    (said,) = [record.getMessage() for record in caplog.records]
    assert "disk p/v.qcow2 is unplaced (no storage pool 'p' is known)" in said


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Its guest has a volume of the pool p instead of the file."""
    world = World(tmp_path)
    xml = guest(3, world.disk).replace("<disk type='file'", "<disk type='volume'")
    source = f"<source file='{world.disk}'/>"
    assert source in xml
    world.host.connection.defineXML(xml.replace(source, "<source pool='p' volume='disk'/>"))
    world.learn()
    return world


def define(world: World) -> None:
    folder = world.disk.parent
    world.host.connection.storagePoolDefineXML(
        f"<pool type='dir'><name>p</name><target><path>{folder}</path></target></pool>"
    )


def test_a_volume_counts_once_its_pool_is_told(world: World) -> None:
    lister = Lister(lambda: world.connection, placed=world.definitions.place_pools)
    keeper = world.keeper
    world.table.upsert(UUID.bytes, b"g")
    assert world.definitions.place()
    lister.turn(world.connection, time.monotonic())
    keeper.turn(world.connection, time.monotonic())
    account = keeper.account()
    assert (account.disk_available_least, account.disk_room) == (None, 0), "there is no such pool"
    surveyed = account.surveyed_ns
    define(world)
    lister._due = 0.0
    lister.turn(world.connection, time.monotonic())
    keeper.turn(world.connection, time.monotonic() + RESURVEY_S)
    account = keeper.account()
    assert account.surveyed_ns > surveyed
    assert account.disk_available_least is not None
    assert keeper.storage is not None
    assert sum(one.growth for one in keeper.storage.filesystems) == 8 * MIB
    assert account.disk.allocated == 8 * MIB
    assert [disk.path for disk in world.definitions.images()] == [str(world.disk)]
    assert [disk.capacity for disk in world.table.snapshot().guest(UUID.bytes).disks] == [8 * MIB]
    keeper.turn(world.connection, time.monotonic() + RESURVEY_S)
    assert keeper.account().surveyed_ns == account.surveyed_ns, "it is where it was"


def test_a_pool_that_is_gone_is_remembered_while_guests_use_it(world: World) -> None:
    definitions = world.definitions
    definitions.images()
    definitions.place_pools({"p": "/pool", "q": "/other"})
    assert definitions.pools_moved()
    assert [disk.path for disk in definitions.images()] == ["/pool/disk"]
    definitions.place_pools({})
    assert not definitions.pools_moved()
    assert definitions._folders == {"p": "/pool"}
    definitions.place_pools({"p": ""})
    assert definitions.images() == []


def test_the_host_finds_volumes_too(world: World) -> None:
    (lost,) = world.host.disks()
    assert (lost.path, lost.pool) == ("p/disk", "p")
    define(world)
    (found,) = world.host.disks()
    assert (found.path, found.pool) == (str(world.disk), "")
