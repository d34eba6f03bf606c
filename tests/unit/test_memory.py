"""What a process gives back after it has used more for a while."""

import resource
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
