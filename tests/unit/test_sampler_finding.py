"""How the kernel sampler finds a guest's process: by libvirt's pid file, or among all processes."""

import shutil
import time

import pytest

from hostmon._sampler import Sampler
from hostmon._table import GuestTable
from tests.unit.kerneltree import UUID_OF_ONE, Tree, guest_of, running

OTHER = bytes(range(1, 17))


def sampler_in_search(tree: Tree, table: GuestTable) -> Sampler:
    """A sampler that has no pid files, and has not found one guest among all processes."""
    shutil.rmtree(tree.run)
    running(table, OTHER, b"other", 2)
    sampler = tree.sampler(table)
    sampler.sample()
    assert sampler.missing == (1, True)
    return sampler


def test_without_pid_files_all_processes_are_searched(tree: Tree, table: GuestTable) -> None:
    running(table, OTHER, b"other", 2)
    tree.process(700, OTHER, rss=3)
    shutil.rmtree(tree.run)
    sampler = tree.sampler(table)
    sampler.sample()
    assert guest_of(table).process.pid == 500
    assert guest_of(table, OTHER).process.pid == 700
    assert sampler.missing == (0, True)


def test_a_folder_that_is_not_libvirts_hides_nobody(tree: Tree, table: GuestTable) -> None:
    """It holds no pid file of a guest that runs: then processes are looked at."""
    (tree.run / "g.pid").unlink()
    sampler = tree.sampler(table)
    sampler.sample()
    assert guest_of(table).process.pid == 500


def test_pid_files_may_come_after_the_sampler(tree: Tree, table: GuestTable) -> None:
    """Libvirt makes their folder when it first starts; no process has to be searched for then."""
    (tree.run / "g.pid").unlink()
    tree.run.rmdir()
    tree.process(500, bytes(16))
    sampler = tree.sampler(table)
    sampler.sample()
    assert sampler.missing == (1, True)
    tree.process(500, UUID_OF_ONE)
    tree.run.mkdir()
    tree.pid_file("g", 500)
    sampler.discover()
    assert sampler.missing == (0, False)
    sampler.sample()
    assert guest_of(table).process.pid == 500


def test_a_search_comes_again_after_a_share_of_its_time(tree: Tree, table: GuestTable) -> None:
    sampler = sampler_in_search(tree, table)
    tree.process(700, OTHER)
    until = time.monotonic() + 5
    while sampler.missing[0] and time.monotonic() < until:
        sampler.discover()
    sampler.sample()
    assert guest_of(table, OTHER).process.pid == 700


def test_what_can_not_be_told_is_as_of_the_last_look(tree: Tree, table: GuestTable) -> None:
    """Without pid files every process is looked at; a guest of none is not found."""
    sampler = sampler_in_search(tree, table)
    table.set_state(OTHER, 5, 1, -1)
    sampler.sample()
    assert sampler.missing == (0, False)


@pytest.mark.parametrize("name", [b"../g", b"a/b", b"x" * 600, b"", b"g\0h"])
def test_a_name_that_no_file_can_have(tree: Tree, name: bytes) -> None:
    table = GuestTable()
    running(table, UUID_OF_ONE, name)
    (tree.run.parent / "g.pid").write_text("500\n")
    sampler = tree.sampler(table)
    sampler.sample()
    assert guest_of(table).process.pid == 0
