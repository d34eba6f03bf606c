"""Which guests this scheduler placed, and where: for anti-affinity, until views tell it.

Owns the placements by their claims, under each guest's own uuid and under its groups. A guest of
no group is remembered until its claim's time is over; from its start on its view shows it.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice

from hostmon.client import HostView
from hostmon.scheduler.holdings import runs

# Placements looked at with each new one: two, so that those that are over, of groups that nobody
# asks for any more, do not come to outnumber the others.
LOOKED_AT = 2


@dataclass
class Placed:
    """A guest, and where; it starts within ``seconds`` (until ``until``) or not at all.

    ``seen`` in run ``epoch`` of its host's agent, it is gone once that run shows it no more.
    """

    guest: str
    groups: Collection[str]
    row: int
    seconds: float
    until: float
    epoch: int
    seen: bool = False

    @property
    def names(self) -> set[str]:
        """Under which it is asked for."""
        return {self.guest, *self.groups}


class PlacedGuests:
    """By claim, those that were looked at longest ago in front."""

    def __init__(self, views: Sequence[HostView], clock: Callable[[], float] = time.monotonic):
        self._views = views
        self._clock = clock
        self._placed: dict[str, Placed] = {}
        self._named: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._placed)

    def add(
        self, claim: str, guest: str, groups: Collection[str], row: int, seconds: float
    ) -> None:
        """A guest was placed, of these groups; it starts within ``seconds`` or not at all."""
        for oldest in list(islice(self._placed, LOOKED_AT)):
            self._placed[oldest] = self._placed.pop(oldest)
            self._look_at(oldest)
        until = self._clock() + seconds
        placed = Placed(guest, groups, row, seconds, until, self._views[row].epoch)
        self._placed[claim] = placed
        for name in placed.names:
            self._named.setdefault(name, set()).add(claim)

    def release(self, claim: str) -> None:
        """A placement was given back: its guest will not start, unless it runs already."""
        placed = self._placed.get(claim)
        if placed is not None and not runs(self._views[placed.row], placed.guest):
            self.drop(claim)

    def drop(self, claim: str) -> None:
        """Nobody holds room for a placement's guest any more."""
        placed = self._placed.pop(claim, None)
        for name in placed.names if placed is not None else ():
            self._named[name].remove(claim)
            if not self._named[name]:
                del self._named[name]

    def rows(self, name: str) -> set[int]:
        """Where the guest of this uuid, or guests of this group, were placed and still may be."""
        for claim in list(self._named.get(name, ())):
            self._look_at(claim)
        return {self._placed[claim].row for claim in self._named.get(name, ())}

    def _look_at(self, claim: str) -> None:
        """Drop a placement that is over; one of a group is followed to where its guest migrated."""
        placed = self._placed[claim]
        if self._stays(placed):
            return
        for row, view in enumerate(self._views if placed.groups else ()):
            if placed.guest in view.guests:
                placed.row, placed.epoch, placed.seen = row, view.epoch, True
                return
        self.drop(claim)

    def _stays(self, placed: Placed) -> bool:
        view, now = self._views[placed.row], self._clock()
        if placed.guest in view.guests:
            placed.epoch, placed.seen = view.epoch, True
            return bool(placed.groups) or now <= placed.until
        if not view.fresh:
            return True  # it may run: nobody tells
        if view.epoch != placed.epoch:  # another run, which may have listed no guests yet
            placed.epoch, placed.seen, placed.until = view.epoch, False, now + placed.seconds
        return not placed.seen and now <= placed.until
