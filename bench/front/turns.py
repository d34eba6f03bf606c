"""Measuring ours and the peers turn by turn, so that a drifting machine treats all alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Measured = TypeVar("Measured")


def take_turns(
    contestants: Mapping[str, Callable[[], Measured]], rounds: int, warm_up: int = 1
) -> dict[str, list[Measured]]:
    """What each contestant returned, round by round, after ``warm_up`` rounds that don't count.

    Every second round goes backwards: nobody always comes after the same one.
    """
    measured: dict[str, list[Measured]] = {name: [] for name in contestants}
    order = list(contestants)
    for turn in range(warm_up + rounds):
        for name in order if turn % 2 == 0 else reversed(order):
            value = contestants[name]()
            if turn >= warm_up:
                measured[name].append(value)
    return measured


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(int(rank), 1) - 1]
