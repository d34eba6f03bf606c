"""The lister on libvirt's test driver: networks and pools, which may fail or hang by themselves."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from hostmon.agent import Agent
from hostmon.driver.virt import NetworkDescription, PoolDescription
from hostmon.errors import NotConnectedError
from hostmon.hypervisor import Connection
from hostmon.lister import Lister
from hostmon.objects import HUNG_NS, HostObjects
from hostmon.settings import AccountSettings, AgentSettings, BusSettings, Settings
from hostmon_drivers.virt_fake.driver import FakeConnection
from tests.agent_process import wait_for
from tests.unit.bookkeeping import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_pools_and_networks_are_looked_at(world: World) -> None:
    world.host.connection.networkDefineXML("<network><name>n</name></network>")
    world.host.connection.storagePoolCreateXML(
        "<pool type='dir'><name>p</name><target><path>/p</path></target></pool>"
    )
    lister = Lister(lambda: world.connection)
    lister.turn(world.connection, time.monotonic())
    assert lister.objects.networks == {"n": False}
    assert lister.objects.pools["p"].capacity > 0
    assert lister.objects.timed_out(time.monotonic_ns()) == {"p": False}
    world.host.connection.networkLookupByName("n").undefine()
    lister.turn(world.connection, time.monotonic())
    assert lister.objects.networks == {"n": False}, "looked at before its time"


def test_networks_and_pools_that_fail_are_told_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> tuple[()]:
        raise NotConnectedError("Failed to connect socket to virtnetworkd-sock-ro")

    monkeypatch.setattr(world.host, "networks", away)
    monkeypatch.setattr(world.host, "pools", away)
    lister = Lister(lambda: world.connection)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            lister._due = 0.0
            lister.turn(world.connection, time.monotonic())
    said = [record.getMessage() for record in caplog.records if "can't be read" in record.message]
    assert [line.partition(":")[0] for line in said] == ["networks", "storage pools"]


def test_a_connection_that_failed_is_told_from_its_networks(world: World) -> None:
    lister = Lister(lambda: world.connection)
    lister.turn(world.connection, time.monotonic())
    before = lister.objects
    world.host.close()
    lister._due = 0.0
    with pytest.raises(NotConnectedError):
        lister.turn(world.connection, time.monotonic())
    assert lister.objects == before


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
    monkeypatch.setattr("hostmon.attendant.TICK_S", 0.002)
    monkeypatch.setattr("hostmon.lister.OBJECTS_S", 0.1)
    daemon = [1]
    opened: list[Client] = []

    def connect() -> Connection:
        opened.append(Client(world, daemon))
        return cast("Connection", opened[-1])

    listed: list[int] = []
    lister = Lister(connect, listed=lambda: listed.append(len(looks)))
    looks: list[tuple[int, bool]] = []
    kept = lister._found

    def found(objects: HostObjects) -> None:
        kept(objects)
        looks.append((len(opened), bool(objects.unread)))
        if len(looks) in (2, 5):  # two looks on one connection, and then it is started anew
            daemon[0] += 1

    monkeypatch.setattr(lister, "_found", found)
    lister.start()
    for _ in range(1000):
        if len(looks) >= 7:
            break
        lister._thread.join(0.01)
    lister.stop()
    assert looks[:7] == [
        (1, False), (1, False), (1, True), (2, False), (2, False), (2, True), (3, False)
    ]  # fmt: skip
    assert listed[:5] == [1, 2, 4, 5, 7], "not after the looks that found no daemon"
    assert [one.closed for one in opened] == [True] * len(opened)


def test_a_bad_pool_takes_no_new_connection() -> None:
    assert not HostObjects(unread={"storage pool networks": "no such device"}).lists_unread
    assert HostObjects(unread={"storage pool a": "no socket", "networks": "so"}).lists_unread


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A pool of the fake hypervisor that hangs until this is set."""
    answers = threading.Event()

    def pool(_connection: FakeConnection, _name: str) -> PoolDescription:
        assert answers.wait(60)
        return PoolDescription(state=2, capacity=9, allocation=4, available=5)

    monkeypatch.setattr(FakeConnection, "pools", lambda _: ("p",))
    monkeypatch.setattr(FakeConnection, "pool", pool)
    yield answers
    answers.set()


def test_a_pool_that_hangs_holds_up_no_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hung: threading.Event
) -> None:
    monkeypatch.setattr("hostmon.attendant.TICK_S", 0.01)
    monkeypatch.setattr("hostmon.lister.OBJECTS_S", 0.05)
    bus = BusSettings(events=(f"ipc://{tmp_path}/events",), requests=f"ipc://{tmp_path}/requests")
    agent = Agent(
        Settings(
            agent=AgentSettings(virt="fake", drivers=()),
            account=AccountSettings(audit=1.0, image_folders=(str(tmp_path),)),
            bus=bus,
        )
    )
    agent.start()
    try:
        keeper, lister = agent._bookkeeper, agent._lister
        wait_for(lambda: lister.objects.asked == "p", 20)
        since = lister.objects.asked_ns
        monkeypatch.setattr("hostmon.bookkeeper.SETTLE_S", 0.0)
        keeper._audit_s = 0.01
        audits = keeper.books.audits
        wait_for(lambda: keeper.books.audits > audits + 2, 20)
        assert lister.objects.asked_ns == since, "it is not asked again meanwhile"
        assert lister.objects.timed_out(since + HUNG_NS + 1) == {"p": True}
        assert [one.name for one in threading.enumerate()].count("lister") == 1
        assert agent.ended() == ()
        hung.set()
        wait_for(lambda: "p" in lister.objects.pools, 20)
        assert lister.objects.timed_out(time.monotonic_ns()) == {"p": False}
    finally:
        hung.set()
        agent.stop()
