"""What is put to agents while nobody waits for the answers.

Claims that an agent which began anew is to grant again, and claims to be given back, copies of
which may be granted yet. Owns when each host is asked; a host whose answers hang, or whose claims
it puts off, holds up no other and none of its other claims. Holdings and sockets are others'.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hostmon.client import HostView
from hostmon.scheduler.claimer import Claimer
from hostmon.scheduler.holdings import Holding, Holdings
from hostmon.scheduler.request import LostPlacement, RefusedClaim
from hostmon.status import ClaimAnswer, ClaimWanted

# Seconds until what is `unready` is claimed again: who comes first has 5 s (decision 0185).
SOON_S = 0.1
# Seconds until what an agent does not answer, or refuses for another while, is put again: doubled
# from time to time.
FIRST_S, MOST_S = 0.5, 4.0
SLOW = ("rate", "failed")


@dataclass
class Question:
    """A claim that is to be granted again or, where nothing is ``held``, given back."""

    claim: str
    until: float  # by the clock; behind it neither is of use
    held: Holding | None = None
    times: int = 0  # that it was put

    def asked(self) -> tuple[str, ClaimWanted]:
        """What an agent is asked now."""
        if self.held is None:
            return "release", ClaimWanted(id=self.claim)
        return "claim", self.held.anew()


@dataclass
class Round:
    """What one host is being asked, by the numbers of the questions."""

    unanswered: dict[int, Question] = field(default_factory=dict)
    unsent: deque[int] = field(default_factory=deque)
    at: float = 0.0  # when what is unanswered is put again
    puts: int = 0  # how often it was since anything was answered
    anew: float = 0.0  # when, once no claim is unanswered, the next are put
    pause: float = FIRST_S
    put_off: float = 0.0  # seconds between these claims and the next

    @property
    def claims(self) -> bool:
        """Whether a claim is unanswered."""
        return any(question.held for question in self.unanswered.values())


class ClaimsAgain:
    """By row: of which hosts something is to be asked; ``step`` by step."""

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

    def behind(self) -> set[int]:
        """The rows whose agents take nothing new now: decisions 0290, 0291."""
        return {row for row, asked in self._rounds.items() if asked.unsent or asked.puts > 1}

    def begin(self, row: int) -> None:
        """Another run of a row's agent was joined; it may be sent what the former did not take."""
        before = self._rounds.pop(row, Round()).unanswered
        kept = {number: asked for number, asked in before.items() if asked.held is None}
        if kept or self._holdings.on(row):
            self._rounds[row] = Round(kept)

    def give_back(self, row: int, claim: str, seconds: float, *, silent: bool = True) -> None:
        """Have a claim released that may be granted, for so many seconds, until that is answered.

        Of an agent that is ``silent`` it is known that it leaves questions unanswered.
        """
        asked = self._rounds.setdefault(row, Round(at=self._clock() + FIRST_S))
        self._release(asked, claim, seconds)
        if silent:
            asked.puts = max(2, asked.puts)
        self._put(row, asked)

    def step(self) -> list[LostPlacement]:
        """Take what was answered, put what is due; the placements that nobody holds any more."""
        lost: list[LostPlacement] = []
        for row, asked in list(self._rounds.items()):
            if self._views[row].fresh:
                lost += self._take(row, asked)
                if self._clock() >= asked.anew and not asked.claims:
                    self._begin_round(row, asked)
                self._put(row, asked)
                if not asked.unanswered and asked.anew == math.inf:
                    del self._rounds[row]
        return lost

    def _take(self, row: int, asked: Round) -> list[LostPlacement]:
        lost: list[LostPlacement] = []
        claims = asked.claims
        for number, answer in self._claimer.answers(row):
            asked.puts = 0
            question = asked.unanswered.get(number)
            if question is None or (question.held is None and answer in SLOW):
                continue  # of a question that was answered, or that is put again
            del asked.unanswered[number]
            if answer in SLOW:
                asked.put_off = max(asked.put_off, asked.pause)
                continue
            asked.pause = FIRST_S
            if answer == "unready":
                asked.put_off = max(asked.put_off, SOON_S)
            elif question.held is not None:
                lost += self._settled(row, asked, question, question.held, answer)
        if claims and not asked.claims:
            asked.anew = self._clock() + asked.put_off
        return lost

    def _settled(
        self,
        row: int,
        asked: Round,
        question: Question,
        held: Holding,
        answer: ClaimAnswer | str,
    ) -> list[LostPlacement]:
        """An answer that stands: what is lost by it. What is over is granted to nobody."""
        view = self._views[row]
        granted = False
        if isinstance(answer, ClaimAnswer):
            view.take_sums(answer.epoch, answer.sums)
            granted = answer.state in ("granted", "confirmed")
            if granted and held.left > 0:
                held.epoch = answer.epoch
                return []
        if granted or question.times > 1:  # a refusal is not remembered: the next copy may be
            self._release(asked, held.wanted.id, held.wanted.ttl)
        runs = isinstance(answer, ClaimAnswer) and answer.resource == "guest"
        if not self._holdings.drop(question.claim) or runs or held.left <= 0:
            return []
        refused = RefusedClaim.told(view.host, answer)
        return [LostPlacement(placement=held.placement, refused=refused)]

    def _release(self, asked: Round, claim: str, seconds: float) -> None:
        """Release what a copy that is under way may be granted, until that is answered."""
        number = self._claimer.number()
        asked.unanswered[number] = Question(claim, self._clock() + seconds)
        asked.unsent.append(number)

    def _begin_round(self, row: int, asked: Round) -> None:
        found = self._holdings.of_other_runs(row, self._views[row])
        for held in found:
            question = Question(held.wanted.id, held.until, held)
            asked.unanswered[self._claimer.number()] = question
        asked.put_off = 0.0
        if found:
            asked.at = 0.0
        else:
            asked.anew = math.inf

    def _put(self, row: int, asked: Round) -> None:
        """Put what is due, and of what was given back meanwhile, or is over, nothing."""
        if asked.unanswered and self._clock() >= asked.at:
            asked.unsent = deque(asked.unanswered)
            asked.puts += 1
            asked.at = self._clock() + asked.pause
            asked.pause = min(2 * asked.pause, MOST_S)
        while asked.unsent:
            number = asked.unsent[0]
            question = asked.unanswered.get(number)
            if question is not None and self._is_over(question):
                del asked.unanswered[number]
                if question.times and question.held and question.held.left <= 0:
                    self._release(asked, question.claim, question.held.wanted.ttl)
            elif question is not None:
                if not self._claimer.put(row, number, *question.asked()):
                    return  # more wait already than may
                question.times += 1
            asked.unsent.popleft()

    def _is_over(self, question: Question) -> bool:
        """Whether nobody wants it any more: given back meanwhile, or its time is over."""
        given_back = question.held is not None and question.claim not in self._holdings
        return given_back or self._clock() >= question.until
