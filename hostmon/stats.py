"""The libvirt sampler: what the kernel cannot tell of a guest, asked in the background.

Owns cadences, and what to do about a guest whose monitor does not answer: whoever asks it hangs, so
calls run on a thread that is left behind at a deadline; the guest is found by its control info,
excluded, probed with back-off and asked again once it answers. Nobody waits for this thread.
"""

import logging
import threading
import time
from collections.abc import Callable

import libvirt
import msgspec

from hostmon._plan import ASK_IDLE, CONFIRM_IDLE, SPARE_IDLE, Plan
from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.disposable import Worker
from hostmon.errors import LibvirtError
from hostmon.percall import read_singly
from hostmon.samples import Group

log = logging.getLogger(__name__)

CHUNK = 25
"""Guests a bulk call: a stuck one holds up the others of its chunk until the deadline, once."""
MOST_HUNG = 2
"""Calls that may hang at a time, each on a connection of its own; one more works on."""
CONTROL_OK, CONTROL_JOB = 0, 1
FIRST_PROBE, LONGEST_PROBE = 1.0, 3.0
RECONNECT_FIRST, RECONNECT_LONGEST = 1.0, 10.0


class Cadences(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between two readings of a guest, by sort of reading."""

    main: float = 60.0
    slow: float = 300.0
    job: float = 15.0


class StatsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the libvirt sampler did."""

    calls: int
    records: int
    deadlines: int
    failures: int
    confirmed: int
    stuck: int
    hung_calls: int


class Kind(msgspec.Struct, frozen=True):
    """One sort of reading; ``idle`` as :mod:`hostmon._plan` has it."""

    number: int
    cadence: float
    idle: int
    without: int
    read: Callable[[Stats, list[bytes]], int]


def bulk(groups: int) -> Callable[[Stats, list[bytes]], int]:
    """A reading by one call for many guests: measured no dearer than any call for one."""
    return lambda stats, uuids: stats.read(uuids, groups)


def jobs(stats: Stats, uuids: list[bytes]) -> int:
    """Every guest's job; libvirtd answers from memory."""
    return sum(stats.job(uuid) for uuid in uuids)


def limits(stats: Stats, uuids: list[bytes]) -> int:
    """Every disk's I/O limits; one monitor round trip a disk."""
    return sum(stats.tune(uuid) for uuid in uuids)


def kernel_kinds(cadences: Cadences) -> tuple[Kind, ...]:
    """What is asked of guests whose processes the kernel sampler reads."""
    main = libvirt.VIR_DOMAIN_STATS_BLOCK | libvirt.VIR_DOMAIN_STATS_BALLOON
    slow = (
        libvirt.VIR_DOMAIN_STATS_VCPU
        | libvirt.VIR_DOMAIN_STATS_IOTHREAD
        | libvirt.VIR_DOMAIN_STATS_DIRTYRATE
        | libvirt.VIR_DOMAIN_STATS_PERF
    )
    taps = 1 << Group.INTERFACE
    return (
        Kind(0, cadences.main, CONFIRM_IDLE, 0, bulk(main)),
        Kind(1, cadences.job, ASK_IDLE, 0, jobs),
        Kind(2, cadences.job, ASK_IDLE, taps, bulk(libvirt.VIR_DOMAIN_STATS_INTERFACE)),
        Kind(3, cadences.slow, SPARE_IDLE, 0, bulk(slow)),
        Kind(4, cadences.slow, SPARE_IDLE, 0, limits),
    )


def other_kinds(cadences: Cadences, table: GuestTable) -> tuple[Kind, ...]:
    """What is asked of guests that only libvirt can tell of (test, LXC, remote hosts)."""

    def singly(stats: Stats, uuids: list[bytes]) -> int:
        return read_singly(stats, table, uuids)

    return (
        Kind(0, cadences.job, ASK_IDLE, 0, singly),
        Kind(1, cadences.job, ASK_IDLE, 0, jobs),
        Kind(4, cadences.slow, ASK_IDLE, 0, limits),
    )


class LibvirtSampler:
    """Keeps the libvirt columns of a table current; ``deadline`` and ``tick`` in seconds."""

    def __init__(
        self,
        uri: str,
        table: GuestTable,
        *,
        kernel: bool,
        cadences: Cadences | None = None,
        deadline: float = 2.0,
        tick: float = 0.5,
    ) -> None:
        self._uri = uri
        self._table = table
        self._kernel = kernel
        cadences = cadences or Cadences()
        self._kinds = kernel_kinds(cadences) if kernel else other_kinds(cadences, table)
        self._deadline = deadline
        self._tick = tick
        self._plan = Plan(table)
        self._worker: Worker | None = None
        self._hung: list[Worker] = []
        self._calls = self._records = self._deadlines = self._failures = 0
        self._reconnect = RECONNECT_FIRST
        self._not_before = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="libvirt plan", daemon=True)

    def start(self) -> None:
        """Begin asking."""
        self._thread.start()

    def stop(self) -> None:
        """End; calls that hang are left behind."""
        self._stopping.set()
        self._thread.join(self._deadline + 1)
        if self._worker is not None:
            self._worker.abandon()
            self._worker.join(1)

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

    def _run(self) -> None:
        while not self._stopping.wait(self._tick):
            try:
                self._round()
            except Exception:
                log.exception("the libvirt sampler failed; it goes on")

    def _round(self) -> None:
        """Whatever is due now."""
        if time.monotonic() < self._not_before:
            return
        self._probe()
        for kind in self._kinds:
            uuids = self._plan.due(
                kind.number,
                time.monotonic_ns(),
                int(kind.cadence * 1e9),
                idle=kind.idle,
                without=kind.without,
            )
            for first in range(0, len(uuids), CHUNK):
                self._ask(kind, uuids[first : first + CHUNK])

    def _ask(self, kind: Kind, uuids: list[bytes]) -> None:
        """One call; whoever it did not reach is due again."""
        worker = self._ready_worker()
        if worker is not None and not self._stopping.is_set():
            self._calls += 1
            try:
                self._records += worker.call(lambda stats: kind.read(stats, uuids), self._deadline)
                self._reconnect = RECONNECT_FIRST
                return
            except TimeoutError:
                self._deadlines += 1
                self._leave_behind(worker)
                self._find_stuck(uuids)
            except LibvirtError as error:
                self._failed(error)
        for uuid in uuids:
            self._plan.ask_again(uuid, kind.number)

    def _ready_worker(self) -> Worker | None:
        """The worker, a new one if need be; None while too many calls hang."""
        self._hung = [worker for worker in self._hung if worker.alive]
        if self._worker is None and len(self._hung) <= MOST_HUNG:
            self._worker = Worker(self._uri, self._table, kernel=self._kernel)
        return self._worker

    def _leave_behind(self, worker: Worker) -> None:
        worker.abandon()
        self._hung.append(worker)
        self._worker = None

    def _failed(self, error: LibvirtError) -> None:
        """The connection is of no use: another one, after a while."""
        self._failures += 1
        log.debug("libvirt sampler: %s; again in %g s", error, self._reconnect)
        if self._worker is not None:
            self._worker.abandon()
            self._worker = None
        self._not_before = time.monotonic() + self._reconnect
        self._reconnect = min(2 * self._reconnect, RECONNECT_LONGEST)

    def _control(self, uuids: list[bytes]) -> dict[bytes, tuple[int, float] | None]:
        """Every guest's control state, which libvirtd gives without asking the guest."""
        worker = self._ready_worker()
        if worker is None:
            return {}
        try:
            return worker.call(
                lambda stats: {uuid: stats.control(uuid) for uuid in uuids}, self._deadline
            )
        except TimeoutError:
            self._leave_behind(worker)
        except LibvirtError as error:
            self._failed(error)
        return {}

    def _find_stuck(self, uuids: list[bytes]) -> None:
        """After a call that hung: whose monitor has been busy for as long as the call."""
        now = time.monotonic_ns()
        for uuid, control in self._control(uuids).items():
            if control is None or control[0] in (CONTROL_OK, CONTROL_JOB):
                continue
            state, seconds = control
            if seconds < self._deadline / 2:
                continue
            log.warning("guest %s does not answer (control state %d): not asked", uuid.hex(), state)
            self._plan.mark_stuck(
                uuid,
                max(now - int(seconds * 1e9), 1),
                now,
                int(FIRST_PROBE * 1e9),
                int(LONGEST_PROBE * 1e9),
            )

    def _probe(self) -> None:
        """Ask libvirtd, not the guests, whether stuck guests answer again."""
        now = time.monotonic_ns()
        due = self._plan.probes(now)
        if not due:
            return
        states = self._control(due)
        for uuid in due:
            if uuid not in states:
                continue
            control = states[uuid]
            if control is None or control[0] in (CONTROL_OK, CONTROL_JOB):
                log.info("guest %s answers again", uuid.hex())
                self._plan.answered(uuid)
            else:
                self._plan.mark_stuck(
                    uuid, now, now, int(FIRST_PROBE * 1e9), int(LONGEST_PROBE * 1e9)
                )
