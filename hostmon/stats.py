"""The statistics sampler: what the kernel cannot tell of a guest, asked in the background.

Owns cadences, and what to do about a guest whose monitor does not answer: whoever asks it hangs, so
calls run on a thread that is left behind at a deadline; the guest is found by asking who is busy
and whose process is held, excluded, probed with back-off and asked again once it answers. Nobody
waits for this thread.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from uuid import UUID

import msgspec

from hostmon._plan import Plan
from hostmon._table import GuestTable
from hostmon.disposable import Worker
from hostmon.driver.virt import Reading
from hostmon.errors import HostmonError
from hostmon.hypervisor import Connection
from hostmon.rhythm import SOONER, Rhythm
from hostmon.samples import Group

log = logging.getLogger(__name__)

CHUNK = 25
"""Guests a call: a stuck one holds up the others of its chunk until the deadline, once."""
MOST_HUNG = 8
"""Calls that may hang at a time, each on a connection of its own; one more asks who is busy.

Each keeps one of libvirtd's 20 workers (max_workers) from its other clients.
"""
FEW_HUNG = 6
"""With so many, who stands behind a guest that hangs is left out with it: it may be the next."""
MOST_BLIND = 2
"""Of these, calls for which no guest is to blame: it is the hypervisor that hangs. One more may."""
WAKES = 1 << Group.VCPU_STATE
"""What is not read of a vCPU but by making it run for a moment (QEMU's query-stats)."""
SIZES = 1 << Group.BLOCK_SIZE
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


def wanted(readings: Iterable[Reading], groups: Collection[Group]) -> tuple[Reading, ...]:
    """The readings that fill one of these groups, and those that do not say what they fill."""
    return tuple(
        one for one in readings if not one.groups or any(g in groups for g in groups_of(one.groups))
    )


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
    ``held`` tells of which guests, of all without an argument, the kernel holds the process.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        readings: Sequence[Reading],
        table: GuestTable,
        *,
        rhythm: Rhythm | None = None,
        look: Callable[[], object] = lambda: None,
        held: Callable[..., set[bytes]] = lambda *_: set(),
        deadline: float = 2.0,
        tick: float = 1.0,
    ) -> None:
        self._connect = connect
        self._readings = tuple(enumerate(readings))
        self._confirms = [mask(one.groups) if one.idle == "confirm" else 0 for one in readings]
        self._rhythm = rhythm or Rhythm()
        self._look = look
        self._held = held
        self._deadline = deadline
        self._tick = tick
        self._plan = Plan(table)
        self._worker: Worker | None = None
        self._hung: list[Worker] = []
        self._blind: list[Worker] = []
        self._suspects: set[bytes] = set()
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
                int(max(1e-9, self._since(number, reading.cadence, now)) * 1e9),
                confirms=self._confirms[number],
                without=reading.for_interfaces << Group.INTERFACE,
            )
            self._ask_all(number, reading.name, uuids)

    def _since(self, number: int, cadence: float, now: float) -> float:
        """When the readings in force were due; sizes of disks come with others too, at any time."""
        if self._confirms[number] == SIZES:
            return now - SOONER * cadence
        return self._rhythm.since(cadence, now)

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
        """One call, and two more where one of these hangs; whoever was not reached is due again."""
        uuids = self._plan.answering(uuids)
        worker = self._ready_worker() if uuids and not self._stopping.is_set() else None
        if worker is not None:
            self._calls += 1
            guests = named(uuids)
            try:
                self._records += worker.call(
                    lambda connection: connection.read(reading, guests), self._deadline
                )
                self._reconnect = RECONNECT_FIRST
                self._find_busy(self._plan.unread(number, uuids, self._confirms[number]))
                return
            except TimeoutError:
                self._deadlines += 1
                self._leave_behind(worker)
                hung = self._find_hung(uuids)
                if hung is not None:
                    # Guests are read in this order: those before it answer.
                    self._ask(number, reading, uuids[:hung])
                    self._ask(number, reading, uuids[hung + 1 :])
                    return
                self._blind.append(worker)
            except HostmonError as error:
                self._failed(error)
        if uuids:
            self._due = min(self._due, time.monotonic() + self._tick)
            self._plan.ask_again(number, uuids)

    def _is_time(self, now: float) -> bool:
        """Whether anything can be due: to ask the plan for each reading costs more."""
        before, self._learnt = self._learnt, self._rhythm.learnt
        plan = self._plan
        return now >= self._due or before != self._learnt or plan.changed() or plan.stuck > 0

    def _ready_worker(self, most: int = MOST_HUNG) -> Worker | None:
        """The worker, a new one if need be; None while so many calls hang, or it is too soon."""
        self._hung = [worker for worker in self._hung if worker.alive]
        self._blind = [worker for worker in self._blind if worker.alive]
        if time.monotonic() < self._not_before:
            return None
        if len(self._hung) >= most or len(self._blind) > MOST_BLIND:
            return None
        if self._worker is None:
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
        worker = self._ready_worker(MOST_HUNG + 1)
        if worker is None:
            return None
        guests = named(uuids)
        try:
            busy = worker.call(lambda connection: connection.busy(guests), self._deadline)
            return {one.uuid.bytes: one.seconds for one in busy}
        except TimeoutError:
            self._leave_behind(worker)
            self._blind.append(worker)
        except HostmonError as error:
            self._failed(error)
        return None

    def _find_busy(self, uuids: list[bytes]) -> None:
        """Of guests that hung or were left out, those whose monitor is busy as long as that."""
        if not uuids:
            return
        now = time.monotonic_ns()
        for uuid, seconds in (self._busy(uuids) or {}).items():
            if seconds >= self._deadline / 2:
                self._suspects.discard(uuid)
                self._mark_stuck([uuid], max(now - int(seconds * 1e9), 1), "does not answer")

    def _find_hung(self, uuids: list[bytes]) -> int | None:
        """After a call that hung: which of these was asked; whoever else cannot answer is marked.

        libvirt tells of the one alone that somebody waits for, the kernel of all others.
        """
        self._find_busy(uuids)
        now = time.monotonic_ns()
        self._mark_stuck(self._plan.answering(list(self._held())), now, "is held by the kernel")
        answering = set(self._plan.answering(uuids))
        hung = next((at for at, uuid in enumerate(uuids) if uuid not in answering), None)
        if hung is not None and len(self._hung) >= FEW_HUNG:
            behind = [uuid for uuid in uuids[hung:] if uuid in answering]
            self._suspects.update(behind)
            self._mark_stuck(behind, now, "may not answer either")
        return hung

    def _mark_stuck(self, uuids: Iterable[bytes], since: int, why: str = "") -> None:
        """Leave these out; ``why`` is told of those that were not before."""
        first, longest = int(FIRST_PROBE * 1e9), int(LONGEST_PROBE * 1e9)
        for uuid in uuids:
            if why:
                log.warning("guest %s %s: not asked", UUID(bytes=uuid), why)
            self._plan.mark_stuck(uuid, since, time.monotonic_ns(), first, longest)

    def _probe(self) -> None:
        """Ask the hypervisor and the kernel, not the guests, whether stuck ones answer again.

        A suspect that nobody waits for owes no answer: it is asked once fewer calls hang.
        """
        due = self._plan.probes(time.monotonic_ns())
        busy = self._busy(due) if due else None
        if busy is None:
            return
        stuck = self._held(due) | set(busy)
        if len(self._hung) >= FEW_HUNG:
            stuck |= self._suspects
        self._mark_stuck(stuck.intersection(due), time.monotonic_ns())
        for uuid in due:
            if uuid not in stuck:
                log.info("guest %s is asked again", UUID(bytes=uuid))
                self._suspects.discard(uuid)
                self._plan.answered(uuid)
