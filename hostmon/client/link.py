"""The link to one agent: follows the protocol of docs/wire.md by itself.

Owns the two sockets of one agent and the state between them; never blocks. While an answer is
awaited nothing is read from the bus: what comes meanwhile waits in the socket, bounded by its
high-water mark, and what is lost beyond that is a gap, noticed and repaired as any other. Where
none comes, who keeps no view goes on without; a view is not fresh until it does.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum

import zmq

from hostmon import wire
from hostmon.client.asking import TRIES, Asking
from hostmon.client.endpoint import Endpoint
from hostmon.client.filter import ALWAYS, Filter
from hostmon.client.order import Order, Orders, Verdict
from hostmon.client.pages import Pages
from hostmon.client.repair import Repair
from hostmon.client.requests import connected, decode_answer
from hostmon.client.view import HostView
from hostmon.errors import ProtocolError
from hostmon.events import Event, HeartbeatEvent, LostEvent
from hostmon.numbers import Position, by_class
from hostmon.status import Refusal, ReplayAnswer, SnapshotAnswer

SILENCE = 5.0
BATCH = 256
FORMER_RUNS = 16  # of the agent, whose messages may be under way still
RATE_PAUSE = 0.1
EXPIRED_PAUSE = (0.1, 1.0)  # before a snapshot is begun anew: many may have to


class State(Enum):
    """Where a link is; the diagram is in docs/wire.md."""

    CONNECTING = "connecting"
    JOINING = "joining"
    LIVE = "live"
    REPAIRING = "repairing"


ANSWERS = {State.JOINING: SnapshotAnswer, State.REPAIRING: ReplayAnswer}
"""What is asked for in each state; any answer may be a refusal."""


class Link:
    """One agent; :meth:`advance` it when one of ``sockets`` is readable, and at its deadline."""

    def __init__(
        self,
        endpoint: Endpoint,
        wanted: Filter,
        context: zmq.Context[zmq.Socket[bytes]],
        view: HostView | None = None,
        on_repair: Callable[[Repair], None] = lambda _: None,
    ) -> None:
        self.state = State.CONNECTING
        self.view = view
        self.epoch = 0
        self.host = ""
        self.malformed = 0
        self.more = False
        self.kept: tuple[Position, ...] = ()
        self._wanted = wanted
        self._on_repair = on_repair
        self._superseded: deque[int] = deque(maxlen=FORMER_RUNS)
        self._orders = Orders(wanted, {})
        self._behind: list[Order] = []
        self._newest: dict[str, int] = {}
        self._newest_of = 0
        self._heard = time.monotonic()
        self._reason = "join"
        self._replayed = 0
        self._held: Event | None = None
        self._pages = Pages()
        self._useless = 0
        self._bus = connected(context, zmq.SUB, endpoint.events, endpoint.keys)
        for prefix in (*wanted.prefixes(), *ALWAYS):
            self._bus.subscribe(prefix)
        self.asking = Asking(
            connected(context, zmq.DEALER, endpoint.requests, endpoint.keys)
            if endpoint.requests
            else None
        )

    def close(self) -> None:
        """Leave the bus."""
        self._bus.close(0)
        self.asking.close()

    @property
    def sockets(self) -> tuple[zmq.Socket[bytes], ...]:
        """What to wait for now."""
        asked = self.asking.open and self.asking.socket
        return (asked,) if asked else (self._bus,)

    @property
    def every_socket(self) -> tuple[zmq.Socket[bytes], ...]:
        """Both, for an event loop that watches their descriptors."""
        asked = self.asking.socket
        return (self._bus,) if asked is None else (self._bus, asked)

    def advance(self) -> list[Event]:
        """Take what has come, at most BATCH messages of it; heartbeats are among the events.

        Whatever the messages are: an agent that sends what gives no event must not keep its reader
        from all others. ``more`` says whether some was left.
        """
        out: list[Event] = []
        self.more = True
        for _ in range(BATCH):
            try:
                (socket,) = self.sockets
                message = socket.recv(zmq.DONTWAIT)
                (self._take_message if socket is self._bus else self._take_answer)(message, out)
            except zmq.Again:
                self.more = False
                break
            except (ProtocolError, *wire.UNDECODABLE):
                self.malformed += 1
        try:
            self._keep_time(out)
        except ProtocolError:
            self.malformed += 1
        return out

    def _keep_time(self, out: list[Event]) -> None:
        """Ask again what was not answered, or go on without; notice silence."""
        asking = self.asking
        if asking.overdue():
            if self.view is None and asking.in_vain:
                asking.give_up()
                self._give_up(self._behind)
                self._live(out)
            else:
                asking.repeat()
        if self.view is not None and time.monotonic() - self._heard > SILENCE:
            self.view.lose()

    def _take_message(self, message: bytes, out: list[Event]) -> None:
        """One message of the bus."""
        topic, payload = wire.split(message)
        self._heard = time.monotonic()
        if topic == wire.WELCOME:
            welcome = wire.decode_welcome(payload)
            self._announced(welcome.epoch, welcome.host, by_class(welcome.classes), out)
            return
        event = wire.decode(payload, topic)
        if isinstance(event, HeartbeatEvent):
            if self.view is not None:
                self.view.hear(event.monotonic_ns)
                if event.epoch == self.epoch:
                    self.view.apply(event)
            self._announced(event.epoch, event.host, by_class(event.classes), out)
            out.append(event)
        else:
            self._take_event(event, out)

    def _take_event(self, event: Event, out: list[Event]) -> None:
        if self.state is State.CONNECTING:
            return  # a welcome or a heartbeat says where to begin
        if event.epoch != self.epoch:
            self._announced(event.epoch, event.host, {}, out)
            return
        verdict = self._orders.judge(event)
        if verdict is Verdict.NEW:
            self._deliver(event, out)
        elif verdict is Verdict.GAP:
            class_ = wire.class_of(event)
            self._newest[class_] = max(event.sequence - 1, self._newest.get(class_, 0))
            behind = self._orders.behind(self._newest)
            if not behind:
                raise ProtocolError(f"event {event.sequence} names one that cannot be before it")
            self._held = event
            self._repair(behind, out)

    def _deliver(self, event: Event, out: list[Event]) -> None:
        if isinstance(event, LostEvent):  # told whatever the filter
            lost = sum(one.count for one in event.kinds)
            self._on_repair(Repair(self.host, "overflow", "nothing", lost=lost))
        if self.view is not None:
            self.view.apply(event)
        if self._wanted.admits(event):
            out.append(event)

    def _announced(
        self, epoch: int, host: str, newest: Mapping[str, int], out: list[Event]
    ) -> None:
        """The agent has said which run it is, and how far."""
        if epoch in self._superseded:
            return
        if self.state is State.CONNECTING or epoch != self.epoch:
            self._join(epoch, host, newest, out)
            return
        self._newest = {n: max(newest.get(n, 0), self._newest.get(n, 0)) for n in newest}
        self._catch_up(out)

    def _catch_up(self, out: list[Event], reason: str = "gap") -> None:
        """Ask for what may be missing up to the newest numbers.

        Who cannot ask, and filters, learns of a gap from the next event that it wants.
        """
        behind = self._orders.behind(self._newest)
        if not self.asking.possible:
            behind = [order for order in behind if not order.filtered]
        if behind:
            self._repair(behind, out, reason)

    def _join(self, epoch: int, host: str, newest: Mapping[str, int], out: list[Event]) -> None:
        """Begin with this run of the agent."""
        self._held = None
        restarted = self.state is not State.CONNECTING
        self._reason = reason = "restart" if restarted else "join"
        if self.view is not None and self.asking.socket is not None:
            self._newest, self._newest_of = dict(newest), epoch
            self._begin_snapshot()
            return
        # Without a view, a first join has nothing to catch up with unless somebody has kept events;
        # a new run has all its events.
        had = {one.class_: one.sequence for one in self.kept if one.epoch == epoch}
        self._begin(epoch, host, had if restarted or self.kept else newest)
        self.kept = ()
        self._newest = dict(newest)
        self._catch_up(out, reason)

    def _begin(self, epoch: int, host: str, complete: Mapping[str, int]) -> None:
        if self.epoch and epoch != self.epoch:
            self._superseded.append(self.epoch)
            self.asking.anew()
        if epoch in self._superseded:
            self._superseded.remove(epoch)
        self.epoch, self.host = epoch, host
        self._orders = Orders(self._wanted, complete)
        self._newest, self._newest_of = {}, epoch
        self.state = State.LIVE
        self.asking.end()

    def _repair(self, behind: list[Order], out: list[Event], reason: str = "gap") -> None:
        """Ask for what is missing; without a request socket go on behind it."""
        self._reason = reason
        self._replayed = 0
        self._behind = behind
        if not self.asking.possible:
            self._give_up(behind)
            self._live(out)
        else:
            self.state = State.REPAIRING
            self._ask_replay()

    def _ask_replay(self) -> None:
        """Begin to ask for what the first of those behind is missing."""
        self._useless = 0
        self.asking.put(self._behind[0].question())

    def _give_up(self, missing: list[Order]) -> None:
        """What is missing cannot be had."""
        for order in missing:
            order.caught_up(self._newest)
        self._repaired("nothing")

    def _repaired(self, by: str, events: int = 0) -> None:
        """Tell how it was made good; a view that joins has missed nothing."""
        if self.view is None or self._reason != "join":
            self._on_repair(Repair(self.host, self._reason, by, events))

    def _answered(self, out: list[Event]) -> None:
        """A question for what is missing has its last answer: ask the next, or go on."""
        self._behind = self._behind[1:]
        if self._behind:
            self._ask_replay()
            return
        if self._replayed:
            self._repaired("replay", self._replayed)
        self._live(out)

    def _live(self, out: list[Event]) -> None:
        self.state = State.LIVE
        self.asking.end()
        held, self._held = self._held, None
        if held is not None:
            self._take_event(held, out)

    def _take_answer(self, message: bytes, out: list[Event]) -> None:
        try:
            answer = decode_answer(message)
            if answer.re != self.asking.number:
                return  # of a question that was given up
            if not isinstance(answer, (ANSWERS[self.state], Refusal)):
                raise ProtocolError(f"{type(answer).__name__} is not what was asked for")
        except ProtocolError:
            if self.state is State.REPAIRING:
                self._of_no_use(out)
            raise
        self._heard = time.monotonic()
        self.asking.heard()
        if isinstance(answer, SnapshotAnswer):
            self._take_snapshot(answer, out)
        elif isinstance(answer, ReplayAnswer):
            self._take_replay(answer, out)
        elif isinstance(answer, Refusal):
            self._refused(answer.code, out)

    def _begin_snapshot(self, at: float | None = None) -> None:
        """Ask for a new one, at once or at a time of the monotonic clock."""
        self.state = State.JOINING
        if at is None:
            self.asking.put(self._pages.begin())
        else:
            self.asking.put_at(self._pages.begin(), at)

    def _take_snapshot(self, answer: SnapshotAnswer, out: list[Event]) -> None:
        assert self.view is not None
        assert self.asking.open is not None
        try:
            further = self._pages.take(answer, self.asking.open)
        except ProtocolError:
            self._begin_snapshot(self.asking.deadline)
            raise
        if further is not None:
            self.asking.put(further)
            return
        self.view.reset(
            answer.host,
            answer.epoch,
            answer.connection,
            answer.taken_ns,
            self._pages.guests,
            answer.account,
        )
        self._pages.begin()
        newest = self._newest if answer.epoch == self._newest_of else {}
        self._begin(answer.epoch, answer.host, by_class(answer.classes))
        self._repaired("snapshot")
        self._newest = newest
        self._catch_up(out, self._reason)  # others were given the same one, before we came

    def _take_replay(self, answer: ReplayAnswer, out: list[Event]) -> None:
        if answer.epoch != self.epoch:
            self._join(answer.epoch, answer.host, {}, out)
            return
        before = len(out)
        try:
            events = wire.decode_many(answer.events)
        except (ProtocolError, *wire.UNDECODABLE):
            self._of_no_use(out)
            raise
        order = self._behind[0]
        had = order.complete.copy()
        for event in events:
            if self._orders.judge(event, replayed=True) is Verdict.NEW:
                self._deliver(event, out)
        self._replayed += len(out) - before
        order.caught_up(by_class(answer.through))
        if order.complete == had if answer.more else order.behind(self._newest):
            self._of_no_use(out)
            raise ProtocolError("a replay that brings less than the bus has told of")
        if answer.more:
            self._ask_replay()
        else:
            self._answered(out)

    def _of_no_use(self, out: list[Event]) -> None:
        """A page of a replay makes no sense, or leads nowhere: after some tries go without."""
        self._useless += 1
        if self._useless < TRIES:
            return  # until the deadline: the question stands
        self._go_without(out)

    def _refused(self, code: str, out: list[Event]) -> None:
        asked = self.asking.open
        if code == "rate":
            self.asking.again_in(RATE_PAUSE)
        elif self.state is State.REPAIRING:
            self._go_without(out)
        elif code == "expired" and asked is not None and asked.id:
            self._begin_snapshot(time.monotonic() + random.uniform(*EXPIRED_PAUSE))
        else:
            self.asking.again_in()

    def _go_without(self, out: list[Event]) -> None:
        """No replay brings what is missing: a view begins anew."""
        if self.view is not None:
            self._held, self._newest = None, {}  # behind it, they will show by the next heartbeat
            self._begin_snapshot()
        else:
            self._give_up(self._behind[:1])
            self._answered(out)
