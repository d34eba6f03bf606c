"""Claims: whatever comes in whatever order, no room is granted twice, and none is forgotten."""

import uuid
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hostmon._grants import Grants
from hostmon._ledger import Ledger
from hostmon.granting import RESOURCES, STATES

VCPUS, MEMORY, DISK, PAGES = 16, 1000, 500, 400
TOTALS = (VCPUS, MEMORY, DISK, PAGES)
ROOM = (VCPUS, VCPUS, MEMORY, MEMORY, DISK, DISK, PAGES)
GUESTS = [bytes([i]) * 16 for i in range(6)]
IDS = [bytes([100 + i]) * 16 for i in range(12)]
GRANTED, CONFIRMED, EXPIRED, RELEASED = 1, 2, 3, 4


@dataclass
class Held:
    """One grant, without any sum."""

    guest: bytes | None
    vcpus: int
    memory: int
    disk: int
    pages: int
    due: int
    state: int = GRANTED

    def end(self, state: int) -> None:
        self.state = state
        self.vcpus = self.memory = self.disk = self.pages = 0


@dataclass
class Runs:
    """One guest."""

    vcpus: int
    memory: int
    disk: int = 0
    pages: int = 0
    held: bool = False


class Interleaved(RuleBasedStateMachine):
    """Claims, expiry, releases, and guests that start and stop, with claims or behind their backs.

    The model adds up guests and grants one by one, and never lets a placement overcommit.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(0, 2)
        self.grants = Grants(self.ledger)
        self.held: dict[bytes, Held] = {}
        self.guests: dict[bytes, Runs] = {}
        self.now = 1

    def taken(self) -> tuple[int, int, int, int]:
        every: list[Held | Runs] = [*self.held.values(), *self.guests.values()]
        return (
            sum(one.vcpus for one in every),
            sum(one.memory for one in every),
            sum(one.disk for one in every),
            sum(one.pages for one in every),
        )

    def granted_to(self, guest: bytes) -> Held | None:
        """The grant that holds room for a guest."""
        for held in self.held.values():
            if held.guest == guest and (held.state == GRANTED or held.disk or held.pages):
                return held
        return None

    def over(self) -> None:
        for held in self.held.values():
            if held.state == GRANTED and held.due <= self.now:
                held.end(EXPIRED)

    @rule(
        key=st.sampled_from(IDS),
        guest=st.sampled_from([*GUESTS, None]),
        vcpus=st.integers(0, VCPUS + 1),
        memory=st.integers(0, MEMORY + 1),
        disk=st.sampled_from([0, 1, 200, DISK + 1]),
        pool=st.integers(-1, 1),
        ttl=st.integers(1, 9),
    )
    def claim(
        self, key: bytes, guest: bytes | None, vcpus: int, memory: int, disk: int, pool: int,
        ttl: int,
    ) -> None:  # fmt: skip
        if key in self.held:
            with pytest.raises(ValueError, match="granted before"):
                self.grants.grant(
                    key, guest, vcpus, memory, disk, pool, self.now + ttl, self.now, ROOM
                )
            self.over()
            return
        result, free = self.grants.grant(
            key, guest, vcpus, memory, disk, pool, self.now + ttl, self.now, ROOM
        )
        self.over()
        have = self.taken()
        asked = (vcpus, memory, disk, memory if pool > 0 else 0)
        room = [total - taken for total, taken in zip(TOTALS, have, strict=True)]
        short = [
            name for name, a, r in zip(RESOURCES[1:5], asked, room, strict=True) if a and a > r
        ]
        if pool < 0:
            short.append("hugepages")
        if guest is not None and (guest in self.guests or self.granted_to(guest)):
            short.append("guest")
        # A host that is over-committed already grants nothing, even to one who asks for nothing.
        short += [n for n, r in zip(("vcpus", "memory"), room[:2], strict=True) if r < 0]
        assert (result == 0) == (not short), (result, short)
        if result:
            assert RESOURCES[result] in short
            assert free <= max(room)
            return
        self.held[key] = Held(guest, *asked, self.now + ttl)
        assert all(a <= r for a, r in zip(asked, room, strict=True) if a)

    @rule(key=st.sampled_from(IDS))
    def release(self, key: bytes) -> None:
        mine = self.held.get(key)
        ends = mine is not None and mine.state == GRANTED
        assert self.grants.release(key) == ends
        if mine is not None and ends:
            mine.end(RELEASED)

    @rule(passed=st.integers(1, 6))
    def pass_time(self, passed: int) -> None:
        self.now += passed
        self.grants.expire(self.now)
        self.over()

    @rule(guest=st.sampled_from(GUESTS), vcpus=st.integers(1, 9), memory=st.integers(1, 300))
    def start(self, guest: bytes, vcpus: int, memory: int) -> None:
        """Claimed or not: it counts at once, instead of its claim."""
        before = self.guests.get(guest)
        self.ledger.follow(guest, active=True, defined=False, vcpus=vcpus, memory=memory)
        self.guests[guest] = Runs(vcpus, memory, before.disk if before else 0,
                                  before.pages if before else 0)  # fmt: skip
        claim = self.granted_to(guest)
        if claim is not None:
            claim.state, claim.vcpus, claim.memory = CONFIRMED, 0, 0
            if before is not None and before.pages:
                claim.pages = 0

    @rule(guest=st.sampled_from(GUESTS))
    def start_of_unknown_size(self, guest: bytes) -> None:
        """The claim keeps the room until the guest's sizes are told."""
        if guest not in self.guests:
            self.ledger.follow(guest, active=True, defined=False)
            self.ledger.follow(guest, active=False, defined=False)
            self.ledger.settle(guest)

    @rule(guest=st.sampled_from(GUESTS), pages=st.booleans())
    def read_bindings(self, guest: bytes, pages: bool) -> None:
        size = self.guests[guest].memory if guest in self.guests and pages else 0
        self.ledger.place(guest, [(-1, 1, size, 0)] if size else [])
        if guest in self.guests:
            self.guests[guest].pages = size
            claim = self.granted_to(guest)
            if claim is not None:
                claim.pages = 0

    @rule(guest=st.sampled_from(GUESTS), size=st.sampled_from([0, 100]))
    def look_at_images(self, guest: bytes, size: int) -> None:
        self.ledger.disk(guest, 0, size)
        if guest in self.guests:
            self.guests[guest].disk = size
            claim = self.granted_to(guest)
            if claim is not None:
                claim.disk = 0

    @rule(guest=st.sampled_from(GUESTS))
    def stop(self, guest: bytes) -> None:
        """A stop holds its room until it is settled."""
        self.ledger.follow(guest, active=False, defined=False)
        if guest in self.guests:
            self.guests[guest].held = True

    @rule(guest=st.sampled_from(GUESTS))
    def settle(self, guest: bytes) -> None:
        freed = guest in self.guests and self.guests[guest].held
        assert self.ledger.settle(guest) == freed
        if freed:
            claim = self.granted_to(guest)
            if claim is not None:
                claim.disk = claim.pages = 0
            del self.guests[guest]

    @invariant()
    def the_sums_are_those_of_guests_and_grants_together(self) -> None:
        sums = self.ledger.sums()
        vcpus, memory, disk, pages = self.taken()
        assert sums["vcpus_used"] + sums["vcpus_claimed"] == vcpus
        assert sums["memory_used"] + sums["memory_claimed"] == memory
        assert sums["disk_allocated"] + sums["disk_claimed"] == disk
        placed = sum(row[0][1] for row in self.ledger.snapshot()[1])
        assert placed + self.grants.pages()[1] == pages

    @invariant()
    def each_grant_stands_as_the_model_says(self) -> None:
        for key, held in self.held.items():
            found = self.grants.granted(key)
            assert found is not None
            assert STATES[found[0]] == STATES[held.state]


TestInterleaved = Interleaved.TestCase


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_a_started_guest_replaces_its_claim_in_one_change(ledger: Ledger) -> None:
    grants = Grants(ledger)
    assert grants.grant(IDS[0], GUESTS[0], 4, 100, 0, 0, 50, 1, ROOM) == (0, 0)
    before = ledger.sums()
    assert (before["vcpus_claimed"], before["memory_claimed"], before["claims"]) == (4, 100, 1)
    ledger.follow(GUESTS[0], active=True, defined=False)  # transient: its sizes are told later
    assert ledger.sums()["vcpus_claimed"] == 4
    ledger.follow(GUESTS[0], active=True, defined=False, vcpus=4, memory=100)
    after = ledger.sums()
    assert (after["vcpus_used"], after["vcpus_claimed"], after["claims"]) == (4, 0, 0)
    grants.expire(1 << 40)
    assert grants.counts == (1, 1, 0, 0, 0)


def test_claims_are_bounded_and_old_ones_forgotten(ledger: Ledger) -> None:
    grants = Grants(ledger)
    keys = [uuid.UUID(int=n).bytes for n in range(6000)]
    for key in keys[:1024]:
        assert grants.grant(key, None, 0, 0, 0, 0, 5, 1, ROOM) == (0, 0)
    result, _ = grants.grant(keys[1024], None, 0, 0, 0, 0, 5, 1, ROOM)
    assert RESOURCES[result] == "claims"
    for key in keys[1024:]:
        assert grants.release(key) is False
        assert grants.grant(key, None, 0, 0, 0, 0, 20_000, 5, ROOM) == (0, 0)
        assert grants.release(key)
    assert grants.granted(keys[0]) is None
    assert ledger.sums()["claims"] == 0
    assert sum(grants.granted(key) is not None for key in keys) == 4096
    assert grants.counts == (6000, 0, 1024, 4976, 1)


@given(st.integers(0, 64), st.integers(0, 64), st.integers(0, 64))
def test_no_guest_gets_more_than_the_host_has(total: int, capacity: int, asked: int) -> None:
    room = (total, capacity, 1, 1, 0, 0, 0)
    result, free = Grants(Ledger()).grant(IDS[0], None, asked, 0, 0, 0, 9, 1, room)
    assert (result == 0) == (asked <= min(total, capacity))
    assert result == 0 or free == min(total, capacity)
