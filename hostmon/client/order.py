"""What a subscriber has of one run's events, and whether an event follows what it has.

Pure bookkeeping of numbers (docs/wire.md, "Gaps"): no socket, no clock.
"""

from collections.abc import Mapping
from enum import Enum

from hostmon.client.filter import LOSSES, Filter
from hostmon.events import DomainEvent, Event, LostEvent
from hostmon.status import Request
from hostmon.wire import class_of, kind_of


class Verdict(Enum):
    """What to do with an event."""

    NEW = "new"
    OLD = "old"
    GAP = "gap"


class Order:
    """The numbers of one epoch; ``complete``: up to where nothing that is wanted is missing."""

    def __init__(self, wanted: Filter, complete: Mapping[str, int]) -> None:
        self._wanted = wanted
        self.complete = {name: complete.get(name, 0) for name in wanted.wanted_classes}
        self.filtered = bool(wanted.kinds or wanted.guests)
        # With a filter: the last number had beyond `complete`, of each pair; of each guest and kind
        # the last before which nothing of it is missing. Guests that the filter does not name are
        # one, since a filter of kinds alone has each kind without a hole: who can't ask, and is
        # never caught up, holds no more than the filter's size.
        self._guests: dict[tuple[str, str], int] = {}
        self._kinds: dict[tuple[str, str], int] = {}
        self._pairs: dict[tuple[str, str, str], int] = {}

    def judge(self, event: Event, *, replayed: bool = False) -> Verdict:
        """Whether an event is the next; one that is NEW counts as had from now on."""
        class_, kind = class_of(event), kind_of(event)
        known = self.complete.get(class_)
        number = event.sequence
        if known is None or number <= known:
            return Verdict.OLD
        if not self.filtered:
            if number != known + 1 and not replayed:
                return Verdict.GAP
            self.complete[class_] = number
            return Verdict.NEW
        guest = event.uuid if isinstance(event, DomainEvent) else ""
        if guest not in self._wanted.guests:
            guest = ""
        pair = (class_, guest, kind)
        if number <= self._pairs.get(pair, 0):
            return Verdict.OLD
        by_guest = self._follows_of_guest(event, class_, known)
        by_kind = self._follows_of_kind(event, class_, kind, known)
        if not replayed and not (by_guest or by_kind):
            return Verdict.GAP
        self._pairs[pair] = number
        # Only its own chain leads an event's successors on: behind a break in the other one
        # something wanted may be missing still.
        if by_guest:
            self._guests[class_, guest] = number
        if by_kind:
            self._kinds[class_, kind] = number
        return Verdict.NEW

    def _follows_of_guest(self, event: Event, class_: str, known: int) -> bool:
        """Whether nothing of the guest that is wanted is missing before the event."""
        if not self._wanted.guests or not isinstance(event, DomainEvent):
            return False
        return event.previous <= max(known, self._guests.get((class_, event.uuid), 0))

    def _follows_of_kind(self, event: Event, class_: str, kind: str, known: int) -> bool:
        """Whether nothing of the kind that is wanted is missing before the event."""
        if not self._wanted.kinds:
            return False
        return event.kind_previous <= max(known, self._kinds.get((class_, kind), 0))

    def question(self) -> Request:
        """What to ask to be complete."""
        wanted = self._wanted
        return Request(ask="replay", after=self.complete, kinds=wanted.kinds, guests=wanted.guests)

    def behind(self, newest: Mapping[str, int]) -> bool:
        """Whether there may be wanted events up to these numbers that have not come."""
        return any(newest.get(name, 0) > have for name, have in self.complete.items())

    def caught_up(self, through: Mapping[str, int]) -> None:
        """Everything wanted up to these numbers is here."""
        for name, number in through.items():
            if name in self.complete:
                self.complete[name] = max(number, self.complete[name])
        self._guests = {k: n for k, n in self._guests.items() if n > self.complete[k[0]]}
        self._kinds = {k: n for k, n in self._kinds.items() if n > self.complete[k[0]]}
        self._pairs = {k: n for k, n in self._pairs.items() if n > self.complete[k[0]]}


class Orders:
    """What is wanted and, where a filter leaves them out, the agent's own losses beside it."""

    def __init__(self, wanted: Filter, complete: Mapping[str, int]) -> None:
        followed = (wanted,) if wanted.tells_losses else (wanted, LOSSES)
        self._orders = [Order(one, complete) for one in followed]

    def judge(self, event: Event, *, replayed: bool = False) -> Verdict:
        """As :meth:`Order.judge`."""
        order = self._orders[-1] if isinstance(event, LostEvent) else self._orders[0]
        return order.judge(event, replayed=replayed)

    def behind(self, newest: Mapping[str, int]) -> list[Order]:
        """Those of which events may be missing up to these numbers: each is asked for by itself."""
        return [order for order in self._orders if order.behind(newest)]
