"""The bookkeeper and guests' images: what is known of them in the account and in the table."""

import math
import time
import uuid
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from hostmon.bookkeeper import RESURVEY_S
from hostmon.images.inspect import inspect
from hostmon.images.storage import Disk, Image, Storage
from hostmon.images.survey import Survey
from hostmon.samples import Group
from tests.native.synthetic import put
from tests.unit.bookkeeping import MIB, UUID, World, guest


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_images_of_a_guest_that_is_gone_are_given_back(world: World) -> None:
    world.learn()
    world.keeper.audit(world.connection)
    world.keeper.survey()
    assert world.keeper.account().disk.allocated == 8 * MIB
    world.definitions.forget(UUID.bytes)
    world.keeper.survey()
    assert world.keeper.account().disk.allocated == 0


def test_a_shared_disk_counts_with_another_guest_once_its_first_is_gone(world: World) -> None:
    other = uuid.UUID(int=8)
    second = guest(1, world.disk).replace(str(UUID), str(other)).replace(">g<", ">h<")
    world.host.connection.defineXML(second)
    world.learn()
    world.definitions.update(other.bytes, None, second)
    world.keeper.turn(world.connection, time.monotonic())
    surveyed = world.keeper.account().surveyed_ns
    for _ in range(2):
        world.keeper.turn(world.connection, 0.0)
        assert world.keeper.account().disk.allocated == 8 * MIB
        assert world.keeper.account().surveyed_ns == surveyed, "nobody is gone"
    world.domain.undefine()
    world.ledger.undefine(UUID.bytes)
    world.definitions.forget(UUID.bytes)
    world.keeper.turn(world.connection, time.monotonic() + RESURVEY_S)
    account = world.keeper.account()
    assert (account.defined, account.disk.allocated) == (1, 8 * MIB)


def sharing(world: World, *others: int) -> None:
    """The guest, and others with its disk, that is charged to the first of all."""
    world.learn()
    for number in others:
        other = uuid.UUID(int=number)
        config = guest(1, world.disk).replace(str(UUID), str(other))
        world.ledger.define(other.bytes, 1, MIB)
        world.definitions.update(other.bytes, None, config)
    world.ledger.define(UUID.bytes, 1, MIB)


def gone(world: World, number: int) -> None:
    one = uuid.UUID(int=number).bytes
    world.ledger.undefine(one)
    world.definitions.forget(one)


def test_a_shared_disk_that_hung_counts_with_another_guest_once_it_answers(world: World) -> None:
    hung: list[str] = []

    def look(disk: Disk, filesystem: str) -> Image:
        found = inspect(disk, filesystem)
        return Image(disk, "hung", filesystem) if disk.path in hung else found

    sharing(world, 8, 9)
    keeper = world.made(lambda: world.connection, survey=Survey(folders=(), look=look))
    keeper._audit_due = math.inf
    keeper.survey()
    assert keeper.account().disk.allocated == 8 * MIB
    gone(world, UUID.int)
    hung.append(str(world.disk))
    now = time.monotonic()
    for turn in range(1, 4):
        keeper.turn(world.connection, now + turn * (RESURVEY_S + 1))
        assert keeper.account().disk.allocated == 0, "nobody knows its size now"
    hung.clear()
    keeper.turn(world.connection, time.monotonic() + RESURVEY_S + 1)
    account = keeper.account()
    assert account.disk.allocated == 8 * MIB
    keeper.turn(world.connection, time.monotonic() + RESURVEY_S + 1)
    assert keeper.account().surveyed_ns == account.surveyed_ns, "all is charged"


@pytest.mark.parametrize(("slow_s", "pause_s"), [(0.0, RESURVEY_S), (1.0, 10.0)])
def test_images_are_looked_at_again_after_a_pause(
    world: World, monkeypatch: pytest.MonkeyPatch, slow_s: float, pause_s: float
) -> None:
    """However fast guests go with which shared disks count: ten times as long as a look takes."""
    now = [1000.0]
    looks = []

    class Slow(Survey):
        def run(self, disks: Iterable[Disk]) -> Storage:
            looks.append(now[0])
            now[0] += slow_s
            return super().run(disks)

    sharing(world, 8, 9, 10)
    keeper = world.made(lambda: world.connection, survey=Slow(folders=()))
    keeper._audit_due = math.inf
    monkeypatch.setattr("hostmon.bookkeeper.time.monotonic", lambda: now[0])
    keeper.survey()
    now[0] += 100  # the first is gone long after
    for number in (UUID.int, 8, 9):
        gone(world, number)
        looked = len(looks)
        while len(looks) == looked:
            now[0] += 0.5
            keeper.turn(world.connection, now[0])
            assert now[0] < 1200
    assert looks[1] == 1100.5 + slow_s
    pauses = [later - earlier - slow_s for earlier, later in pairwise(looks[1:])]
    assert all(pause_s <= pause <= pause_s + 0.5 for pause in pauses)


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


def test_a_guest_that_stops_has_the_sizes_of_the_last_survey_at_once(world: World) -> None:
    world.learn()
    world.table.upsert(UUID.bytes, b"g")
    assert world.definitions.place()
    world.domain.create()
    world.table.set_state(UUID.bytes, 1, 1, 1)
    world.keeper.turn(world.connection, time.monotonic())
    surveyed = world.keeper.account().surveyed_ns

    def shown() -> tuple[int | None, int | None]:
        guest = world.table.snapshot().guest(UUID.bytes)
        return guest.disks[0].capacity, guest.valid.get(Group.BLOCK_SIZE)

    world.table.set_state(UUID.bytes, 5, 1, -1)
    assert shown() == (None, None)
    world.ledger.hold(UUID.bytes)
    world.keeper.turn(world.connection, 0.0)
    assert shown() == (8 * MIB, surveyed)
    # Its disk goes by another key now, which the connection keeper learns a little later.
    world.table.set_devices(UUID.bytes, [(b"virtio-disk0", b"vda")], [])
    world.definitions.update(UUID.bytes, None, guest(4, world.disk))
    assert world.definitions.place()
    assert shown()[0] is None
    world.keeper.turn(world.connection, 0.0)
    assert shown() == (8 * MIB, surveyed)


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


@pytest.mark.parametrize("key", [b"", b"virtio-disk0"])
@pytest.mark.parametrize("when", ["after", "while", "anew"])
def test_sizes_of_another_file_are_not_told_of_a_disk(world: World, key: bytes, when: str) -> None:
    """A guest is defined with another image under the same target; ``key``: its alias changes."""
    other = world.disk.with_name("other")
    second = other.with_name("second")
    for path in (other, second):
        with path.open("wb") as file:
            file.truncate(64 * MIB)
    pair = f"<disk type='file'><source file='{second}'/><target dev='vdb'/></disk></devices>"
    alias = f"<alias name='{key.decode()}'/></disk>" if key else "</disk>"

    def define(path: Path) -> None:
        text = guest(3, path)
        text = text.replace("</disk>", alias) if path == other else text
        world.definitions.update(UUID.bytes, None, text.replace("</devices>", pair))
        assert world.definitions.place()

    def shown() -> list[int | None]:
        return [disk.capacity for disk in world.table.snapshot().guest(UUID.bytes).disks]

    def look(disk: Disk, filesystem: str) -> Image:
        if changing:
            define(changing.pop())
        return inspect(disk, filesystem)

    changing: list[Path] = []
    world.table.upsert(UUID.bytes, b"g")
    define(world.disk)
    keeper = world.made(lambda: world.connection, survey=Survey(folders=(), look=look))
    keeper.survey()
    assert shown() == [8 * MIB, 64 * MIB]
    if when == "while":
        changing.append(other)
        keeper.survey()
    else:
        if when == "anew":
            world.definitions.forget(UUID.bytes)
            keeper.size()
        define(other)
        keeper.size()
    assert shown() == [None, 64 * MIB], "of the one that is the same file all is known"
    define(world.disk)
    keeper.size()
    assert shown() == [8 * MIB, 64 * MIB]
    define(other)
    keeper.survey()
    assert shown() == [64 * MIB, 64 * MIB]


def test_what_libvirt_told_of_a_path_is_of_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hostmon.definitions.hash", lambda _: 1, raising=False)  # all collide
    world.learn()
    world.table.upsert(UUID.bytes, b"g")
    assert world.definitions.place()
    world.table.set_state(UUID.bytes, 1, 1, 1)
    put(world.table, UUID.bytes, "disk", 0, {"capacity": 64 * MIB})
    assert [disk.capacity for disk in world.definitions.images()] == [64 * MIB]
    world.table.set_state(UUID.bytes, 5, 1, -1)
    assert [disk.capacity for disk in world.definitions.images()] == [64 * MIB]
    world.definitions.update(UUID.bytes, None, guest(3, world.disk.with_name("other")))
    assert [disk.capacity for disk in world.definitions.images()] == [None]
