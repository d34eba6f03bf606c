"""One pass of the kernel sampler over recorded trees: what it reads, and what it refuses."""

import os
import shutil
from pathlib import Path

import pytest

from hostmon._sampler import ALL, FAST, SHOWN, Sampler
from hostmon._table import GuestTable
from hostmon.samples import Group
from tests.conftest import Corpus
from tests.unit.kerneltree import (
    CPU_STAT,
    QUOTA,
    UUID_OF_ONE,
    Tree,
    guest_of,
    nobody,
    stat_line,
    write_files,
)

PAGE = os.sysconf("SC_PAGE_SIZE")


def test_a_running_guest_is_read(tree: Tree, table: GuestTable) -> None:
    tree.group(
        cpu__stat=QUOTA,
        memory__current="4096\n",
        memory__swap__current="8192\n",
        cpu__pressure="some avg10=0.00 total=5\nfull avg10=0.00 total=4\n",
        memory__pressure="some avg10=0.00 total=3\nfull avg10=0.00 total=2\n",
        io__pressure="some avg10=0.00 total=1\nfull avg10=0.00 total=0\n",
    )
    sampler = tree.sampler(table)
    sampler.sample(ALL)
    found = guest_of(table)
    assert (found.process.pid, found.process.start_ticks) == (500, 900)
    assert found.cgroup == b"machine/g.libvirt-qemu"
    assert (found.cpu.time_ns, found.cpu.user_ns) == (3_000_000, 1_000_000)
    assert found.cpu.system_ns == 2_000_000
    assert (found.memory.rss, found.memory.current, found.memory.swap) == (1000 * PAGE, 4096, 8192)
    assert [(v.number, v.tid, v.run_ns, v.delay_ns, v.on_cpu) for v in found.vcpus] == [
        (0, 510, 1000, 10, 510 % 7),
        (1, 511, 1001, 11, 511 % 7),
    ]
    assert (found.io.read_chars, found.io.cancelled_bytes) == (1, 7)
    assert (found.pressure.cpu_some_ns, found.pressure.io_full_ns) == (5000, 0)
    assert (found.throttle.periods, found.throttle.throttled_ns) == (10, 500_000)
    assert set(found.valid) == set(range(9)) - {Group.INTERFACE}
    assert (sampler.unresolved, sampler.cannot_tell) == (0, False)


def test_a_fast_pass_leaves_the_costly_groups_as_they_are(tree: Tree, table: GuestTable) -> None:
    sampler = tree.sampler(table)
    sampler.sample(FAST)
    assert set(guest_of(table).valid) == {Group.CPU, Group.VCPU, Group.RSS}


def test_a_pass_over_what_is_shown_keeps_the_rest(tree: Tree, table: GuestTable) -> None:
    folder = tree.group(memory__current="4096\n", memory__swap__current="8192\n")
    sampler = tree.sampler(table)
    sampler.sample(ALL)
    before = guest_of(table)
    write_files(folder, memory__current="5000\n", memory__swap__current="1\n")
    sampler.sample(SHOWN)
    found = guest_of(table)
    assert (found.memory.current, found.memory.swap) == (5000, 8192)
    assert [v.on_cpu for v in found.vcpus] == [v.on_cpu for v in before.vcpus]
    assert set(found.valid) == set(before.valid)


def test_quotas_below_a_guests_group_are_followed_once_a_deep_pass_found_them(
    tree: Tree, table: GuestTable
) -> None:
    folder = tree.group(cpu__stat=QUOTA)
    write_files(folder / "vcpu0", cpu__stat="nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n")
    sampler = tree.sampler(table)
    found = []
    sampler.sample(ALL)
    for depth in (SHOWN, ALL, SHOWN):
        write_files(folder / "vcpu0", cpu__stat=QUOTA)
        sampler.sample(depth)
        found.append(guest_of(table).throttle.periods)
    write_files(folder / "vcpu0", cpu__stat=QUOTA.replace("nr_periods 10", "nr_periods 15"))
    sampler.sample(SHOWN)
    assert [*found, guest_of(table).throttle.periods] == [10, 20, 20, 25]


def test_pressure_that_is_not_shown_is_not_read(tree: Tree, table: GuestTable) -> None:
    tree.group(cpu__pressure="some avg10=0.00 total=5\nfull avg10=0.00 total=4\n")
    tree.sampler(table, pressure=False).sample(ALL)
    assert Group.PRESSURE not in guest_of(table).valid


def test_a_shut_off_guest_is_not_looked_for(tree: Tree, table: GuestTable) -> None:
    table.set_state(UUID_OF_ONE, 5, 1, -1)
    sampler = tree.sampler(table)
    sampler.sample()
    assert guest_of(table).valid == {}
    assert (sampler.unresolved, sampler.cannot_tell) == (0, False)


def test_throttling_is_summed_over_libvirts_groups(tree: Tree, table: GuestTable) -> None:
    folder = tree.group(cpu__stat=QUOTA)
    for child in ("emulator", "vcpu0", "vcpu1"):
        write_files(folder / child, cpu__stat=QUOTA)
    tree.sampler(table).sample()
    found = guest_of(table).throttle
    assert (found.periods, found.throttled_periods, found.throttled_ns) == (40, 16, 2_000_000)


def test_v1_hierarchies(tree: Tree, table: GuestTable, tmp_path: Path) -> None:
    path = "machine.slice/machine-qemu\\x2d1\\x2dg.scope"
    (tree.proc / "500/cgroup").write_text(
        f"9:memory:/{path}\n4:cpu,cpuacct:/{path}/emulator\n1:name=systemd:/{path}\n0::/\n"
    )
    cpu, memory = tmp_path / "v1/cpu,cpuacct", tmp_path / "v1/memory"
    write_files(
        cpu / path,
        cpuacct__usage="123456789\n",
        cpuacct__stat="user 7\nsystem 5\n",
        cpu__stat="nr_periods 3\nnr_throttled 2\nthrottled_time 1000\n",
    )
    write_files(
        memory / path, memory__usage_in_bytes="777\n", memory__stat="swap 1\ntotal_swap 99\n"
    )
    tree.sampler(table, cpuacct=cpu, cpu=cpu, memory=memory, unified=tree.unified).sample()
    found = guest_of(table)
    tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    assert (found.cpu.time_ns, found.cpu.user_ns, found.cpu.system_ns) == (
        123456789, 7 * tick, 5 * tick
    )  # fmt: skip
    assert (found.memory.current, found.memory.swap) == (777, 99)
    assert (found.throttle.periods, found.throttle.throttled_ns) == (3, 1000)
    assert found.cgroup == path.encode()
    assert Group.PRESSURE not in found.valid


def test_hybrid_takes_cpu_from_v2_and_memory_from_v1(
    tree: Tree, table: GuestTable, tmp_path: Path
) -> None:
    (tree.proc / "500/cgroup").write_text(
        "4:memory:/machine/g.libvirt-qemu\n2:cpuacct:/\n1:cpu:/machine/g.libvirt-qemu/emulator\n"
        "0::/machine/g.libvirt-qemu/emulator\n"
    )
    memory = tmp_path / "v1/memory/machine/g.libvirt-qemu"
    write_files(memory, memory__usage_in_bytes="777\n")
    tree.sampler(table, unified=tree.unified, memory=tmp_path / "v1/memory").sample()
    assert guest_of(table).cpu.time_ns == 3_000_000
    assert guest_of(table).memory.current == 777


@pytest.mark.parametrize(
    "cgroup",
    [
        "0::/\n",
        "0::/user.slice/user-1000.slice/session-3.scope\n",
        "0::/machine/g.libvirt-qemu/emulator (deleted)\n",
        "",
        "garbage\n::\n0:\n",
    ],
)
def test_a_group_that_others_share_is_not_the_guests(
    tree: Tree, table: GuestTable, cgroup: str
) -> None:
    (tree.proc / "500/cgroup").write_text(cgroup)
    write_files(tree.unified, cpu__stat=CPU_STAT)
    write_files(tree.unified / "user.slice/user-1000.slice/session-3.scope", cpu__stat=CPU_STAT)
    tree.stat(500, ticks=(1200, 34))
    sampler = tree.sampler(table)
    sampler.sample()
    found = guest_of(table)
    assert found.cgroup == b""
    assert Group.VCPU in found.valid
    assert Group.THROTTLE not in found.valid
    if not cgroup:  # a file that is cut short says nothing
        assert Group.CPU not in found.valid
        return
    # Its process's own times, in ticks of 10 ms.
    assert (found.cpu.user_ns, found.cpu.system_ns) == (12_000_000_000, 340_000_000)
    assert found.cpu.time_ns == 12_340_000_000
    tree.stat(500, ticks=(1300, 35))
    for depth in (FAST, SHOWN, ALL):
        sampler.sample(depth)
        assert guest_of(table).cpu.time_ns == 13_350_000_000


@pytest.mark.parametrize("end", ["removed", "no mount"])
def test_a_guest_that_has_a_group_is_never_read_by_its_process_instead(
    tree: Tree, table: GuestTable, tmp_path: Path, end: str
) -> None:
    """A group counts more than the process does: one time after the other would go back."""
    tree.stat(500, ticks=(1200, 34))
    sampler = tree.sampler(table)
    if end == "no mount":
        sampler = tree.sampler(table, memory=tmp_path)
    else:
        sampler.sample()
        assert guest_of(table).cpu.time_ns == 3_000_000
        (tree.unified / "machine/g.libvirt-qemu/cpu.stat").unlink()
        (tree.proc / "500/cgroup").write_text("0::/user.slice/session-3.scope\n")
        before = guest_of(table).valid[Group.CPU]
    sampler.sample()
    found = guest_of(table)
    assert found.cpu.time_ns != 12_340_000_000
    if end == "no mount":
        assert Group.CPU not in found.valid
    else:
        assert found.valid.get(Group.CPU, before) == before


def test_ticks_too_many_to_be_nanoseconds_are_no_time(tree: Tree, table: GuestTable) -> None:
    (tree.proc / "500/cgroup").write_text("0::/user.slice/session-3.scope\n")
    sampler = tree.sampler(table)
    for ticks in ((2**63, 1), (1, 2**63), (2**64 // 10**7, 2**64 // 10**7), (2**64 - 1, 0)):
        tree.stat(500, ticks=ticks)
        sampler.sample()
        assert Group.CPU not in guest_of(table).valid


def test_another_process_under_the_pid_is_not_the_guest(tree: Tree, table: GuestTable) -> None:
    sampler = tree.sampler(table)
    sampler.sample()
    before = guest_of(table)
    assert Group.RSS in before.valid
    tree.process(500, bytes(16), start=5000, rss=9)
    sampler.sample()
    after = guest_of(table)
    assert after.memory.rss == before.memory.rss
    assert after.valid == {}


def test_a_stale_pid_file_names_nobody(tree: Tree, table: GuestTable) -> None:
    tree.process(500, bytes(16))
    sampler = tree.sampler(table)
    sampler.sample()
    assert guest_of(table).process.pid == 0
    assert (sampler.unresolved, sampler.cannot_tell) == (1, False)


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_zombies_zeros_are_not_read(tree: Tree, table: GuestTable, state: str) -> None:
    sampler = tree.sampler(table)
    sampler.sample()
    tree.stat(500, state=state, rss=0)
    sampler.sample()
    assert guest_of(table).valid == {}


def test_an_ended_process_voids_the_kernels_columns_only(tree: Tree, table: GuestTable) -> None:
    facts = {"vcpus": 2, "vcpus_max": 2, "memory": 1, "memory_max": 1}
    table.set_facts(UUID_OF_ONE, **facts, persistent=True, autostart=True, now_ns=5)
    sampler = tree.sampler(table)
    sampler.sample()
    shutil.rmtree(tree.proc / "500")
    sampler.sample()
    assert guest_of(table).valid == {Group.SIZES: 5}


def test_the_next_run_is_found_anew(tree: Tree, table: GuestTable) -> None:
    sampler = tree.sampler(table)
    sampler.sample()
    shutil.rmtree(tree.proc / "500")
    table.set_state(UUID_OF_ONE, 5, 1, -1)
    tree.process(600, UUID_OF_ONE, start=2000, rss=5)
    tree.pid_file("g", 600)
    table.set_state(UUID_OF_ONE, 1, 1, 2)
    sampler.sample()
    found = guest_of(table)
    assert (found.process.pid, found.memory.rss) == (600, 5 * PAGE)
    assert [vcpu.tid for vcpu in found.vcpus] == [610, 611]


def test_vcpus_come_and_go(tree: Tree, table: GuestTable) -> None:
    facts = {"vcpus": 2, "vcpus_max": 4, "memory": 1, "memory_max": 1}
    table.set_facts(UUID_OF_ONE, **facts, persistent=True, autostart=True)
    sampler = tree.sampler(table)
    sampler.sample()
    assert sampler.take_changes() == []
    tree.thread(500, 530, "CPU 3/KVM", 42, 43)
    tree.stat(500)
    sampler.sample(FAST)
    assert [(v.number, v.run_ns) for v in guest_of(table).vcpus] == [(0, 1000), (1, 1001), (3, 42)]
    assert sampler.take_changes() == [UUID_OF_ONE]
    assert sampler.take_changes() == []
    shutil.rmtree(tree.proc / "500/task/511")
    tree.thread(500, 540, "worker", 0, 0)  # as many threads as before
    sampler.sample(FAST)
    assert [(v.number, v.run_ns) for v in guest_of(table).vcpus] == [(0, 1000), (3, 42)]


def test_255_vcpus(tree: Tree, table: GuestTable) -> None:
    tree.process(500, UUID_OF_ONE, vcpus=255)
    tree.sampler(table).sample()
    assert [v.number for v in guest_of(table).vcpus] == list(range(255))
    assert guest_of(table).vcpus[254].run_ns == 1254


def test_an_interface_is_seen_from_the_guest(tree: Tree, table: GuestTable) -> None:
    table.set_devices(UUID_OF_ONE, [], [(b"52:54:00:00:00:01", b"lo"), (b"52:54:00:00:00:02", b"")])
    sampler = tree.sampler(table)

    def host_view() -> list[int]:
        text = Path("/proc/net/dev").read_text()
        line = next(line for line in text.splitlines() if line.strip().startswith("lo:"))
        figures = [int(word) for word in line.split(":")[1].split()]
        return [figures[i] for i in (8, 9, 10, 11, 0, 1, 2, 3)]

    before = host_view()
    sampler.sample()
    after = host_view()
    first, second = guest_of(table).interfaces
    found = [
        first.rx_bytes, first.rx_packets, first.rx_errors, first.rx_drops,
        first.tx_bytes, first.tx_packets, first.tx_errors, first.tx_drops,
    ]  # fmt: skip
    assert all(
        x is not None and low <= x <= high
        for x, low, high in zip(found, before, after, strict=True)
    )
    assert second.rx_bytes is None
    assert Group.INTERFACE in guest_of(table).valid


def test_an_interface_that_does_not_exist(tree: Tree, table: GuestTable) -> None:
    table.set_devices(UUID_OF_ONE, [], [(b"52:54:00:00:00:01", b"no-such-tap")])
    tree.sampler(table).sample()
    assert Group.INTERFACE not in guest_of(table).valid


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_without_permission_it_says_what_that_costs(tree: Tree, table: GuestTable) -> None:
    (tree.proc / "500/io").chmod(0)
    sampler = tree.sampler(table)
    with nobody(tree):
        sampler.sample()
    assert sampler.denied_groups == [Group.PROCESS_IO]
    assert Group.PROCESS_IO not in guest_of(table).valid
    assert Group.VCPU in guest_of(table).valid


def test_memory_stays_when_guests_come_and_go(tree: Tree, table: GuestTable) -> None:
    sampler = tree.sampler(table)
    sizes = []
    for number in range(200):
        table.set_state(UUID_OF_ONE, 5, 1, -1)
        sampler.sample()
        table.set_state(UUID_OF_ONE, 1, 1, number + 2)
        sampler.sample()
        sizes.append((sampler.memory, table.memory))
    assert sizes[-1] == sizes[3]


# Recorded by others

STATS = [("complex", 22, 24), ("simple", None, None)]


@pytest.mark.parametrize(("case", "start", "rss"), STATS)
def test_recorded_stat_files(
    tree: Tree, table: GuestTable, corpus: Corpus, case: str, start: int | None, rss: int | None
) -> None:
    folder = corpus("cgroup-proc-sysinfo") / "virprocessstatdata" / case
    shutil.copy(folder / "stat", tree.proc / "500/stat")
    shutil.copy(folder / "stat", tree.proc / "500/task/510/stat")
    tree.sampler(table).sample()
    found = guest_of(table)
    assert found.process.start_ticks == (start or 0)
    assert found.memory.rss == (None if rss is None else rss * PAGE)
    if start:
        assert found.vcpus[0].on_cpu == 39


def test_a_closed_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Sampler(GuestTable(), proc=str(tmp_path / "none"), mounts={})


def test_the_tree_writes_stat_as_the_kernel_does() -> None:
    assert len(stat_line(1).rsplit(")", 1)[1].split()) == 50
