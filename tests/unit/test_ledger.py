"""The ledger: any sequence of events gives the sums that a naive recomputation gives."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hostmon._ledger import Ledger
from hostmon.account import Binding, Offer, Resource
from hostmon.images.storage import Storage
from hostmon.ledger import HostLedger
from hostmon.machine.memory import Memory
from hostmon.machine.topology import Cell, Cpu, Pages, Topology

A, B = b"a" * 16, b"b" * 16
CELLS, POOLS = 2, 2
GUESTS = [bytes([i]) * 16 for i in range(8)]
VCPUS = st.integers(0, 255)
BYTES = st.integers(0, 1 << 45)
MAYBE_VCPUS = st.none() | VCPUS
MAYBE_BYTES = st.none() | BYTES
PLACE = st.tuples(st.integers(-1, CELLS - 1), st.integers(0, POOLS - 1), BYTES, VCPUS)


@dataclass
class Naive:
    """One guest, without any sum."""

    defined: tuple[int, int] | None = None
    taken: tuple[int, int] | None = None
    held: bool = False
    disk: tuple[int, int] = (0, 0)
    places: list[tuple[int, int, int, int]] = field(default_factory=list)


def recomputed(guests: dict[bytes, Naive]) -> dict[str, int]:
    """Every sum from scratch."""
    taken = [guest.taken for guest in guests.values() if guest.taken]
    held = [guest.taken for guest in guests.values() if guest.taken and guest.held]
    most = [
        [max((guest.defined or (0, 0))[i], (guest.taken or (0, 0))[i]) for i in (0, 1)]
        for guest in guests.values()
    ]
    return {
        "vcpus_used": sum(size[0] for size in taken),
        "memory_used": sum(size[1] for size in taken),
        "vcpus_held": sum(size[0] for size in held),
        "memory_held": sum(size[1] for size in held),
        "vcpus_allocated": sum(size[0] for size in most),
        "memory_allocated": sum(size[1] for size in most),
        "disk_used": sum(guest.disk[0] for guest in guests.values()),
        "disk_allocated": sum(guest.disk[1] for guest in guests.values()),
        "defined": sum(guest.defined is not None for guest in guests.values()),
        "active": len(taken) - len(held),
        "held": len(held),
    }


def known(size: tuple[int | None, int | None], last: tuple[int, int]) -> tuple[int, int]:
    """A size, its unknown parts as they were last."""
    vcpus, memory = size
    return (last[0] if vcpus is None else vcpus, last[1] if memory is None else memory)


class AnyEvents(RuleBasedStateMachine):
    """Events of a few guests in any order, sensible or not."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(CELLS, POOLS)
        self.guests: dict[bytes, Naive] = {}

    def forget(self, uuid: bytes) -> None:
        guest = self.guests[uuid]
        if guest.defined is None and guest.taken is None:
            del self.guests[uuid]

    @rule(uuid=st.sampled_from(GUESTS), vcpus=VCPUS, memory=BYTES)
    def define(self, uuid: bytes, vcpus: int, memory: int) -> None:
        self.ledger.define(uuid, vcpus, memory)
        self.guests.setdefault(uuid, Naive()).defined = (vcpus, memory)

    @rule(uuid=st.sampled_from(GUESTS))
    def undefine(self, uuid: bytes) -> None:
        known = uuid in self.guests and self.guests[uuid].defined is not None
        assert self.ledger.undefine(uuid) == known
        if known:
            self.guests[uuid].defined = None
            self.forget(uuid)

    @rule(uuid=st.sampled_from(GUESTS), vcpus=VCPUS, memory=BYTES)
    def take(self, uuid: bytes, vcpus: int, memory: int) -> None:
        self.ledger.take(uuid, vcpus, memory)
        guest = self.guests.setdefault(uuid, Naive())
        guest.taken, guest.held = (vcpus, memory), False

    @rule(uuid=st.sampled_from(GUESTS))
    def hold(self, uuid: bytes) -> None:
        guest = self.guests.get(uuid, Naive())
        active = guest.taken is not None and not guest.held
        assert self.ledger.hold(uuid) == active
        if active:
            guest.held = True

    @rule(
        uuid=st.sampled_from(GUESTS),
        active=st.booleans(),
        defined=st.booleans(),
        size=st.tuples(MAYBE_VCPUS, MAYBE_BYTES),
        defined_size=st.tuples(MAYBE_VCPUS, MAYBE_BYTES),
    )
    def follow(
        self,
        uuid: bytes,
        active: bool,
        defined: bool,
        size: tuple[int | None, int | None],
        defined_size: tuple[int | None, int | None],
    ) -> None:
        before = self.ledger.claim(uuid)
        changed = self.ledger.follow(
            uuid,
            active=active,
            defined=defined,
            vcpus=size[0],
            memory=size[1],
            defined_vcpus=defined_size[0],
            defined_memory=defined_size[1],
        )
        guest = self.guests.setdefault(uuid, Naive())
        configured = known(defined_size, guest.defined or (0, 0))
        guest.defined = configured if defined else None
        if active:
            guest.taken, guest.held = known(size, guest.taken or configured), False
        elif guest.taken and not guest.held:
            guest.held = True
        self.forget(uuid)
        after = self.ledger.claim(uuid)
        assert changed == ((before and before[:-1]) != (after and after[:-1]))

    @rule(uuid=st.sampled_from(GUESTS))
    def settle(self, uuid: bytes) -> None:
        guest = self.guests.get(uuid, Naive())
        assert self.ledger.settle(uuid) == guest.held
        if guest.held:
            guest.taken, guest.held = None, False
            self.forget(uuid)

    @rule(uuid=st.sampled_from(GUESTS), vcpus=VCPUS, memory=BYTES)
    def adjust(self, uuid: bytes, vcpus: int, memory: int) -> None:
        guest = self.guests.get(uuid, Naive())
        changes = guest.taken is not None and guest.taken != (vcpus, memory)
        assert self.ledger.adjust(uuid, vcpus, memory) == changes
        if changes:
            guest.taken = (vcpus, memory)

    @rule(uuid=st.sampled_from(GUESTS), used=BYTES, capacity=BYTES)
    def disk(self, uuid: bytes, used: int, capacity: int) -> None:
        self.ledger.disk(uuid, used, capacity)
        if uuid in self.guests:
            self.guests[uuid].disk = (used, capacity)

    @rule(uuid=st.sampled_from(GUESTS), places=st.lists(PLACE, max_size=3))
    def place(self, uuid: bytes, places: list[tuple[int, int, int, int]]) -> None:
        changes = uuid in self.guests and self.guests[uuid].places != places
        assert self.ledger.place(uuid, places) == changes
        if changes:
            self.guests[uuid].places = places

    @invariant()
    def sums_are_right(self) -> None:
        sums, placed = self.ledger.snapshot()
        wanted = recomputed(self.guests)
        assert {name: sums[name] for name in wanted} == wanted  # type: ignore[literal-required]
        assert len(self.ledger) == len(self.guests)
        for cell in range(-1, CELLS):
            mine = [
                place
                for guest in self.guests.values()
                if guest.taken
                for place in guest.places
                if place[0] == cell
            ]
            memory, vcpus = placed[cell + 1]
            assert vcpus == sum(place[3] for place in mine)
            for pool in range(POOLS):
                assert memory[pool] == sum(place[2] for place in mine if place[1] == pool)


TestAnyEvents = AnyEvents.TestCase


@given(
    st.lists(
        st.tuples(st.binary(min_size=16, max_size=16), st.booleans()), min_size=80, max_size=400
    )
)
def test_claims_survive_growth_and_removal(steps: list[tuple[bytes, bool]]) -> None:
    ledger = Ledger()
    known: dict[bytes, int] = {}
    for i, (uuid, stays) in enumerate(steps):
        ledger.define(uuid, 1, i)
        known[uuid] = i
        if not stays:
            victim = next(iter(known))
            assert ledger.undefine(victim)
            del known[victim]
    assert {uuid: claim[6] for uuid, claim in ledger.claims()} == known
    assert all(uuid in ledger for uuid in known)
    assert ledger.sums()["memory_allocated"] == sum(known.values())


def test_reboot_frees_nothing_between_stop_and_start() -> None:
    ledger = Ledger()
    ledger.take(A, 2, 100)
    assert ledger.hold(A)
    assert ledger.sums()["vcpus_used"] == 2
    ledger.take(A, 2, 100)
    assert not ledger.settle(A), "the stop was answered by a start"
    assert ledger.sums()["vcpus_used"] == 2
    assert ledger.hold(A)
    assert ledger.settle(A)
    assert ledger.sums()["vcpus_used"] == 0
    assert A not in ledger


def test_guest_that_starts_takes_what_it_is_defined_as() -> None:
    ledger = Ledger()
    ledger.follow(A, active=False, defined=True, defined_vcpus=4, defined_memory=400)
    assert ledger.follow(A, active=True, defined=True)
    assert not ledger.follow(A, active=True, defined=True)
    assert (ledger.sums()["vcpus_used"], ledger.sums()["memory_used"]) == (4, 400)
    assert ledger.follow(A, active=True, defined=True, vcpus=2)
    assert (ledger.sums()["vcpus_used"], ledger.sums()["memory_used"]) == (2, 400)
    assert ledger.follow(A, active=False, defined=True, vcpus=9)
    assert (ledger.sums()["vcpus_used"], ledger.sums()["vcpus_held"]) == (2, 2)
    assert ledger.settle(A)
    assert (ledger.sums()["vcpus_used"], ledger.sums()["vcpus_allocated"]) == (0, 4)


def test_undefined_while_running_keeps_its_room() -> None:
    ledger = Ledger()
    ledger.define(A, 4, 400)
    ledger.take(A, 2, 100)
    assert ledger.sums()["vcpus_allocated"] == 4
    assert ledger.undefine(A)
    assert (ledger.sums()["vcpus_used"], ledger.sums()["vcpus_allocated"]) == (2, 2)


@pytest.mark.parametrize("uuid", [b"", b"x" * 15, b"x" * 17])
def test_uuid_of_another_size_is_refused(uuid: bytes) -> None:
    calls: list[Callable[[bytes], object]] = [
        lambda u: Ledger().define(u, 1, 1),
        Ledger().hold,
        Ledger().settle,
        Ledger().claim,
    ]
    for call in calls:
        with pytest.raises(ValueError, match="16"):
            call(uuid)


@pytest.mark.parametrize("size", [-1, 1 << 64])
def test_size_that_is_none_is_refused(size: int) -> None:
    ledger = Ledger()
    with pytest.raises(OverflowError):
        ledger.take(A, 1, size)
    assert len(ledger) == 0
    ledger.define(A, 1, 1)
    with pytest.raises(OverflowError):
        ledger.place(A, [(-1, 0, size, 0)])


def test_place_that_the_host_lacks_is_refused() -> None:
    ledger = Ledger(1, 1)
    ledger.define(A, 1, 1)
    for place in ((1, 0, 1, 1), (-2, 0, 1, 1), (0, 1, 1, 1), (0, -1, 1, 1)):
        with pytest.raises(ValueError, match="no such place"):
            ledger.place(A, [place])


def test_snapshot_is_consistent_beside_a_writer() -> None:
    ledger = Ledger()
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            ledger.take(A, 3, 300)
            ledger.take(B, 3, 300)
            ledger.hold(A)
            ledger.settle(A)
            ledger.hold(B)
            ledger.settle(B)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20_000):
            sums = ledger.sums()
            assert sums["memory_used"] == 100 * sums["vcpus_used"]
            assert sums["active"] + sums["held"] == sums["vcpus_used"] // 3
    finally:
        stop.set()
        writer.join()


def pages(huge: int, free: int | None) -> tuple[Pages, ...]:
    return (Pages(4096, 1000, free), Pages(2 << 20, huge, free))


TOPOLOGY = Topology(
    arch="x86_64",
    cells=(
        Cell(0, 4 << 30, (Cpu(0), Cpu(1)), pages(10, 5)),
        Cell(3, 8 << 30, (Cpu(2), Cpu(3)), pages(20, 6)),
    ),
)


def test_account_of_a_host() -> None:
    ledger = HostLedger(TOPOLOGY, Offer(reserved_memory=1 << 30, vcpu_ratio=2.0))
    ledger.define(A, 8, 2 << 30)
    ledger.take(A, 2, 1 << 30)
    ledger.bind(A, [Binding(64 << 20, 1, cell=3, page_size=2 << 20), Binding(7, 1, cell=9)])
    ledger.take(B, 1, 1 << 20)
    ledger.hold(B)
    memory = Memory(total=11 << 30, free=1 << 30, available=2 << 30)
    account = ledger.account(memory, Storage())
    assert account.vcpus == Resource(4, 0, 2.0, used=3, held=1, allocated=9)
    assert (account.vcpus.capacity, account.vcpus.free, account.vcpus.unallocated) == (8, 5, -1)
    assert account.memory.capacity == 10 << 30
    assert account.memory.used == (1 << 30) + (1 << 20)
    assert account.memory_in_use == 9 << 30
    assert account.disk_available_least is None
    assert (account.defined, account.active, account.held) == (1, 1, 1)
    assert [(cell.id, cell.cpus, cell.vcpus, cell.memory_used) for cell in account.cells] == [
        (0, 2, 0, 0),
        (3, 2, 1, 64 << 20),
    ]
    assert account.cells[1].pages[1].used == 64 << 20
    assert [(p.size, p.total, p.free, p.used) for p in account.pages] == [
        (4096, 2000, 11, 7),
        (2 << 20, 30, 11, 64 << 20),
    ]


def test_account_without_readings_is_that_of_the_topology() -> None:
    shape = Topology(arch="x", cells=(Cell(0, 1 << 20, (Cpu(0),)),))
    account = HostLedger(shape).account()
    assert (account.memory.total, account.memory_in_use, account.pages) == (1 << 20, None, ())


def test_reserved_beyond_the_total_offers_nothing() -> None:
    assert Resource(total=1, reserved=5).capacity == 0
