"""What a reading did not bring: a busy monitor is asked again, what is gone is forgotten."""

import subprocess
import sys

import pytest

from hostmon._columns import absorb
from hostmon._plan import Plan
from hostmon._table import GuestTable
from hostmon.samples import Group
from tests.unit.test_plan import SLOW, S, ran, table, uuid

__all__ = ["table"]

Values = dict[str, int | bytes]

GUEST = uuid(1)
STATE: Values = {"vcpu.0.state": 1}
DIRTY: Values = {"dirtyrate.calc_status": 2}
IO_THREAD: Values = {"iothread.count": 1, "iothread.1.poll-max-ns": 5}
PERF: Values = {"perf.cpu_cycles": 4}
BALLOON: Values = {"balloon.rss": 7}
BLOCK: Values = {"block.0.name": b"vda", "block.0.rd.reqs": 1, "block.0.allocation": 5}


def mask(*groups: Group) -> int:
    return sum(1 << group for group in groups)


SLOW_GROUPS = mask(Group.VCPU_STATE, Group.IO_THREAD, Group.DIRTY_RATE, Group.PERF)
DISK_GROUPS = mask(Group.BLOCK, Group.BLOCK_SIZE, Group.BALLOON)


class Idle:
    """A guest that stands still, and is read of some groups every five minutes."""

    def __init__(self, table: GuestTable, groups: int) -> None:
        table.set_devices(GUEST, [(b"ua-d", b"vda")], [])
        self.table = table
        self.plan = Plan(table)
        self.groups = groups
        self._now = 100

    def stirs(self) -> None:
        """A device of it changes: everything is due."""
        self.table.set_devices(GUEST, [(b"ua-d", b"vda"), (b"ua-e", b"vdb")], [])

    def read(self, values: Values | None) -> bool | None:
        """Whether all came that may be there; None where it was confirmed, and not asked."""
        self._now += 300
        ran(self.table, GUEST, 500, self._now * S - 1)
        if GUEST not in self.plan.due(SLOW, self._now * S, self._now * S, confirms=self.groups):
            return None
        if values:
            absorb(self.table, GUEST, values, self._now * S)
        return not self.plan.unread(SLOW, [GUEST], self.groups)

    def known(self) -> set[Group]:
        valid = self.table.snapshot().guest(GUEST).valid
        return {Group(group) for group in valid if self.groups >> group & 1}


@pytest.mark.parametrize(
    ("groups", "stays", "goes"),
    [
        (SLOW_GROUPS, STATE | DIRTY | IO_THREAD, PERF),
        (SLOW_GROUPS, STATE | DIRTY | PERF, IO_THREAD),
        (SLOW_GROUPS, STATE | DIRTY, IO_THREAD | PERF),
        (DISK_GROUPS, BALLOON, BLOCK),
        (mask(Group.PERF), {}, PERF),
    ],
    ids=["perf", "io-threads", "both", "disks", "perf-alone"],
)
def test_what_is_there_no_more_ends_no_idleness(
    table: GuestTable, groups: int, stays: Values, goes: Values
) -> None:
    idle = Idle(table, groups)
    assert idle.read(stays | goes)
    before = idle.known()
    idle.stirs()
    assert idle.read(stays) is False, "it may come again"
    assert idle.known() == before
    assert idle.read(stays) is True
    assert idle.known() < before
    if groups == DISK_GROUPS:
        assert idle.read(stays) is True, "of disks once more"
    assert idle.read(stays) is None
    idle.stirs()
    table.set_devices(GUEST, [], [])
    assert idle.read(stays | goes if groups != DISK_GROUPS else stays) is True


@pytest.mark.parametrize("came", [STATE, STATE | PERF, None], ids=str)
def test_a_busy_monitor_is_asked_for_ever(table: GuestTable, came: Values | None) -> None:
    """It may be busy as often as it is asked: others may scrape in step."""
    idle = Idle(table, SLOW_GROUPS)
    assert idle.read(STATE | DIRTY | IO_THREAD)
    idle.stirs()
    for _ in range(5):
        assert idle.read(came) is False
        assert {Group.VCPU_STATE, Group.DIRTY_RATE, Group.IO_THREAD} <= idle.known()


def test_what_lacked_once_is_kept(table: GuestTable) -> None:
    idle = Idle(table, SLOW_GROUPS)
    assert idle.read(STATE | DIRTY | IO_THREAD)
    for _ in range(3):
        idle.stirs()
        table.set_devices(GUEST, [(b"ua-d", b"vda")], [])
        assert idle.read(STATE | DIRTY) is False
        assert idle.read(STATE | DIRTY | IO_THREAD) is True
        assert Group.IO_THREAD in idle.known()
    assert idle.read(None) is None


def test_a_first_reading_that_meets_a_busy_monitor_is_made_again(table: GuestTable) -> None:
    """Of a guest that was started paused, and whose vCPUs never ran."""
    idle = Idle(table, SLOW_GROUPS)
    assert idle.read(STATE) is False
    assert idle.read(STATE | DIRTY | IO_THREAD) is True
    assert idle.read(None) is None


def test_limits_that_did_not_come_at_first_are_asked_for_again(table: GuestTable) -> None:
    """Of a guest that was started paused: each disk has some, be they none at all."""
    idle = Idle(table, mask(Group.IO_TUNE))
    assert [idle.read(None) for _ in range(2)] == [False, False]
    table.set_devices(GUEST, [], [])
    assert idle.read(None) is True, "without disks there are none"


def test_a_guest_that_has_nothing_to_tell_of_is_asked_no_more(table: GuestTable) -> None:
    idle = Idle(table, mask(Group.IO_THREAD))
    assert [idle.read(None) for _ in range(5)] == [False, False, False, True, None]
    idle.plan.answered(GUEST)
    assert idle.read(None) is False, "its monitor was busy all the while"
    table.set_state(GUEST, 5, 1, -1)
    table.set_state(GUEST, 1, 1, 9)
    assert idle.read(None) is False, "another run may have some"


def test_a_guest_that_had_nothing_is_asked_for_its_first_device(table: GuestTable) -> None:
    """Its monitor is busy just then, with the plugging."""
    idle = Idle(table, mask(Group.IO_THREAD))
    while idle.read(None) is not None:
        pass
    idle.stirs()
    assert idle.read(None) is False
    assert idle.read(IO_THREAD) is True
    assert idle.known() == {Group.IO_THREAD}


@pytest.mark.parametrize("call", ["plan.due(0, 100, 60)", "plan.probes(100)", "table.name(guest)"])
def test_a_lack_of_memory_leaves_the_table_unlocked(call: str) -> None:
    """In a process of its own: where it does not, the next who asks waits for ever."""
    pytest.importorskip("_testcapi")
    program = f"""
import _testcapi
from hostmon._plan import Plan
from hostmon._table import GuestTable
table = GuestTable()
for number in range(64):
    guest = number.to_bytes(16, "big")
    table.upsert(guest, b"a guest")
    table.set_state(guest, 1, 1, number + 1)
plan = Plan(table)
for number in range(64):
    plan.mark_stuck(number.to_bytes(16, "big"), 1, 1, 1, 1) if "probes" in {call!r} else None
failed = 0
for allowed in range(40):
    _testcapi.set_nomemory(allowed, allowed + 1)
    try:
        {call}
    except MemoryError:
        failed += 1
    finally:
        _testcapi.remove_mem_hooks()
    table.snapshot()
print(failed)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert int(done.stdout) > 0
