"""Kernel files that are cut short, garbage, or gone: they cost their own columns, no others."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostmon._sampler import FAST
from hostmon._table import GuestTable
from hostmon.samples import Group
from tests.unit.kerneltree import (
    UUID_OF_ONE,
    Tree,
    guest_of,
    no_descriptors,
    running,
)

PAGE = os.sysconf("SC_PAGE_SIZE")


def spoil(path: Path, fault: str) -> None:
    """Break a file: empty, cut in half, gone, or something else under its name."""
    text = path.read_bytes()
    path.unlink()
    if fault in ("empty", "half"):
        path.write_bytes(text[: len(text) // 2] if fault == "half" else b"")
    elif fault == "fifo":
        os.mkfifo(path)
    elif fault == "folder":
        path.mkdir()


FILES = [
    "proc/500/stat", "proc/500/cmdline", "proc/500/cgroup", "proc/500/io", "run/g.pid",
    "proc/500/task/510/comm", "proc/500/task/510/schedstat", "proc/500/task/510/stat",
    "unified/machine/g.libvirt-qemu/cpu.stat",
]  # fmt: skip


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("fault", ["empty", "half", "gone", "fifo", "folder"])
def test_a_broken_file_costs_at_most_its_columns(
    tree: Tree, table: GuestTable, tmp_path: Path, file: str, fault: str
) -> None:
    other = bytes(range(1, 17))
    running(table, other, b"other", 2)
    tree.process(700, other, rss=3)
    (tree.proc / "700/cgroup").write_text("0::/\n")
    tree.pid_file("other", 700)
    spoil(tmp_path / file, fault)
    sampler = tree.sampler(table)
    sampler.sample()
    sampler.sample(FAST)
    found = guest_of(table)
    for vcpu in found.vcpus:
        assert vcpu.run_ns in (None, 1000, 1001)
    assert found.memory.rss in (None, 1000 * PAGE)
    assert found.cpu.time_ns in (None, 3_000_000)
    assert guest_of(table, other).memory.rss == 3 * PAGE


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("fault", ["empty", "half", "fifo", "folder"])
def test_a_file_that_breaks_while_the_guest_runs_is_read_again_once_it_is_whole(
    tree: Tree, table: GuestTable, tmp_path: Path, file: str, fault: str
) -> None:
    sampler = tree.sampler(table)
    sampler.sample()
    whole = guest_of(table)
    path = tmp_path / file
    text = path.read_bytes()
    spoil(path, fault)
    sampler.sample()
    assert guest_of(table).valid.keys() == whole.valid.keys()
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    path.write_bytes(text)
    broken = guest_of(table).valid
    sampler.sample()
    healed = guest_of(table)
    assert all(healed.valid[group] > broken[group] for group in broken)
    assert (healed.memory, healed.vcpus) == (whole.memory, whole.vcpus)


def test_running_out_of_descriptors_ends_no_guest(tree: Tree, table: GuestTable) -> None:
    sampler = tree.sampler(table)
    sampler.sample()
    before = guest_of(table)
    with no_descriptors():
        sampler.sample()
        during = guest_of(table)
    assert (during.valid, during.vcpus) == (before.valid, before.vcpus)
    assert sampler.denied_groups == []
    sampler.sample()
    after = guest_of(table)
    assert all(after.valid[group] > before.valid[group] for group in before.valid)
    assert after.vcpus == before.vcpus


@pytest.mark.parametrize("end", ["gone", "another", "zombie"])
def test_a_process_that_ended_has_no_columns(tree: Tree, table: GuestTable, end: str) -> None:
    sampler = tree.sampler(table)
    sampler.sample()
    if end == "gone":
        shutil.rmtree(tree.proc / "500")
    else:
        tree.stat(
            500, start=901 if end == "another" else 900, state="Z" if end == "zombie" else "S"
        )
    sampler.sample()
    assert not guest_of(table).valid


def test_a_stat_that_is_cut_short_is_no_missing_permission(tree: Tree, table: GuestTable) -> None:
    sampler = tree.sampler(table)
    sampler.sample()
    path = tree.proc / "500/stat"
    path.write_text(path.read_text()[:20])
    sampler.sample()
    assert (sampler.denied_groups, sampler.unresolved, sampler.cannot_tell) == ([], 0, False)


@given(file=st.sampled_from(FILES), text=st.binary(max_size=200))
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_are_survived(tree: Tree, tmp_path: Path, file: str, text: bytes) -> None:
    table = GuestTable()
    running(table, UUID_OF_ONE)
    path = tmp_path / file
    kept = path.read_bytes()
    path.write_bytes(text)
    try:
        tree.sampler(table).sample()
        guest_of(table)
    finally:
        path.write_bytes(kept)


DIGITS = st.text("0123456789 -", max_size=60)


@given(run=DIGITS, usage=DIGITS, rss=st.integers(0, 2**70))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_numbers_too_large_are_not_read(tree: Tree, run: str, usage: str, rss: int) -> None:
    table = GuestTable()
    running(table, UUID_OF_ONE)
    tree.process(500, UUID_OF_ONE, rss=rss)
    (tree.proc / "500/task/510/schedstat").write_text(run)
    tree.group(cpu__stat=f"usage_usec {usage}\nuser_usec 1\nsystem_usec 1\n")
    tree.sampler(table).sample()
    found = guest_of(table)
    words = run.split()
    if Group.VCPU in found.valid:
        assert found.vcpus[0].run_ns == int(words[0].split("-")[0])
    if Group.RSS in found.valid:
        assert found.memory.rss == rss * PAGE
