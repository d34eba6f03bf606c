"""CPU quotas of a guest's groups, over vCPUs that come and go and files that can't be read."""

import shutil

import pytest

from hostmon._sampler import ALL, SHOWN
from hostmon._table import GuestTable
from hostmon.samples import Group
from tests.unit.kerneltree import QUOTA, Tree, guest_of, write_files


def throttled_ns(table: GuestTable) -> int:
    found = guest_of(table).throttle.throttled_ns
    assert found is not None
    return found


@pytest.mark.parametrize("depth", [SHOWN, ALL])
def test_what_a_vcpu_was_throttled_stays_counted_when_it_is_unplugged(
    tree: Tree, table: GuestTable, depth: int
) -> None:
    folder = tree.group(cpu__stat=QUOTA)
    for child in ("emulator", "vcpu0", "vcpu1"):
        write_files(folder / child, cpu__stat=QUOTA)
    sampler = tree.sampler(table)
    sampler.sample(ALL)
    assert throttled_ns(table) == 2_000_000
    shutil.rmtree(folder / "vcpu1")
    shutil.rmtree(tree.proc / "500/task/511")
    tree.stat(500)
    for _ in range(2):
        sampler.sample(depth)
        assert throttled_ns(table) == 2_000_000
    # Plugged again: its group is another, and counts from its own beginning.
    tree.thread(500, 512, "CPU 1/KVM", 0, 0)
    tree.stat(500)
    write_files(folder / "vcpu1", cpu__stat=QUOTA)
    for _ in range(2):
        sampler.sample(depth)
        assert throttled_ns(table) == 2_500_000
    # And once more, both between two readings.
    write_files(folder / "vcpu1", cpu__stat=QUOTA.replace("10", "3").replace("500", "100"))
    sampler.sample(depth)
    assert throttled_ns(table) == 2_600_000


def test_a_group_that_can_not_be_read_leaves_the_throttled_time_to_age(
    tree: Tree, table: GuestTable
) -> None:
    folder = tree.group(cpu__stat=QUOTA)
    write_files(folder / "vcpu0", cpu__stat=QUOTA)
    sampler = tree.sampler(table)
    sampler.sample(ALL)
    before = guest_of(table)
    (folder / "vcpu0/cpu.stat").unlink()
    (folder / "vcpu0/cpu.stat").mkdir()
    sampler.sample(ALL)
    during = guest_of(table)
    assert during.throttle == before.throttle
    assert during.valid[Group.THROTTLE] == before.valid[Group.THROTTLE]
    assert during.valid[Group.CPU] > before.valid[Group.CPU]
    (folder / "vcpu0/cpu.stat").rmdir()
    write_files(folder / "vcpu0", cpu__stat=QUOTA)
    sampler.sample(SHOWN)
    after = guest_of(table)
    assert after.throttle == before.throttle
    assert after.valid[Group.THROTTLE] > before.valid[Group.THROTTLE]
