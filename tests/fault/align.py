"""Whether two records of one event stream agree, their marked gaps aside.

Pure. Each record is a list of tokens in the order of arrival, with GAP where its writer says that
it may have missed some: virsh was away, the agent told that its connection was down. Between gaps
nothing may be missing, be too much, or be in another order.
"""

import bisect
import collections
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

Token = Hashable
GAP: Token = None
CONTEXT = 4


@dataclass(frozen=True)
class Maybe:
    """A token that need not be in the other record: repaired, its origin is not known any more."""

    token: Token


@dataclass(frozen=True)
class Alignment:
    """``told`` and ``heard`` count the two records' tokens; ``problem`` is empty where they agree.

    ``missed`` of those told were not heard: explained by gaps where there is no problem, else lost.
    """

    told: int
    heard: int
    missed: int
    problem: str = ""

    @property
    def lost(self) -> int:
        """Tokens missing without an explanation; at least 1 where the records disagree."""
        return max(1, self.missed) if self.problem else 0


class Places:
    """Positions in the first record at which the second may be: some, and all from ``onwards``."""

    def __init__(self, told: Sequence[Token]) -> None:
        self._told = told
        self._found: dict[Token, list[int]] = collections.defaultdict(list)
        for number, token in enumerate(told):
            self._found[token].append(number)
        self._some = self._past_gaps({0})
        self._onwards: int | None = None

    def _past_gaps(self, places: set[int]) -> set[int]:
        """A gap need not have hidden anything."""
        grown = set(places)
        for place in places:
            at = place
            while at < len(self._told) and self._told[at] is GAP:
                at += 1
                grown.add(at)
        return grown

    def _all_of(self, token: Token) -> set[int]:
        """Every place at which a token stands that may come next."""
        found = {p for p in self._some if p < len(self._told) and self._told[p] == token}
        if self._onwards is not None:
            every = self._found.get(token, [])
            found.update(every[bisect.bisect_left(every, self._onwards) :])
        return found

    def hear(self, token: Token) -> bool:
        """The second record's next token; False if the first has it nowhere it could be."""
        hidden = self._all_of(GAP)  # the first record's writer was away, and stays where it is
        after = self._past_gaps({place + 1 for place in self._all_of(token)} | hidden)
        if not after:
            return False
        self._some, self._onwards = after, None
        return True

    def hear_maybe(self, token: Token) -> None:
        """One that may come of the first record or not."""
        after = self._past_gaps({place + 1 for place in self._all_of(token)})
        self._some = self._some | after

    def skip(self) -> None:
        """The second record has a gap: any number of the first's may have passed."""
        first = min(self._some) if self._some else self._onwards
        assert first is not None
        self._onwards = first if self._onwards is None else min(first, self._onwards)
        self._some = set()

    def next_told(self) -> list[Token]:
        """What the first record has where the second may be."""
        first = min(self._some) if self._some else (self._onwards or 0)
        return list(self._told[first : first + CONTEXT])

    def at_end(self) -> bool:
        """Whether nothing of the first record need be left."""
        return self._onwards is not None or len(self._told) in self._some


def bare(tokens: Sequence[Token]) -> list[Token]:
    """The tokens alone, of those that need not be there too; without gaps."""
    plain = (one.token if isinstance(one, Maybe) else one for one in tokens)
    return [one for one in plain if one is not GAP]


def align(told: Sequence[Token], heard: Sequence[Token]) -> Alignment:
    """Hold what was heard against what was told."""
    problem = ""
    places = Places(told)
    for number, token in enumerate(heard):
        if token is GAP:
            places.skip()
        elif isinstance(token, Maybe):
            places.hear_maybe(token.token)
        elif not places.hear(token):
            before = list(heard[max(0, number - CONTEXT) : number])
            problem = f"after {before} came {token}, not {places.next_told()}"
            break
    if not problem and not places.at_end():
        problem = f"never heard: {places.next_told()}"
    first, second = collections.Counter(bare(told)), collections.Counter(bare(heard))
    return Alignment(first.total(), second.total(), (first - second).total(), problem)
