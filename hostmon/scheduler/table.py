"""The hosts as a scheduler sees them: a row an agent, filled from its view.

Owns what the columns mean: ``ready``, the room for ``vcpus``, ``memory`` and ``disk``,
``pages:SIZE``, and bits of ``traits:N``. Knows besides which guests are where, for anti-affinity.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from hostmon._hosts import HostColumns
from hostmon.account import HostAccount
from hostmon.client import HostView

BITS = 63


@dataclass
class Member:
    """A guest of a group, and where; it is gone once its view has had it and has it no more."""

    row: int
    until: float
    seen: bool = False


class HostTable:
    """The rows are the views, in their order."""

    def __init__(
        self, views: Sequence[HostView], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.views = views
        self.columns = HostColumns(len(views))
        self._clock = clock
        self._traits: dict[str, int] = {}
        self._traits_of: list[tuple[str, ...]] = [()] * len(views)
        self._groups: dict[str, dict[str, Member]] = {}
        for column in ("vcpus", "memory", "disk"):
            self.columns.number(column)

    def put(self, row: int) -> None:
        """Take a host's figures from its view."""
        view = self.views[row]
        account = view.account
        ready = account is not None and view.fresh and view.connection == "up"
        if account is not None:
            self.put_account(row, account)
        self.columns.put(row, "ready", int(ready))

    def put_account(self, row: int, account: HostAccount) -> None:
        """Take a host's figures."""
        put = self.columns.put
        put(row, "vcpus", account.vcpus_room)
        put(row, "memory", account.memory_room)
        put(row, "disk", account.disk_room)
        for pool in account.pages:
            put(row, f"pages:{pool.size}", pool.room)
        if account.traits is not self._traits_of[row]:
            self._traits_of[row] = account.traits
            for column, bits in self.bits_of(account.traits, learn=True):
                put(row, column, bits)

    def bits_of(self, traits: Iterable[str], *, learn: bool = False) -> Iterator[tuple[str, int]]:
        """Column and bits of traits, a column that none of them is in left out unless learning.

        A trait that no host has is in no column: KeyError, unless learning.
        """
        words = dict.fromkeys(range(-(-len(self._traits) // BITS)), 0) if learn else {}
        for trait in traits:
            if learn:
                self._traits.setdefault(trait, len(self._traits))
            word, bit = divmod(self._traits[trait], BITS)
            words[word] = words.get(word, 0) | 1 << bit
        for word, bits in words.items():
            yield f"traits:{word}", bits

    def holds(self, name: str) -> set[int]:
        """The rows of hosts that hold a guest (by uuid), or one of a group."""
        rows = {row for row, view in enumerate(self.views) if name in view.guests}
        group = self._groups.get(name)
        if group is None:
            return rows
        now = self._clock()
        for guest, member in list(group.items()):
            if guest in self.views[member.row].guests:
                member.seen = True
            elif member.seen or now > member.until:
                del group[guest]
                continue
            rows.add(member.row)
        if not group:
            del self._groups[name]
        return rows

    def join(self, groups: Iterable[str], guest: str, row: int, seconds: float) -> None:
        """A guest was placed, of these groups; it starts within ``seconds`` or not at all."""
        for name in groups:
            member = Member(row, self._clock() + seconds)
            self._groups.setdefault(name, {})[guest] = member
