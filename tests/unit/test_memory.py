"""What a process gives back after it has used more for a while."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from hostmon._trim import heap_free, trim_heap
from hostmon.memory import GROWN, Thrift
from tests.unit.kerneltree import no_descriptors


def test_it_trims_once_for_what_became_free() -> None:
    free, trims = [10 * GROWN], []
    thrift = Thrift(lambda: free[0], lambda: trims.append(free[0]), lambda: 0)
    steps = (11 * GROWN - 1, 11 * GROWN, 11 * GROWN, 0, GROWN, GROWN // 2, GROWN, 2 * GROWN)
    for free[0] in steps:
        thrift.look()
    assert trims == [11 * GROWN, GROWN, 2 * GROWN]


def test_a_flood_between_two_looks_is_given_back_too() -> None:
    free, used, trims = 10 * GROWN, [GROWN], []
    thrift = Thrift(lambda: free, lambda: trims.append(used[0]), lambda: used[0])
    thrift.look()
    used[0] = 9 * GROWN  # what was free is resident again, and free as before
    thrift.look()
    used[0] = 9 * GROWN + GROWN // 2
    thrift.look()
    assert trims == [9 * GROWN]


def test_what_is_in_use_is_left_alone() -> None:
    used, trims = [GROWN], []
    thrift = Thrift(lambda: GROWN - 1, lambda: trims.append(used[0]), lambda: used[0])
    used[0] = 50 * GROWN
    thrift.look()
    assert not trims


def test_an_agent_without_descriptors_looks_again_later(caplog: pytest.LogCaptureFixture) -> None:
    thrift = Thrift()
    with no_descriptors():
        thrift.look()
    assert "Too many open files" in caplog.text
    caplog.clear()
    thrift.look()
    assert not caplog.text


FLOODED_THREAD = """
import ctypes, resource, threading
from hostmon.memory import anonymous, settle

bytes(30 << 20)  # glibc keeps twice as much from now on, unless told otherwise
settle()
libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p
held = (ctypes.c_void_p * 15_000)()

def flood():
    before = anonymous()
    for number in range(len(held)):
        held[number] = libc.calloc(1, 3000)
    for one in held:
        libc.free(ctypes.c_void_p(one))
    print(before, anonymous(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10)

thread = threading.Thread(target=flood)
thread.start()
thread.join()
"""


def test_the_heap_of_a_thread_shrinks_by_itself() -> None:
    # In a process of its own, since what it is told can't be taken back.
    ran = subprocess.run([sys.executable, "-c", FLOODED_THREAD], capture_output=True, check=True)
    before, after, most = map(int, ran.stdout.split())
    assert most - before > 40_000_000
    assert after - before < 4 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_real_heap_shrinks() -> None:
    trim_heap()  # what other tests left free would be used first, and nothing would grow
    thrift = Thrift()
    before = resident()
    held = [bytes(700) for _ in range(200_000)]
    kept = held[::50]  # they pin the heap, as whatever else is allocated meanwhile does
    grown, free = resident(), heap_free()
    assert grown - before > 20 * GROWN
    del held
    assert heap_free() - free > 20 * GROWN
    thrift.look()
    assert resident() - before < 0.6 * (grown - before)
    assert len(kept) == 4000
