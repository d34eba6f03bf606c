"""The bookkeeper on libvirt's test driver: it finds what no event tells, and survives libvirt."""

import logging
import time
from pathlib import Path

import msgspec
import pytest

from hostmon.errors import NotConnectedError
from hostmon.hypervisor import Connection
from hostmon.images.survey import Survey
from hostmon.ledger import HostLedger
from hostmon.machine.files import HERE
from hostmon.machine.memory import read_memory
from hostmon.machine.topology import Topology
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
    monkeypatch.setattr("hostmon.attendant.TICK_S", 0.01)
    monkeypatch.setattr("hostmon.attendant.RETRY_S", 0.01)
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
