"""Guests whose process the kernel holds, told by what /proc/PID/status says of them."""

import pytest

from hostmon._table import GuestTable
from hostmon.held import MOMENT_S, Held
from hostmon.machine.files import Roots
from tests.unit.kerneltree import UUID_OF_ONE, Tree, running

OTHER = bytes(range(1, 17))


def say(tree: Tree, pid: int, state: str, switches: int = 5) -> None:
    """The lines of proc_pid_status(5) that tell it, among some others."""
    (tree.proc / f"{pid}/status").write_text(
        f"Name:\tqemu-system-x86\nUmask:\t0022\nState:\t{state}\nTgid:\t{pid}\n"
        f"voluntary_ctxt_switches:\t{switches}\nnonvoluntary_ctxt_switches:\t2\n"
    )


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def held(tree: Tree, table: GuestTable, slept: list[float]) -> Held:
    """Of two guests with a process each; one of another host has none."""
    running(table, OTHER, b"other", 2)
    running(table, bytes(16), b"far", 3)
    tree.process(700, OTHER)
    tree.pid_file("other", 700)
    tree.sampler(table).sample()
    say(tree, 500, "S (sleeping)")
    say(tree, 700, "S (sleeping)")
    return Held(table, roots=Roots(proc=tree.proc), sleep=slept.append)


@pytest.mark.parametrize("state", ["T (stopped)", "t (tracing stop)"])
def test_a_stopped_process_is_held(tree: Tree, held: Held, state: str, slept: list[float]) -> None:
    assert held() == set()
    say(tree, 700, state)
    assert held() == {OTHER}
    assert held([UUID_OF_ONE, bytes(16)]) == set()
    assert held([OTHER, bytes(range(16))]) == {OTHER}
    assert slept == []


def test_a_process_is_held_that_does_not_wake_from_its_sleep(
    tree: Tree, table: GuestTable, held: Held, slept: list[float]
) -> None:
    say(tree, 500, "D (disk sleep)")
    say(tree, 700, "D (disk sleep)")
    assert held() == {UUID_OF_ONE, OTHER}
    assert slept == [MOMENT_S], "once for all"
    going_on = Held(
        table, roots=Roots(proc=tree.proc), sleep=lambda _: say(tree, 700, "D (disk sleep)", 6)
    )
    assert going_on() == {UUID_OF_ONE}


def test_who_ended_or_is_not_active_is_not_held(tree: Tree, table: GuestTable, held: Held) -> None:
    say(tree, 500, "T (stopped)")
    say(tree, 700, "T (stopped)")
    (tree.proc / "700/status").unlink()
    assert held() == {UUID_OF_ONE}
    table.set_state(UUID_OF_ONE, 5, 1, -1)
    assert held() == set()
