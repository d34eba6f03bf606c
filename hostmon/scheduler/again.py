"""What agents that began anew are to grant again: put to each, and nobody waits for the answers.

Owns when each host is asked; a host whose answers hang, or whose claims it puts off, holds up no
other and none of its other claims. Holdings and sockets are others'.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hostmon.client import HostView
from hostmon.scheduler.claimer import Claimer
from hostmon.scheduler.holdings import Holding, Holdings
from hostmon.scheduler.request import LostPlacement, RefusedClaim
from hostmon.status import ClaimAnswer

# Seconds until what is `unready` is claimed again: who comes first has 5 s (decision 0185).
SOON_S = 0.1
# Seconds until what an agent does not answer, or refuses for another while, is put again: doubled
# from time to time.
FIRST_S, MOST_S = 0.5, 4.0
SLOW = ("rate", "failed")


@dataclass
class Round:
    """What one host is being asked: holdings by the numbers of their questions."""

    unanswered: dict[int, Holding] = field(default_factory=dict)
    unsent: deque[int] = field(default_factory=deque)
    at: float = 0.0  # when what is unanswered is put again; where nothing is, the next round
    pause: float = FIRST_S
    put_off: float = 0.0  # seconds between this round and the next


class ClaimsAgain:
    """By row: of which hosts something is to be claimed again; ``step`` by step."""

    def __init__(
        self,
        views: Sequence[HostView],
        holdings: Holdings,
        claimer: Claimer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._views = views
        self._holdings = holdings
        self._claimer = claimer
        self._clock = clock
        self._rounds: dict[int, Round] = {}

    def __len__(self) -> int:
        return len(self._rounds)

    def begin(self, row: int) -> None:
        """Another run of a row's agent was joined."""
        self._rounds.pop(row, None)
        if self._holdings.on(row):
            self._rounds[row] = Round()

    def step(self) -> list[LostPlacement]:
        """Take what was answered, put what is due; the placements that nobody holds any more."""
        lost: list[LostPlacement] = []
        for row, asked in list(self._rounds.items()):
            if self._views[row].fresh:
                lost += self._take(row, asked)
                if not asked.unanswered and self._clock() >= asked.at:
                    self._begin_round(row, asked)
                self._put(row, asked)
        return lost

    def _take(self, row: int, asked: Round) -> list[LostPlacement]:
        lost: list[LostPlacement] = []
        taken = False
        for number, answer in self._claimer.answers(row):
            held = asked.unanswered.pop(number, None)
            if held is None:
                continue
            taken = True
            if answer in SLOW:
                asked.put_off = max(asked.put_off, asked.pause)
                continue
            asked.pause = FIRST_S
            if answer == "unready":
                asked.put_off = max(asked.put_off, SOON_S)
            else:
                lost += self._settled(row, held, answer)
        if taken and not asked.unanswered:
            asked.at = self._clock() + asked.put_off
        return lost

    def _settled(self, row: int, held: Holding, answer: ClaimAnswer | str) -> list[LostPlacement]:
        """An answer that stands: what is lost by it."""
        view = self._views[row]
        if isinstance(answer, ClaimAnswer):
            view.take_sums(answer.epoch, answer.sums)
            if answer.state in ("granted", "confirmed"):
                held.epoch = answer.epoch
                return []
        runs = isinstance(answer, ClaimAnswer) and answer.resource == "guest"
        if not self._holdings.drop(held.wanted.id) or runs:
            return []
        refused = RefusedClaim.told(view.host, answer)
        return [LostPlacement(placement=held.placement, refused=refused)]

    def _begin_round(self, row: int, asked: Round) -> None:
        found = self._holdings.of_other_runs(row, self._views[row])
        if not found:
            del self._rounds[row]
        asked.unanswered = {self._claimer.number(): held for held in found}
        asked.put_off = 0.0

    def _put(self, row: int, asked: Round) -> None:
        """Put what is due, and of what was given back meanwhile nothing."""
        if asked.unanswered and self._clock() >= asked.at:
            asked.unsent = deque(asked.unanswered)
            asked.at = self._clock() + asked.pause
            asked.pause = min(2 * asked.pause, MOST_S)
        while asked.unsent:
            number = asked.unsent[0]
            held = asked.unanswered.get(number)
            if held is not None and held.wanted.id not in self._holdings:
                del asked.unanswered[number]
            elif held is not None and not self._claimer.put(row, number, held.anew()):
                return  # more wait already than may
            asked.unsent.popleft()
