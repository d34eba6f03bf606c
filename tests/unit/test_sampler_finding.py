"""How the kernel sampler finds a guest's process: by libvirt's pid file, or among all processes."""

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hostmon._sampler import Sampler
from hostmon._table import GuestTable
from tests.unit.kerneltree import UUID_OF_ONE, Tree, guest_of, nobody, running

OTHER = bytes(range(1, 17))


def sampler_in_search(tree: Tree, table: GuestTable) -> Sampler:
    """A sampler that has no pid files, and has not found one guest among all processes."""
    shutil.rmtree(tree.run)
    running(table, OTHER, b"other", 2)
    sampler = tree.sampler(table)
    sampler.sample()
    assert (sampler.unresolved, sampler.cannot_tell) == (1, True)
    return sampler


def test_without_pid_files_all_processes_are_searched(tree: Tree, table: GuestTable) -> None:
    running(table, OTHER, b"other", 2)
    tree.process(700, OTHER, rss=3)
    shutil.rmtree(tree.run)
    sampler = tree.sampler(table)
    sampler.sample()
    assert guest_of(table).process.pid == 500
    assert guest_of(table, OTHER).process.pid == 700
    assert (sampler.unresolved, sampler.cannot_tell) == (0, True)


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
    assert (sampler.unresolved, sampler.cannot_tell) == (1, True)
    tree.process(500, UUID_OF_ONE)
    tree.run.mkdir()
    tree.pid_file("g", 500)
    sampler.discover()
    assert (sampler.unresolved, sampler.cannot_tell) == (0, False)
    sampler.sample()
    assert guest_of(table).process.pid == 500


def test_a_search_comes_again_after_a_share_of_its_time(tree: Tree, table: GuestTable) -> None:
    sampler = sampler_in_search(tree, table)
    tree.process(700, OTHER)
    until = time.monotonic() + 5
    while sampler.unresolved and time.monotonic() < until:
        sampler.discover()
    sampler.sample()
    assert guest_of(table, OTHER).process.pid == 700


IN_OPEN = 0x20  # linux/inotify.h


@contextmanager
def opened(path: Path) -> Iterator[Callable[[], bool]]:
    """Tells whether a file was opened since it was asked last."""
    libc = ctypes.CDLL(None, use_errno=True)
    notices = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert libc.inotify_add_watch(notices, os.fsencode(path), IN_OPEN) > 0

    def since() -> bool:
        with suppress(BlockingIOError):
            return bool(os.read(notices, 4096))
        return False

    try:
        yield since
    finally:
        os.close(notices)


def test_searches_take_a_hundredth_of_the_time_at_most(tree: Tree, table: GuestTable) -> None:
    for pid in range(1000, 1100):
        tree.process(pid, bytes(16), vcpus=0)
    sampler = sampler_in_search(tree, table)
    spent: list[float] = []
    with opened(tree.proc / "1000" / "cmdline") as searched:
        began = time.monotonic()
        while len(spent) < 5 and time.monotonic() < began + 20:
            before = time.thread_time()
            sampler.discover()
            if searched():
                spent.append(time.thread_time() - before)
        took = time.monotonic() - began
    assert len(spent) == 5
    # Of its own CPU time alone: while others run a search takes longer, and so does the rest after.
    # The last one's is still to come; twice as much for what else a call does.
    assert sum(spent[:-1]) < took / 50


def test_what_can_not_be_told_is_as_of_the_last_look(tree: Tree, table: GuestTable) -> None:
    """Without pid files every process is looked at; a guest of none is not found."""
    sampler = sampler_in_search(tree, table)
    table.set_state(OTHER, 5, 1, -1)
    sampler.sample()
    assert (sampler.unresolved, sampler.cannot_tell) == (0, False)


LOOK_UNPRIVILEGED = """
import os, sys
from hostmon._sampler import Sampler
from hostmon._table import GuestTable
proc, run, guest = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3])
table = GuestTable()
table.upsert(guest, b"g")
table.set_state(guest, 1, 1, 1)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sampler = Sampler(table, proc=proc, run=run, mounts={})
sampler.sample()
print(sampler.unresolved, sampler.barred)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
@pytest.mark.parametrize("hidden", ["hidepid=1", "hidepid=2", "gone"])
def test_a_process_that_is_hidden_is_no_absence(tmp_path: Path, hidden: str) -> None:
    """In a /proc of its own, as a host mounts it for those who need not see others' processes."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # pytest's own are its user's alone
    (tmp_path / "proc").mkdir()
    (tmp_path / "run").mkdir()
    guest = subprocess.Popen(["sleep", "60"])
    try:
        pid = guest.pid
        if hidden == "gone":
            guest.kill()
            guest.wait()
        (tmp_path / "run/g.pid").write_text(str(pid))
        option = "rw" if hidden == "gone" else hidden
        shell = 'mount -t proc -o "$0" proc "$1" && exec "$2" -c "$3" "$1" "$4" "$5"'
        found = subprocess.run(
            ["unshare", "--mount", "sh", "-c", shell, option, str(tmp_path / "proc"),
             sys.executable, LOOK_UNPRIVILEGED, str(tmp_path / "run"), OTHER.hex()],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    finally:
        guest.kill()
        guest.wait()
    assert found.stdout.split() == ["1", "0" if hidden == "gone" else "1"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.parametrize("closed", ["run/g.pid", "proc/500/cmdline"])
def test_a_permission_that_lacks_is_no_absence(tree: Tree, table: GuestTable, closed: str) -> None:
    running(table, OTHER, b"other", 2)
    (tree.proc.parent / closed).chmod(0)
    (tree.proc / "500/cmdline").chmod(0)
    sampler = tree.sampler(table)
    with nobody(tree):
        sampler.sample()
    assert (sampler.unresolved, sampler.cannot_tell, sampler.barred) == (2, True, 1)
    sampler.sample()
    assert (sampler.unresolved, sampler.cannot_tell, sampler.barred) == (1, True, 0)


@pytest.mark.parametrize("name", [b"../g", b"a/b", b"x" * 600, b"", b"g\0h"])
def test_a_name_that_no_file_can_have(tree: Tree, name: bytes) -> None:
    table = GuestTable()
    running(table, UUID_OF_ONE, name)
    (tree.run.parent / "g.pid").write_text("500\n")
    sampler = tree.sampler(table)
    sampler.sample()
    assert guest_of(table).process.pid == 0
