"""The snapshots whose pages are being asked for: shared, few, and gone when nobody asks any more.

Owns them; one thread calls it. A host's subscribers come all at once, as when its agent was started
anew: with a snapshot for each of them, none would be held until its last page was asked for.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from hostmon._table import Snapshot

SHARED_S = 0.5  # whoever begins within it begins with the same one
UNASKED_S = 5.0  # for which one is kept that has further pages; a client asks again after 2 s
HELD = 4  # at once; about 1 KiB a guest each


@dataclass
class Held:
    """A snapshot, what the connection was when it was taken, and when it is dropped."""

    number: int
    snapshot: Snapshot
    connection: str
    shared_until: float
    until: float


class Snapshots:
    """Gives out what ``take`` takes; ``followed`` tells whether a replay can follow upon it yet."""

    def __init__(
        self,
        take: Callable[[], tuple[Snapshot, str]],
        followed: Callable[[Snapshot], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._take = take
        self._followed = followed
        self._clock = clock
        self._held: dict[int, Held] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._held)

    def first(self) -> Held:
        """One to begin with: a new one, unless the newest is new enough or there are too many.

        One that is being asked for is not dropped for it, but where what came after all of them can
        no longer be replayed.
        """
        self.look()
        now = self._clock()
        newest = next(reversed(self._held.values()), None)
        full = len(self._held) >= HELD
        if newest and (full or now < newest.shared_until) and self._followed(newest.snapshot):
            return newest
        if full:
            del self._held[min(self._held.values(), key=lambda one: one.until).number]
        snapshot, connection = self._take()
        held = Held(next(self._numbers), snapshot, connection, now + SHARED_S, now + SHARED_S)
        self._held[held.number] = held
        return held

    def further(self, number: int) -> Held | None:
        """The one of this number, None where it is not held."""
        return self._held.get(number)

    def keep(self, held: Held) -> None:
        """There are further pages of it."""
        held.until = self._clock() + UNASKED_S

    def look(self) -> float | None:
        """Drop what nobody asked for; seconds until this is to be called again, None: never."""
        now = self._clock()
        self._held = {number: held for number, held in self._held.items() if held.until > now}
        return min((held.until - now for held in self._held.values()), default=None)
