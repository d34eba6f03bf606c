"""The statistics sampler: what the kernel cannot tell of a guest, asked in the background.

Owns cadences, and what to do about a guest whose monitor does not answer: whoever asks it hangs, so
calls run on a thread that is left behind at a deadline; the guest is found by asking who is busy,
excluded, probed with back-off and asked again once it answers. Nobody waits for this thread.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import msgspec

from hostmon._plan import Plan
from hostmon._table import GuestTable
from hostmon.disposable import Worker
from hostmon.driver.virt import Reading
from hostmon.errors import HostmonError
from hostmon.hypervisor import Connection
from hostmon.rhythm import Rhythm
from hostmon.samples import Group

log = logging.getLogger(__name__)

CHUNK = 25
"""Guests a call: a stuck one holds up the others of its chunk until the deadline, once."""
MOST_HUNG = 2
"""Calls that may hang at a time, each on a connection of its own; one more works on."""
WAKES = 1 << Group.VCPU_STATE
"""What is not read of a vCPU but by making it run for a moment (QEMU's query-stats)."""
LOOK_S = 0.5
"""Whoever was woken so long ago is looked at before the next call: what it runs later is its doing.

A look costs 70 us for each guest of the host: too much for one after every call.
"""
SOONEST = 0.01
FIRST_PROBE, LONGEST_PROBE = 1.0, 3.0
RECONNECT_FIRST, RECONNECT_LONGEST = 1.0, 10.0
STOP_S = 0.5  # for each of two threads


class StatsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the sampler did."""

    calls: int
    records: int
    deadlines: int
    failures: int
    confirmed: int
    stuck: int
    hung_calls: int


def named(uuids: Sequence[bytes]) -> tuple[UUID, ...]:
    """Guests of the table as drivers know them."""
    return tuple(UUID(bytes=uuid) for uuid in uuids)


def groups_of(names: Iterable[str]) -> list[Group]:
    """The groups of columns of these names; those that this version does not know are left out."""
    return [Group[name.upper()] for name in names if name.upper() in Group.__members__]


def mask(names: Iterable[str]) -> int:
    """The same as the plan takes them: a bit a group."""
    return sum(1 << group for group in groups_of(names))


def oldest(readings: Iterable[Reading]) -> dict[Group, float]:
    """Of each group the longest cadence of a reading that fills it, in seconds."""
    found: dict[Group, float] = {}
    for reading in readings:
        for group in groups_of(reading.groups):
            found[group] = max(found.get(group, 0.0), reading.cadence)
    return found


class StatsSampler:
    """Keeps what a hypervisor tells of guests current; ``deadline`` and ``tick`` in seconds.

    Readings fall into step with ``rhythm``, the scrapes', and are made in their order. ``look`` has
    the kernel sampler look at guests whose vCPUs a reading woke: that one should come first.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        readings: Sequence[Reading],
        table: GuestTable,
        *,
        rhythm: Rhythm | None = None,
        look: Callable[[], object] = lambda: None,
        deadline: float = 2.0,
        tick: float = 1.0,
    ) -> None:
        self._connect = connect
        self._readings = tuple(enumerate(readings))
        self._confirms = [mask(one.groups) if one.idle == "confirm" else 0 for one in readings]
        self._rhythm = rhythm or Rhythm()
        self._look = look
        self._deadline = deadline
        self._tick = tick
        self._plan = Plan(table)
        self._worker: Worker | None = None
        self._hung: list[Worker] = []
        self._calls = self._records = self._deadlines = self._failures = 0
        self._reconnect = RECONNECT_FIRST
        self._not_before = 0.0
        self._due = 0.0
        self._learnt = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="statistics plan", daemon=True)

    def start(self) -> None:
        """Begin asking."""
        self._thread.start()

    def stop(self) -> None:
        """End; calls that hang are left behind."""
        self._stopping.set()
        self._thread.join(STOP_S)
        if self._worker is not None:
            self._worker.abandon()
            self._worker.join(STOP_S)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def report(self) -> StatsReport:
        """As of now, from any thread."""
        return StatsReport(
            calls=self._calls,
            records=self._records,
            deadlines=self._deadlines,
            failures=self._failures,
            confirmed=self._plan.confirmed,
            stuck=self._plan.stuck,
            hung_calls=sum(worker.alive for worker in self._hung),
        )

    def confirm(self) -> None:
        """Confirm what idle guests were read of, after a pass over the kernel; from any thread."""
        for kind, groups in enumerate(self._confirms):
            if groups:
                self._plan.confirm(kind, groups)

    def _run(self) -> None:
        while not self._stopping.wait(self._pause()):
            try:
                self._round()
            except Exception:
                log.exception("the statistics sampler failed; it goes on")

    def _pause(self) -> float:
        """Seconds until a reading falls due, or the next look at what nobody knows before.

        While the hypervisor is away, until it is called again.
        """
        now = time.monotonic()
        return max(SOONEST, self._not_before - now, min(self._tick, self._due - now))

    def _round(self) -> None:
        """Whatever is due now."""
        now = time.monotonic()
        if now < self._not_before or not self._is_time(now):
            return
        self._probe()
        nexts = (self._rhythm.next(reading.cadence, now) for _, reading in self._readings)
        self._due = min(nexts, default=math.inf)
        for number, reading in self._readings:
            now = time.monotonic()
            uuids = self._plan.due(
                number,
                int(now * 1e9),
                int(max(1e-9, self._rhythm.since(reading.cadence, now)) * 1e9),
                confirms=self._confirms[number],
                without=reading.for_interfaces << Group.INTERFACE,
            )
            self._ask_all(number, reading.name, uuids)

    def _ask_all(self, number: int, reading: str, uuids: list[bytes]) -> None:
        """All these guests, in calls of CHUNK; those that were woken are looked at soon after."""
        began, unseen = time.monotonic(), 0
        for first in range(0, len(uuids), CHUNK):
            last = first + CHUNK
            self._ask(number, reading, uuids[first:last])
            over = last >= len(uuids) or time.monotonic() - began >= LOOK_S
            if over and self._confirms[number] & WAKES:
                self._look()
                self._plan.woke(number, uuids[unseen:last])
                began, unseen = time.monotonic(), last

    def _ask(self, number: int, reading: str, uuids: list[bytes]) -> None:
        """One call; whoever it did not reach is due again."""
        worker = self._ready_worker()
        if worker is not None and not self._stopping.is_set():
            self._calls += 1
            guests = named(uuids)
            try:
                self._records += worker.call(
                    lambda connection: connection.read(reading, guests), self._deadline
                )
                self._reconnect = RECONNECT_FIRST
                self._find_stuck(self._plan.unread(number, uuids, self._confirms[number]))
                return
            except TimeoutError:
                self._deadlines += 1
                self._leave_behind(worker)
                self._find_stuck(uuids)
            except HostmonError as error:
                self._failed(error)
        self._due = min(self._due, time.monotonic() + self._tick)
        self._plan.ask_again(number, uuids)

    def _is_time(self, now: float) -> bool:
        """Whether anything can be due: to ask the plan for each reading costs more."""
        before, self._learnt = self._learnt, self._rhythm.learnt
        plan = self._plan
        return now >= self._due or before != self._learnt or plan.changed() or plan.stuck > 0

    def _ready_worker(self) -> Worker | None:
        """The worker, a new one if need be; None while too many calls hang, or it is too soon."""
        self._hung = [worker for worker in self._hung if worker.alive]
        if time.monotonic() < self._not_before:
            return None
        if self._worker is None and len(self._hung) <= MOST_HUNG:
            self._worker = Worker(self._connect)
        return self._worker

    def _leave_behind(self, worker: Worker) -> None:
        worker.abandon()
        self._hung.append(worker)
        self._worker = None

    def _failed(self, error: HostmonError) -> None:
        """The connection is of no use: another one, after a while."""
        self._failures += 1
        log.debug("statistics: %s; again in %g s", error, self._reconnect)
        if self._worker is not None:
            self._worker.abandon()
            self._worker = None
        self._not_before = time.monotonic() + self._reconnect
        self._reconnect = min(2 * self._reconnect, RECONNECT_LONGEST)

    def _busy(self, uuids: list[bytes]) -> dict[bytes, float] | None:
        """How long guests have owed an answer, asked without waiting for them; None: no telling."""
        worker = self._ready_worker()
        if worker is None:
            return None
        guests = named(uuids)
        try:
            busy = worker.call(lambda connection: connection.busy(guests), self._deadline)
            return {one.uuid.bytes: one.seconds for one in busy}
        except TimeoutError:
            self._leave_behind(worker)
        except HostmonError as error:
            self._failed(error)
        return None

    def _find_stuck(self, uuids: list[bytes]) -> None:
        """After a call that hung, or left guests out: whose monitor is busy as long as that."""
        if not uuids:
            return
        now = time.monotonic_ns()
        for uuid, seconds in (self._busy(uuids) or {}).items():
            if seconds >= self._deadline / 2:
                log.warning("guest %s does not answer: not asked", UUID(bytes=uuid))
                self._mark_stuck(uuid, max(now - int(seconds * 1e9), 1), now)

    def _mark_stuck(self, uuid: bytes, since: int, now: int) -> None:
        first, longest = int(FIRST_PROBE * 1e9), int(LONGEST_PROBE * 1e9)
        self._plan.mark_stuck(uuid, since, now, first, longest)

    def _probe(self) -> None:
        """Ask the hypervisor, not the guests, whether stuck guests answer again."""
        now = time.monotonic_ns()
        due = self._plan.probes(now)
        busy = self._busy(due) if due else None
        if busy is None:
            return
        for uuid in due:
            if uuid in busy:
                self._mark_stuck(uuid, now, now)
            else:
                log.info("guest %s answers again", UUID(bytes=uuid))
                self._plan.answered(uuid)
