"""What the request socket answers: snapshots and replays, in pages, and the smaller questions.

One thread calls it, the request socket's.
"""

import functools
import uuid
from typing import Protocol

import msgspec

from hostmon import roster, status
from hostmon._dispatcher import Dispatcher
from hostmon._ledger import Taken
from hostmon._table import GuestTable, Snapshot
from hostmon.account import HostAccount
from hostmon.driver import AgentView
from hostmon.errors import RefusedError
from hostmon.events import EVENT_TYPES, Welcome
from hostmon.granting import Granting
from hostmon.kinds import CLASS_OF, REPLAYED
from hostmon.numbers import listed
from hostmon.snapshots import Snapshots
from hostmon.status import Answer, Request


class AgentState(AgentView, Protocol):
    """The agent, as far as questions go; answers at once, from memory."""

    def is_current(self) -> bool:
        """Whether the account is what the hypervisor last told: of every guest, and its size."""

    def ailing(self) -> tuple[str, ...]:
        """Parts that ended by themselves, or stand still."""

    def connection(self) -> str:
        """``up`` or ``down``."""

    def connection_reason(self) -> str:
        """Why, for people."""

    def account(self, taken: Taken | None = None) -> HostAccount:
        """The host's account, now or as a snapshot of table and ledger has it."""


class Answers:
    """Answers out of one agent's table and history."""

    def __init__(
        self, view: AgentState, table: GuestTable, dispatcher: Dispatcher, grace: float = 0.0
    ) -> None:
        self._view = view
        self._table = table
        self._dispatcher = dispatcher
        self.granting = Granting(
            view, dispatcher.ledger, dispatcher.wake, dispatcher.epoch, dispatcher.host,
            grace=grace,
        )  # fmt: skip
        self._snapshots = Snapshots(self._take_snapshot, self._is_followed)

    def look(self) -> float | None:
        """Called while nothing is asked: seconds until it is to be called again; None: never."""
        due = (self.granting.look(), self._snapshots.look())
        return min((one for one in due if one is not None), default=None)

    def answer(self, request: Request, peer: bytes = b"") -> Answer:
        """The answer to one question of a peer; raises RefusedError."""
        match request.ask:
            case "snapshot":
                return self._snapshot(request)
            case "replay":
                return self._replay(request)
            case "status":
                return status.StatusAnswer(re=request.re, status=self._view.status())
            case "guests":
                return self._guests(request)
            case "health":
                return self._health(request)
            case "schema":
                return status.SchemaAnswer(re=request.re, schema=schema())
            case "claim":
                return self.granting.claim(request.re, request.claim, peer)
            case "release":
                return self.granting.release(request.re, request.claim)
        raise RefusedError(
            f"no question {request.ask!r}; ask {', '.join(status.QUESTIONS)}", "unknown"
        )

    def _take_snapshot(self) -> tuple[Snapshot, str]:
        return self._table.snapshot(self._dispatcher.ledger), self._view.connection()

    def _is_followed(self, snapshot: Snapshot) -> bool:
        """Whether the ring still holds what came after it."""
        dropped = self._dispatcher.history.dropped
        have = zip(REPLAYED, snapshot.sequences, strict=False)
        return all(number >= dropped[name] for name, number in have)

    def _snapshot(self, request: Request) -> Answer:
        held = self._snapshots.further(request.id) if request.id else self._snapshots.first()
        if held is None:
            raise RefusedError(f"snapshot {request.id} is no longer held; ask anew", "expired")
        snapshot = held.snapshot
        guests, row = roster.page(snapshot, request.row if request.id else 0)
        if row:
            self._snapshots.keep(held)
        return status.SnapshotAnswer(
            re=request.re,
            epoch=self._dispatcher.epoch,
            host=self._dispatcher.host,
            connection=held.connection,
            taken_ns=snapshot.taken_ns,
            classes=listed(dict(zip(REPLAYED, snapshot.sequences, strict=False))),
            id=held.number if row else 0,
            row=row,
            guests=guests,
            account=self._view.account(snapshot.account),
        )

    def _replay(self, request: Request) -> Answer:
        unknown = [name for name in request.after if name not in REPLAYED]
        unknown += [kind for kind in request.kinds if kind not in CLASS_OF]
        if unknown or not request.after:
            raise RefusedError(
                f"no class or kind {', '.join(unknown)}; classes: {', '.join(REPLAYED)}", "unknown"
            )
        try:
            guests = tuple(uuid.UUID(guest).bytes for guest in request.guests)
            page = self._dispatcher.history.replay(request.after, request.kinds, guests)
        except ValueError as error:
            raise RefusedError(str(error)) from None
        if page is None:
            raise RefusedError(
                "the ring no longer holds what follows these numbers; take a snapshot", "beyond"
            )
        events, count, through, more = page
        return status.ReplayAnswer(
            re=request.re,
            epoch=self._dispatcher.epoch,
            host=self._dispatcher.host,
            through=listed(through),
            more=more,
            events=roster.array(count, events),
        )

    def _guests(self, request: Request) -> Answer:
        snapshot = self._table.snapshot()
        return status.GuestList(
            re=request.re,
            epoch=self._dispatcher.epoch,
            sequence=snapshot.sequence,
            guests=roster.every_guest(snapshot),
        )

    def _health(self, request: Request) -> Answer:
        ailing = self._view.ailing()
        return status.HealthAnswer(
            re=request.re,
            epoch=self._dispatcher.epoch,
            host=self._dispatcher.host,
            ok=not ailing,
            ailing=ailing,
            connection=self._view.connection(),
            reason=self._view.connection_reason(),
            guests=len(self._table),
            kept=len(self._dispatcher.history),
            classes=listed(self._dispatcher.sequence_of),
        )


@functools.cache
def schema() -> str:
    """JSON Schema of all that travels, as text."""
    types = [*EVENT_TYPES, Welcome, Request, *status.ANSWERS]
    return msgspec.json.encode(
        msgspec.json.schema_components(
            types, schema_hook=lambda _: {}, ref_template="#/$defs/{name}"
        )[1]
    ).decode()
