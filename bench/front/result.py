"""One measured metric, ours beside a peer's, and how the two compare."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Options:
    """What the command line asks of a bench; ``guests`` None means that it takes none.

    A bench appends to ``missing`` the peers it did not find, as one line each that says what to
    install. ``long`` asks for what takes many minutes, ``minutes`` says how many of it.
    """

    guests: int | None = None
    long: bool = False
    minutes: float = 5.0
    missing: list[str] = field(default_factory=list)

    @property
    def long_minutes(self) -> float:
        """How many minutes what takes many is to take; 0 where it is not asked for."""
        return self.minutes if self.long else 0.0


@dataclass(frozen=True)
class Result:
    """A metric: medians of ``n`` measurements, the spread of ours, and the ratio.

    ``ratio`` says how many times better ours is, whatever the unit. It is None without a peer, and
    where one of the two figures is 0 and the other is not.
    """

    metric: str
    unit: str
    ours: float
    peer: str | None
    theirs: float | None
    ratio: float | None
    spread: tuple[float, float]
    n: int

    def as_json(self) -> dict[str, Any]:
        """The result as bench's JSON has it."""
        return {
            "metric": self.metric,
            "unit": self.unit,
            "ours": rounded(self.ours),
            "peer": self.peer,
            "theirs": rounded(self.theirs),
            "ratio": rounded(self.ratio),
            "spread": [rounded(value) for value in self.spread],
            "n": self.n,
        }


def rounded(value: float | None, digits: int = 5) -> float | None:
    """The value with as many significant digits as a measurement has."""
    if value is None or value == 0 or not math.isfinite(value):
        return None if value is None or not math.isfinite(value) else value
    if float(value).is_integer() and abs(value) < 1e15:
        return int(value)
    return float(f"{value:.{digits}g}")


def spread(values: Sequence[float]) -> tuple[float, float]:
    """First and third quartile; of fewer than four values the least and the greatest."""
    if len(values) < 4:
        return min(values), max(values)
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return lower, upper


def ratio(ours: float, theirs: float, *, more_is_better: bool) -> float | None:
    """How many times better ours is; 1 when both are 0, None when only one of them is."""
    better, worse = (ours, theirs) if more_is_better else (theirs, ours)
    if worse == 0:
        return 1.0 if better == 0 else None
    return better / worse


def measure(metric: str, unit: str, ours: Sequence[float]) -> Result:
    """A metric that no peer has."""
    return Result(metric, unit, statistics.median(ours), None, None, None, spread(ours), len(ours))


def compare(
    metric: str,
    unit: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float] | None,
    *,
    more_is_better: bool = False,
) -> Result:
    """A metric beside a peer's, which is None when the peer is missing."""
    if theirs is None:
        return measure(metric, unit, ours)
    own, other = statistics.median(ours), statistics.median(theirs)
    times = ratio(own, other, more_is_better=more_is_better)
    return Result(metric, unit, own, peer, other, times, spread(ours), len(ours))
