"""The hosts as a scheduler sees them: a row an agent, filled from its view.

Owns what the columns mean: ``ready``, the room for ``vcpus``, ``memory`` and ``disk``,
``pages:SIZE``, and bits of ``traits:N``. Tells besides which guests are where, for anti-affinity.
A host whose account makes no sense takes no guests, and harms no other.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from hostmon._hosts import HostColumns
from hostmon.account import HostAccount
from hostmon.client import HostView
from hostmon.scheduler.placed import PlacedGuests

log = logging.getLogger(__name__)

BITS = 63
# Page sizes and traits that one host may ever be the first to name: columns are shared by all.
MOST_PAGES, MOST_TRAITS = 8, 512


class HostTable:
    """The rows are the views, in their order."""

    def __init__(
        self, views: Sequence[HostView], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.views = views
        self.columns = HostColumns(len(views))
        self.unusable: dict[int, str] = {}
        self.placed = PlacedGuests(views, clock)
        self._pages_named = [0] * len(views)
        self._traits_named = [0] * len(views)
        self._traits: dict[str, int] = {}
        self._pages_of: list[set[str]] = [set() for _ in views]
        self._traits_of: list[tuple[str, ...]] = [()] * len(views)
        for column in ("vcpus", "memory", "disk"):
            self.columns.number(column)

    def put(self, row: int) -> None:
        """Take a host's figures from its view."""
        view = self.views[row]
        account = view.account
        ready = account is not None and view.fresh and view.connection == "up"
        if account is not None:
            ready = self._usable(row, account) and ready
        self.columns.put(row, "ready", int(ready))

    def _usable(self, row: int, account: HostAccount) -> bool:
        """Take an account, or say in ``unusable`` why it can't be one."""
        try:
            self.put_account(row, account)
        except (ValueError, ArithmeticError) as error:
            if str(error) != self.unusable.get(row):
                log.warning("%s: its account is of no use: %s", self.views[row].host, error)
            self.unusable[row] = str(error)
            return False
        self.unusable.pop(row, None)
        return True

    def put_account(self, row: int, account: HostAccount) -> None:
        """Take a host's figures; raises ValueError or ArithmeticError for impossible ones."""
        put = self.columns.put
        pages = {f"pages:{pool.size}": pool.room for pool in account.pages}
        news = sum(column not in self.columns for column in pages)
        limited(self._pages_named[row] + news, MOST_PAGES, "pages")
        put(row, "vcpus", account.vcpus_room)
        put(row, "memory", account.memory_room)
        put(row, "disk", account.disk_room)
        for column in self._pages_of[row] - pages.keys():
            put(row, column, 0)
        self._pages_of[row] &= pages.keys()
        for column, room in pages.items():
            self._put_pages(row, column, room)
        if account.traits is not self._traits_of[row]:
            named = self._traits_named[row] + len(set(account.traits) - self._traits.keys())
            self._traits_named[row] = limited(named, MOST_TRAITS, "traits")
            for column, bits in self.bits_of(account.traits, learn=True):
                put(row, column, bits)
            self._traits_of[row] = account.traits

    def _put_pages(self, row: int, column: str, room: int) -> None:
        """The room in pages of one size; a column counts as named here once there is one."""
        new = column not in self.columns
        self.columns.put(row, column, room)
        self._pages_named[row] += new
        self._pages_of[row].add(column)

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
        return rows | self.placed.rows(name)


def limited(number: int, most: int, what: str) -> int:
    """The number; raises ValueError where it is beyond what one host may name."""
    if number > most:
        raise ValueError(f"{number} {what} that no other host has; {most} at most")
    return number
