"""HostView: one host as its agent knows it, kept current by events."""

import math
import time
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from hostmon.account import HostAccount, Sums
from hostmon.events import (
    AccountEvent,
    BalloonChangeEvent,
    ConnectionEvent,
    Event,
    FactsEvent,
    LifecycleEvent,
)
from hostmon.status import GuestStatus

ABSENT = "absent"


def counted(account: HostAccount | None, event: Event) -> HostAccount | None:
    """An account after an event; None until one tells the whole of it.

    Classes come in no order between them, so the account's changes are numbered.
    """
    if isinstance(event, AccountEvent):
        newer = account is not None and account.changes > event.account.changes
        account = event.account.counted(account.sums) if account and newer else event.account
    if account is None or event.sums is None or event.sums.changes <= account.changes:
        return account
    return account.counted(event.sums)


class HostView:
    """The guests of one host, by uuid, and its account; ``connection`` is the agent's to libvirt.

    The account is None while the agent gives none. ``joined`` tells whether the view holds anything
    yet, ``fresh`` whether the agent is heard of now. ``on_change`` is called when the account, the
    connection or ``fresh`` has become another.
    """

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.host = ""
        self.epoch = 0
        self.connection = "down"
        self.joined = False
        self.fresh = False
        self.guests: dict[str, GuestStatus] = {}
        self.account: HostAccount | None = None
        self.on_change: Callable[[], object] = lambda: None
        self._clock = clock
        self._agent_ns = 0
        self._heard_ns = 0

    def age(self, uuid: str) -> float:
        """Seconds since libvirt last told of a guest, inf for never; KeyError for no such guest."""
        if not self.guests[uuid].known_ns:
            return math.inf
        now = self._agent_ns + self._clock() - self._heard_ns
        return max(0, now - self.guests[uuid].known_ns) / 1e9

    def storage_age(self) -> float:
        """Seconds since the host's images were looked at, inf for never."""
        if self.account is None or not self.account.surveyed_ns:
            return math.inf
        now = self._agent_ns + self._clock() - self._heard_ns
        return max(0, now - self.account.surveyed_ns) / 1e9

    def reset(
        self,
        host: str,
        epoch: int,
        connection: str,
        taken_ns: int,
        guests: Iterable[GuestStatus],
        account: HostAccount | None = None,
    ) -> None:
        """Begin anew from a snapshot."""
        self.host, self.epoch, self.connection = host, epoch, connection
        self.guests = {guest.uuid: guest for guest in guests}
        self.account = account
        self.joined = True
        self.hear(taken_ns)
        self.on_change()

    def hear(self, agent_ns: int) -> None:
        """Note the agent's clock: ages are told by it."""
        self._agent_ns, self._heard_ns = agent_ns, self._clock()
        if not self.fresh:
            self.fresh = True
            self.on_change()

    def lose(self) -> None:
        """The agent is not heard of any more."""
        if self.fresh:
            self.fresh = False
            self.on_change()

    def take_sums(self, epoch: int, sums: Sums) -> None:
        """Take the account's sums that an answer of this run told."""
        if self.account is None or epoch != self.epoch or sums.changes <= self.account.changes:
            return
        self.account = self.account.counted(sums)
        self.on_change()

    def apply(self, event: Event) -> None:
        """Take one event, each once and in the order of its class; heartbeats tell sums too."""
        before, self.account = self.account, counted(self.account, event)
        if self.account is not before:
            self.on_change()
        if isinstance(event, LifecycleEvent):
            self._lifecycle(event)
        elif isinstance(event, FactsEvent):
            self._facts(event)
        elif isinstance(event, ConnectionEvent):
            self._connection(event)
        elif isinstance(event, BalloonChangeEvent):
            self._balloon(event)

    def _balloon(self, event: BalloonChangeEvent) -> None:
        known = self.guests.get(event.uuid)
        if known is not None and known.memory:  # 0: its sizes are yet to be told
            self.guests[event.uuid] = replace(known, memory=event.actual)

    def _lifecycle(self, event: LifecycleEvent) -> None:
        if event.state == ABSENT:
            self.guests.pop(event.uuid, None)
            return
        known = self.guests.get(event.uuid) or new_guest(event.uuid)
        stopped = event.event == "stopped"
        self.guests[event.uuid] = replace(
            known,
            # The name under which a guest is undefined may be its former one.
            name=known.name if event.event == "undefined" and known.name else event.name,
            id=-1 if stopped else event.id if event.id >= 0 else known.id,
            state=event.state,
            reason=event.reason,
            persistent=event.persistent,
            presence="present",
            known_ns=event.monotonic_ns,
        )

    def _facts(self, event: FactsEvent) -> None:
        known = self.guests.get(event.uuid) or new_guest(event.uuid)
        self.guests[event.uuid] = replace(
            known,
            name=event.name,
            id=event.id,
            state=event.state,
            reason=event.reason,
            vcpus=event.vcpus,
            memory=event.memory,
            memory_max=event.memory_max,
            persistent=event.persistent,
            autostart=event.autostart,
            presence="present",
            known_ns=event.monotonic_ns,
        )

    def _connection(self, event: ConnectionEvent) -> None:
        self.connection = str(event.state)
        self.on_change()
        if self.connection == "up":
            return
        # Nobody becomes absent while libvirt is away. A repaired event may come late: what was
        # told of a guest after the connection's end stays.
        for uuid, guest in self.guests.items():
            if guest.known_ns < event.monotonic_ns:
                self.guests[uuid] = replace(guest, presence="unknown")


def new_guest(uuid: str) -> GuestStatus:
    """A guest of which nothing is known."""
    return GuestStatus(
        uuid=uuid,
        name="",
        id=-1,
        presence="unknown",
        state="nostate",
        reason=0,
        vcpus=0,
        memory=0,
        memory_max=0,
        cpu_time_ns=0,
        persistent=False,
        autostart=False,
    )
