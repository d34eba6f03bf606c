"""What a scheduler was granted, while it lasts: claimed again of an agent that began anew.

Owns no socket; an agent's claims end with its run (docs/wire.md, "Claims").
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from hostmon.client import HostView
from hostmon.scheduler.request import Placement
from hostmon.status import ClaimWanted

SHORTEST_TTL = 1.0


@dataclass
class Holding:
    """A claim that was granted at a row, in run ``epoch`` of its agent, for ``left`` seconds."""

    placement: Placement
    wanted: ClaimWanted
    row: int
    epoch: int
    until: float
    clock: Callable[[], float]

    @property
    def left(self) -> float:
        """Seconds until it expires."""
        return self.until - self.clock()

    def anew(self) -> ClaimWanted:
        """The same claim, for the time that it has left."""
        return replace(self.wanted, again=True, ttl=max(SHORTEST_TTL, self.left))


class Holdings:
    """By claim, the oldest first; those whose time is over are forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, Holding] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, claim: str) -> bool:
        return claim in self._held

    def add(self, placement: Placement, wanted: ClaimWanted, row: int, epoch: int) -> None:
        """A claim was granted."""
        self._forget()
        until = self._clock() + wanted.ttl
        self._held[wanted.id] = Holding(placement, wanted, row, epoch, until, self._clock)

    def drop(self, claim: str) -> bool:
        """It is given back, or its room is gone; whether it was held."""
        return self._held.pop(claim, None) is not None

    def on(self, row: int) -> bool:
        """Whether anything was granted at a row."""
        return any(held.row == row for held in self._held.values())

    def of_other_runs(self, row: int, view: HostView) -> list[Holding]:
        """What runs of a row's agent before the view's had granted, and no guest uses yet."""
        self._forget()
        found = [h for h in self._held.values() if h.row == row and h.epoch != view.epoch]
        started = [h for h in found if runs(view, h.wanted.guest)]
        for held in started:
            self.drop(held.wanted.id)
        return [held for held in found if held not in started]

    def _forget(self) -> None:
        """All last equally long: those that expire first are in front."""
        while self._held:
            name = next(iter(self._held))
            if self._held[name].left > 0:
                return
            del self._held[name]


def runs(view: HostView, guest: str) -> bool:
    """Whether a view shows a guest that runs."""
    known = view.guests.get(guest)
    return known is not None and known.id >= 0
