"""The bookkeeper on libvirt's test driver: it finds what no event tells, and survives libvirt."""

import logging
import time
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from hostmon.driver.virt import NetworkDescription
from hostmon.errors import NotConnectedError
from hostmon.hypervisor import Connection
from hostmon.images.survey import Survey
from hostmon.ledger import HostLedger
from hostmon.machine.files import HERE
from hostmon.machine.memory import read_memory
from hostmon.machine.topology import Topology
from hostmon.objects import HostObjects
from tests.unit.bookkeeping import MIB, UUID, World, guest


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


class Client:
    """A connection of one that has its own to virtnetworkd, opened once, as virtqemud has it."""

    def __init__(self, world: World, daemon: list[int]) -> None:
        self._world = world
        self._daemon = daemon
        self._reached = daemon[0]
        self.closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.connection, name)

    def networks(self) -> tuple[NetworkDescription, ...]:
        if self._reached != self._daemon[0]:
            raise NotConnectedError("client socket is closed")
        return (NetworkDescription(name="n", active=True),)

    def __enter__(self) -> Connection:
        return cast("Connection", self)

    def __exit__(self, *_: object) -> None:
        self.closed = True


def test_networks_come_back_after_their_daemon_was_started_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hostmon.bookkeeper.TICK_S", 0.002)
    monkeypatch.setattr("hostmon.bookkeeper.OBJECTS_S", 0.1)
    daemon = [1]
    opened: list[Client] = []

    def connect() -> Connection:
        opened.append(Client(world, daemon))
        return cast("Connection", opened[-1])

    listed: list[int] = []
    keeper = world.made(
        connect, survey=Survey(folders=()), listed=lambda: listed.append(len(looks))
    )
    keeper._stop.clear()
    looks: list[tuple[int, bool, int]] = []
    kept = keeper._found_objects

    def found(objects: HostObjects) -> None:
        kept(objects)
        looks.append((len(opened), bool(objects.unread), len(world.told)))
        if len(looks) in (2, 5):  # two looks on one connection, and then it is started anew
            daemon[0] += 1

    monkeypatch.setattr(keeper, "_found_objects", found)
    keeper.start()
    for _ in range(1000):
        if len(looks) >= 7:
            break
        keeper._thread.join(0.01)
    keeper.stop()
    assert [look[:2] for look in looks[:7]] == [
        (1, False), (1, False), (1, True), (2, False), (2, False), (2, True), (3, False)
    ]  # fmt: skip
    assert all(told for _, _, told in looks), "the account is told first"
    assert listed[:5] == [1, 2, 4, 5, 7], "not after the looks that found no daemon"
    assert [one.closed for one in opened] == [True] * len(opened)


def test_a_bad_pool_takes_no_new_connection() -> None:
    assert not HostObjects(unread={"storage pool networks": "no such device"}).lists_unread
    assert HostObjects(unread={"storage pool a": "no socket", "networks": "so"}).lists_unread


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
