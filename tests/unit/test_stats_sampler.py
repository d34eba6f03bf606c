"""The statistics sampler: what it asks, and its way with guests and calls that hang."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import cast
from uuid import UUID

import pytest

from hostmon._columns import absorb
from hostmon._table import GuestTable
from hostmon.driver.virt import Busy, Reading
from hostmon.errors import LibvirtError
from hostmon.hypervisor import Connection
from hostmon.stats import CHUNK, StatsSampler


@pytest.fixture
def uuid() -> bytes:
    return b"the first guest "


@pytest.fixture
def table(uuid: bytes) -> GuestTable:
    made = GuestTable()
    made.upsert(uuid, b"g")
    made.set_state(uuid, 1, 1, 7)
    made.set_devices(uuid, [(b"d0", b"vda")], [(b"52:54:00:00:00:01", b"testnet0")])
    return made


def eventually(condition: Callable[[], bool], deadline: float = 5) -> None:
    """Looks more often than the samplers below wake."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


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
