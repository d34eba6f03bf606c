"""When the machine booted, by clocks that are read one after the other, and that people set."""

import time
from pathlib import Path

import pytest

from hostmon.machine.boot import TICKS_PER_S, BootTime

BOOTED = 1_700_000_000


class Clocks:
    """A machine's clocks; ``late`` is what passes between two readings."""

    def __init__(self) -> None:
        self.now = 50 * 10**9
        self.offset = BOOTED * 10**9
        self.late = 0

    def __call__(self, clock: int) -> int:
        self.now += self.late
        return self.now + (self.offset if clock == time.CLOCK_REALTIME else 0)


def test_it_is_the_kernels_own_word() -> None:
    lines = Path("/proc/stat").read_text().splitlines()
    (told,) = (int(line.split()[1]) for line in lines if line.startswith("btime "))
    assert abs(BootTime().ticks() // TICKS_PER_S - told) <= 1


def test_it_stands_still_while_the_clocks_do_however_they_are_read() -> None:
    clocks = Clocks()
    boot = BootTime(clocks)
    assert boot.ticks() == BOOTED * TICKS_PER_S
    for late in (1, 10**6, 9 * 10**8, 0):
        clocks.late = late
        assert boot.ticks() == BOOTED * TICKS_PER_S


@pytest.mark.parametrize("step", [3600, -3600, 2, -2])
def test_it_follows_a_clock_that_was_set(step: int) -> None:
    clocks = Clocks()
    boot = BootTime(clocks)
    clocks.offset += step * 10**9
    assert boot.ticks() == (BOOTED + step) * TICKS_PER_S


def test_small_steps_add_up() -> None:
    clocks = Clocks()
    boot = BootTime(clocks)
    for _ in range(10):
        clocks.offset += 4 * 10**8
        off_by = abs(boot.ticks() / TICKS_PER_S - clocks.offset / 1e9)
        assert off_by <= 2
    assert boot.ticks() > (BOOTED + 2) * TICKS_PER_S
