"""The libvirt sampler's plan: who is due, who is stuck, who cannot have changed."""

import time
from collections.abc import Callable

import pytest

from hostmon._columns import absorb
from hostmon._plan import Plan
from hostmon._table import GuestTable
from hostmon.samples import Group

S = 1_000_000_000
MAIN, SLOW = 0, 3
DISK = 1 << Group.BLOCK | 1 << Group.BALLOON


def uuid(number: int) -> bytes:
    return number.to_bytes(16, "big")


@pytest.fixture
def table() -> GuestTable:
    made = GuestTable()
    for number in range(3):
        made.upsert(uuid(number), b"g%d" % number)
        made.set_state(uuid(number), 1, 1, number + 1)
    return made


def ran(table: GuestTable, guest: bytes, time: int, now: int) -> None:
    """The kernel sampler saw the guest's only vCPU at this run time."""
    absorb(table, guest, {"vcpu.0.time": time}, now)


def test_active_guests_are_due_once_a_moment(table: GuestTable) -> None:
    table.set_state(uuid(2), 5, 1, -1)
    plan = Plan(table)
    assert plan.due(MAIN, 100 * S, 60 * S) == [uuid(0), uuid(1)]
    assert plan.due(MAIN, 159 * S, 60 * S) == []
    assert plan.due(SLOW, 159 * S, 60 * S) == [uuid(0), uuid(1)]
    assert plan.due(MAIN, 160 * S, 120 * S) == [uuid(0), uuid(1)]


def test_a_new_run_and_a_new_definition_are_due_at_once(table: GuestTable) -> None:
    plan = Plan(table)
    plan.due(MAIN, 100 * S, 60 * S)
    table.set_state(uuid(1), 1, 1, 9)
    assert plan.due(MAIN, 101 * S, 60 * S) == [uuid(1)]
    table.set_devices(uuid(2), [(b"virtio-disk0", b"vda")], [])
    assert plan.due(MAIN, 102 * S, 60 * S) == [uuid(2)]
    plan.ask_again(MAIN, [uuid(0), uuid(77)])
    assert plan.due(MAIN, 103 * S, 60 * S) == [uuid(0)]


def test_tells_whether_anything_may_be_due_before_its_time(table: GuestTable) -> None:
    plan = Plan(table)
    assert plan.changed()
    changes: list[Callable[[], object]] = [
        lambda: table.set_state(uuid(1), 1, 1, 9),
        lambda: table.set_devices(uuid(2), [(b"virtio-disk0", b"vda")], []),
        lambda: table.retire(uuid(0)),
        lambda: table.upsert(uuid(9), b"nine"),
    ]
    for change in changes:
        plan.due(MAIN, 100 * S, 60 * S)
        assert not plan.changed()
        change()
        assert plan.changed()


def test_a_guest_that_does_not_run_is_read_once_more_and_then_confirmed(table: GuestTable) -> None:
    plan = Plan(table)
    guest = uuid(1)
    ran(table, guest, 500, 99 * S)
    absorb(table, guest, {"balloon.current": 7}, 99 * S)

    def asked(now: int) -> bool:
        return guest in plan.due(MAIN, now, now - S, confirms=DISK)

    assert asked(100 * S)
    ran(table, guest, 500, 150 * S)
    assert asked(160 * S)
    ran(table, guest, 500, 215 * S)
    assert not asked(220 * S)
    assert plan.confirmed == 1
    assert table.snapshot().guest(guest).valid[Group.BALLOON] == 215 * S
    ran(table, guest, 501, 275 * S)
    assert asked(280 * S)
    ran(table, guest, 501, 335 * S)
    assert asked(340 * S)


def test_what_was_confirmed_is_confirmed_between(table: GuestTable) -> None:
    plan = Plan(table)
    guest = uuid(1)

    def good() -> int:
        return table.snapshot().guest(guest).valid[Group.BALLOON]

    for now in (100, 160):
        ran(table, guest, 500, (now - 1) * S)
        assert guest in plan.due(MAIN, now * S, now * S, confirms=DISK)
        absorb(table, guest, {"balloon.current": 7}, now * S)
    ran(table, guest, 500, 170 * S)
    plan.confirm(MAIN, DISK)
    assert good() == 160 * S, "the last reading may be under way still"
    ran(table, guest, 500, 219 * S)
    assert guest not in plan.due(MAIN, 220 * S, 220 * S, confirms=DISK)
    for now in (230, 240):
        ran(table, guest, 500, now * S)
        plan.confirm(SLOW, DISK)
        assert good() < now * S
        plan.confirm(MAIN, DISK)
        assert good() == now * S
    assert plan.due(MAIN, 250 * S, 219 * S, confirms=DISK) == []
    ran(table, guest, 501, 260 * S)
    plan.confirm(MAIN, DISK)
    assert good() == 240 * S
    ran(table, guest, 500, 260 * S)
    table.set_devices(guest, [(b"virtio-disk0", b"vda")], [])
    plan.confirm(MAIN, DISK)
    assert good() == 240 * S


def test_whoever_was_left_out_is_not_confirmed(table: GuestTable) -> None:
    """libvirt gives no figures of a guest whose monitor somebody else waits for."""
    plan = Plan(table)
    guest, other, ended = uuid(1), uuid(2), uuid(0)
    table.set_state(ended, 5, 1, -1)
    for now in (100, 160, 220, 280):
        for one in (guest, other):
            ran(table, one, 500, (now - 1) * S)
        due = plan.due(MAIN, now * S, now * S, confirms=DISK)
        assert guest in due
        assert (other in due) is (now < 220)
        if other in due:
            absorb(table, other, {"balloon.current": 7}, now * S)
        if now == 100:
            absorb(table, guest, {"balloon.current": 7}, now * S)
        assert plan.unread(MAIN, due, DISK) == ([] if now == 100 else [guest])
    assert plan.unread(MAIN, [ended, uuid(77)], DISK) == [], "nothing is to be known of them"


def test_whoever_came_in_part_is_not_confirmed(table: GuestTable) -> None:
    """libvirt tells the balloon's target of a guest all the same, and of its disks nothing."""
    plan = Plan(table)
    guest = uuid(1)
    table.set_devices(guest, [(b"ua-d", b"vda")], [])
    ran(table, guest, 500, 99 * S)
    assert guest in plan.due(MAIN, 100 * S, 100 * S, confirms=DISK)
    disk: dict[str, int | bytes] = {"block.0.name": b"vda", "block.0.rd.reqs": 1}
    absorb(table, guest, disk | {"balloon.current": 7}, 100 * S)
    assert plan.unread(MAIN, [guest], DISK) == []
    ran(table, guest, 500, 159 * S)
    assert guest in plan.due(MAIN, 160 * S, 160 * S, confirms=DISK)
    absorb(table, guest, {"balloon.current": 7}, 160 * S)
    assert plan.unread(MAIN, [guest], DISK) == [guest]
    ran(table, guest, 500, 219 * S)
    assert guest in plan.due(MAIN, 220 * S, 220 * S, confirms=DISK)


def test_whoever_was_left_out_in_part_is_not_confirmed(table: GuestTable) -> None:
    """Of a guest whose monitor is busy libvirt gives its vCPUs' states, but not I/O threads."""
    plan = Plan(table)
    guest = uuid(1)
    groups = 1 << Group.VCPU_STATE | 1 << Group.IO_THREAD
    state: dict[str, int] = {"vcpu.0.state": 1}
    threads: dict[str, int] = {"iothread.count": 1, "iothread.1.poll-max-ns": 5}
    for now, busy in ((100, False), (400, True), (700, False)):
        ran(table, guest, now, (now - 1) * S)
        assert guest in plan.due(SLOW, now * S, now * S, confirms=groups)
        absorb(table, guest, state if busy else state | threads, now * S)
        assert plan.unread(SLOW, [guest], groups) == ([guest] if busy else [])
        ran(table, guest, now, (now + 99) * S)
        asked = guest in plan.due(SLOW, (now + 100) * S, (now + 100) * S, confirms=groups)
        assert asked is busy
        good = table.snapshot().guest(guest).valid[Group.IO_THREAD]
        assert good == (199 if busy else now + 99) * S


@pytest.mark.parametrize("what", ["unread", "ask_again", "woke"])
def test_many_guests_cost_no_more_each(what: str) -> None:
    """At worst they are asked whether they have failed, all of them in each round."""

    def cost(guests: int) -> float:
        table = GuestTable()
        uuids = [uuid(number) for number in range(guests)]
        for one in uuids:
            table.upsert(one, b"g")
        plan = Plan(table)
        calls: dict[str, Callable[[], object]] = {
            "unread": lambda: plan.unread(MAIN, uuids, DISK),
            "ask_again": lambda: plan.ask_again(MAIN, uuids),
            "woke": lambda: plan.woke(MAIN, uuids),
        }
        taken = []
        for _ in range(10):
            began = time.perf_counter()
            calls[what]()
            taken.append(time.perf_counter() - began)
        return min(taken) / guests

    assert cost(4000) < 5 * cost(200)


def test_what_its_own_reading_made_run_ends_no_idleness(table: GuestTable) -> None:
    plan = Plan(table)
    guest, states = uuid(1), 1 << Group.VCPU_STATE

    def asked(kind: int, now: int, groups: int) -> bool:
        return guest in plan.due(kind, now * S, now * S, confirms=groups)

    ran(table, guest, 500, 99 * S)
    assert asked(SLOW, 100, states)
    assert asked(MAIN, 100, 1 << Group.BALLOON)
    ran(table, guest, 530, 101 * S)
    plan.woke(SLOW, [guest, uuid(77)])
    ran(table, guest, 530, 399 * S)
    assert not asked(SLOW, 400, states)
    assert asked(MAIN, 400, 1 << Group.BALLOON), "what it read may be older than a true run"
    ran(table, guest, 531, 699 * S)
    assert asked(SLOW, 700, states)


def test_whoever_was_left_out_of_a_reading_that_wakes_is_asked_again(table: GuestTable) -> None:
    plan = Plan(table)
    guest, states = uuid(1), 1 << Group.VCPU_STATE
    ran(table, guest, 500, 99 * S)
    absorb(table, guest, {"vcpu.0.state": 1}, 99 * S)
    assert guest in plan.due(SLOW, 100 * S, 100 * S, confirms=states)
    assert plan.unread(SLOW, [guest], states) == [guest]
    plan.woke(SLOW, [guest])
    ran(table, guest, 500, 399 * S)
    assert guest in plan.due(SLOW, 400 * S, 400 * S, confirms=states)


def test_only_disks_may_change_once_the_vcpus_stand_still(table: GuestTable) -> None:
    plan = Plan(table)
    guest, dirty = uuid(1), 1 << Group.DIRTY_RATE

    def asked(now: int, groups: int) -> bool:
        ran(table, guest, 500, (now - 1) * S)
        return guest in plan.due(SLOW, now * S, now * S, confirms=groups)

    assert asked(100, dirty | 1 << Group.VCPU_STATE)
    assert not asked(400, dirty | 1 << Group.VCPU_STATE)
    absorb(table, guest, {"dirtyrate.calc_status": 1}, 400 * S)
    assert table.snapshot().guest(guest).dirty.status == 1, "it is being measured"
    assert asked(700, dirty)
    assert asked(1000, dirty)
    absorb(table, guest, {"dirtyrate.calc_status": 2}, 1000 * S)
    assert not asked(1300, dirty)


def test_each_kind_is_confirmed_by_its_own_readings(table: GuestTable) -> None:
    plan = Plan(table)
    guest = uuid(1)
    asked = []
    for now in (100, 160, 220):
        ran(table, guest, 500, (now - 1) * S)
        asked.append(guest in plan.due(MAIN, now * S, now * S, confirms=DISK))
    assert asked == [True, True, False]
    ran(table, guest, 500, 229 * S)
    # The other kind has read nothing yet, however long the guest has stood still.
    assert guest in plan.due(SLOW, 230 * S, 230 * S, confirms=1 << Group.VCPU_STATE)


def test_nobody_looked_at_it_since_so_it_is_asked(table: GuestTable) -> None:
    plan = Plan(table)
    ran(table, uuid(1), 500, 99 * S)
    for now in (100, 160, 220, 280):
        assert uuid(1) in plan.due(MAIN, now * S, now * S, confirms=DISK)


def test_a_stuck_guest_is_left_out_and_probed_with_back_off(table: GuestTable) -> None:
    plan = Plan(table)
    plan.mark_stuck(uuid(1), 90 * S, 100 * S, S, 5 * S)
    assert plan.stuck == 1
    assert plan.due(MAIN, 100 * S, 60 * S) == [uuid(0), uuid(2)]
    guest = table.snapshot().guest(uuid(1))
    assert (guest.stuck_since_ns, guest.skipped) == (90 * S, 1)
    assert plan.probes(100 * S) == []
    assert plan.probes(101 * S) == [uuid(1)]
    waits = []
    now = 101 * S
    for _ in range(5):
        plan.mark_stuck(uuid(1), now, now, S, 5 * S)
        began = now
        while not plan.probes(now):
            now += S
        waits.append((now - began) // S)
    assert waits == [2, 4, 5, 5, 5]
    assert table.snapshot().guest(uuid(1)).stuck_since_ns == 90 * S
    plan.answered(uuid(1))
    assert plan.stuck == 0
    assert table.snapshot().guest(uuid(1)).stuck_since_ns == 0
    assert plan.due(MAIN, now, 100 * S) == [uuid(1)]


def test_a_stuck_guest_that_ends_is_stuck_no_more(table: GuestTable) -> None:
    plan = Plan(table)
    plan.mark_stuck(uuid(1), 90 * S, 100 * S, S, 5 * S)
    table.set_state(uuid(1), 5, 1, -1)
    table.set_state(uuid(1), 1, 1, 9)
    assert uuid(1) in plan.due(MAIN, 100 * S, 60 * S)
    assert plan.probes(200 * S) == []


def test_groups_that_are_there_are_not_asked_for(table: GuestTable) -> None:
    plan = Plan(table)
    taps = 1 << Group.INTERFACE
    table.set_devices(uuid(1), [], [(b"52:54:00:00:00:01", b"vnet0")])
    assert plan.due(2, 100 * S, 60 * S, without=taps) == [uuid(1)]
    absorb(table, uuid(1), {"net.0.name": b"vnet0", "net.0.rx.bytes": 5}, 100 * S)
    assert plan.due(2, 200 * S, 160 * S, without=taps) == []


def test_wrong_arguments(table: GuestTable) -> None:
    plan = Plan(table)
    with pytest.raises(ValueError, match="kind 16"):
        plan.due(16, 1, 1)
    with pytest.raises(ValueError, match="16 raw bytes"):
        plan.answered(b"short")
    plan.answered(uuid(77))
    plan.mark_stuck(uuid(77), 1, 1, 1, 1)


SIZES = 1 << Group.BLOCK_SIZE


def sized(table: GuestTable, guest: bytes, allocation: int, now: int) -> None:
    absorb(table, guest, {"block.0.name": b"vda", "block.0.allocation": allocation}, now)


def test_disks_whose_sizes_change_are_read_though_nothing_runs(table: GuestTable) -> None:
    """A block job fills the disk of a guest that stands still."""
    plan, guest = Plan(table), uuid(1)
    table.set_devices(guest, [(b"virtio-disk0", b"vda")], [])
    groups = DISK | SIZES
    found = []
    for beat, allocation in enumerate((1, 2, 3, 3, 3, 3)):
        now = (100 + 60 * beat) * S
        ran(table, guest, 500, now - S)
        asked = guest in plan.due(MAIN, now, now, confirms=groups)
        if asked:
            sized(table, guest, allocation, now)
        found.append(asked)
    assert found == [True, True, True, True, False, False]


def test_sizes_of_disks_are_not_confirmed_but_read_unless_another_reading_brings_them(
    table: GuestTable,
) -> None:
    plan, guest = Plan(table), uuid(1)
    table.set_devices(guest, [(b"virtio-disk0", b"vda")], [])

    def asked(kind: int, now: int, since: int, groups: int) -> bool:
        ran(table, guest, 500, now - S)
        found = plan.due(kind, now, since, confirms=groups)
        assert not set(found) & {uuid(0), uuid(2)} or groups != SIZES, "they have no disk"
        return guest in found

    for now in (100 * S, 160 * S):
        assert asked(MAIN, now, now, DISK | SIZES)
        sized(table, guest, 7, now)
        assert not asked(SLOW, now, 1, SIZES)
    assert not asked(MAIN, 220 * S, 220 * S, DISK | SIZES)
    plan.confirm(MAIN, DISK | SIZES)
    valid = table.snapshot().guest(guest).valid
    assert (valid[Group.BLOCK_SIZE], valid[Group.VCPU]) == (160 * S, 219 * S)
    assert not asked(SLOW, 600 * S, 120 * S, SIZES)
    assert asked(SLOW, 660 * S, 180 * S, SIZES)
    sized(table, guest, 8, 660 * S)
    assert asked(MAIN, 720 * S, 720 * S, DISK | SIZES), "they changed"
