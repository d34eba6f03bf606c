"""The statistics sampler: what it asks, and its way with guests and calls that hang."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import cast
from uuid import UUID

import pytest

from hostmon._columns import absorb
from hostmon._table import GuestTable
from hostmon.driver.virt import Busy, Reading
from hostmon.errors import LibvirtError
from hostmon.hypervisor import Connection
from hostmon.stats import CHUNK, FEW_HUNG, StatsSampler


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
    """A connection whose guests in ``stuck`` hang whoever asks, as a stopped QEMU does.

    As libvirt does it reads one after another, and tells of those alone that somebody waits for.
    """

    def __init__(self) -> None:
        self.stuck: set[bytes] = set()
        self.waited_for: list[bytes] = []
        self.read_of: list[bytes] = []
        self.tells = True
        self.back = threading.Condition()

    def connect(self) -> Connection:
        return cast("Connection", self)

    def read(self, _: str, guests: tuple[UUID, ...]) -> int:
        for guest in guests:
            uuid = guest.bytes
            if uuid in self.stuck:
                self.waited_for.append(uuid)
                with self.back:
                    self.back.wait_for(lambda: uuid not in self.stuck, 30)  # noqa: B023
                self.waited_for.remove(uuid)
        self.read_of += [guest.bytes for guest in guests]
        return len(guests)

    def busy(self, guests: tuple[UUID, ...]) -> tuple[Busy, ...]:
        waited = set(self.waited_for) if self.tells else set()
        return tuple(Busy(one, 9.0) for one in guests if one.bytes in waited)

    def go_on(self, *uuids: bytes) -> None:
        """These answer again, all without an argument."""
        with self.back:
            self.stuck -= set(uuids) or self.stuck
            self.back.notify_all()

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
    hanging.go_on()
    eventually(lambda: hanging.read_of.count(uuid) > 3, 20)
    sampler.stop()
    assert sampler.report().stuck == 0
    assert table.snapshot().guest(uuid).stuck_since_ns == 0


def guests_of(table: GuestTable, count: int) -> list[bytes]:
    """So many more that run."""
    made = [number.to_bytes(16, "big") for number in range(count)]
    for number, guest in enumerate(made):
        table.upsert(guest, b"guest %d" % number)
        table.set_state(guest, 1, 1, 100 + number)
    return made


def marked(table: GuestTable) -> set[bytes]:
    taken = table.snapshot()
    return {uuid for uuid in taken.uuids if taken.guest(uuid).stuck_since_ns > 0}


def all_read(hanging: Hanging, guests: set[bytes], times: int) -> bool:
    counts = Counter(hanging.read_of)
    return all(counts[guest] >= times for guest in guests)


@pytest.mark.parametrize("count", [3, FEW_HUNG - 1])
def test_guests_stuck_at_once_are_each_found(table: GuestTable, count: int) -> None:
    hanging, guests = Hanging(), guests_of(table, 2 * CHUNK)
    hanging.stuck = set(guests[1 : 1 + 9 * count : 9])
    others = set(guests) - hanging.stuck
    sampler = StatsSampler(hanging.connect, often(0.05), table, deadline=0.2, tick=0.01)
    sampler.start()
    eventually(lambda: marked(table) == hanging.stuck, 20)
    hanging.read_of.clear()
    eventually(lambda: all_read(hanging, others, 5), 20)
    assert sampler.report().stuck == count
    eventually(lambda: sampler.report().hung_calls == count)
    hanging.go_on()
    eventually(lambda: not marked(table), 20)
    hanging.read_of.clear()
    eventually(lambda: all_read(hanging, set(guests), 3), 20)
    sampler.stop()


def test_guests_that_the_kernel_holds_are_found_by_one_call_that_hangs(table: GuestTable) -> None:
    hanging, guests = Hanging(), guests_of(table, 2 * CHUNK)
    hanging.stuck = set(guests[::2])
    others = set(guests[1::2])

    def held(among: Iterable[bytes] | None = None) -> set[bytes]:
        return hanging.stuck & set(guests if among is None else among)

    sampler = StatsSampler(hanging.connect, often(0.05), table, held=held, deadline=0.2, tick=0.01)
    sampler.start()
    eventually(lambda: marked(table) == hanging.stuck, 20)
    hanging.read_of.clear()
    eventually(lambda: all_read(hanging, others, 5), 20)
    assert sampler.report().stuck == CHUNK
    eventually(lambda: sampler.report().hung_calls == 1)
    hanging.go_on()
    eventually(lambda: not marked(table), 20)
    hanging.read_of.clear()
    eventually(lambda: all_read(hanging, set(guests), 3), 20)
    sampler.stop()


def test_where_too_many_hang_who_stands_behind_is_left_out_for_a_while(table: GuestTable) -> None:
    """Of guests that are stuck and not held no more can be found than calls may hang."""
    hanging, guests = Hanging(), guests_of(table, 2 * CHUNK)
    hanging.stuck = set(guests[: CHUNK - 3 : 2])
    before = guests[1 : 2 * FEW_HUNG - 2 : 2]
    elsewhere = guests[CHUNK:]
    sampler = StatsSampler(hanging.connect, often(0.05), table, deadline=0.2, tick=0.01)
    sampler.start()
    eventually(lambda: sampler.report().hung_calls == FEW_HUNG, 20)
    hanging.read_of.clear()
    eventually(lambda: all_read(hanging, {*before, *elsewhere}, 5), 20)
    assert hanging.stuck < marked(table)
    eventually(lambda: sampler.report().hung_calls == FEW_HUNG)
    hanging.go_on()
    eventually(lambda: not marked(table), 20)
    hanging.read_of.clear()
    eventually(lambda: all_read(hanging, set(guests), 3), 20)
    sampler.stop()


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
    hanging.go_on()
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
    back = threading.Event()

    def connect() -> Connection:
        back.wait(30)
        return hanging.connect()

    sampler = Counted(connect, READINGS, table, deadline=0.02, tick=0.1)
    sampler.start()
    eventually(lambda: sampler.report().hung_calls == 3)
    assert rounds_in(sampler, 0.5) <= 6
    back.set()
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
