"""The kernel sampler's thread: when a pass over the guests' kernel files is due.

Owns the cadence and the promise to whoever serves a scrape: a pass that began after asking, within
a deadline. What is read, and how, is in ext/sampler.pyx; the thread holds no GIL while it reads.
"""

import contextlib
import logging
import os
import select
import threading
import time
from collections.abc import Callable

import msgspec

from hostmon._sampler import ALL, FAST, SHOWN, Sampler
from hostmon._table import GuestTable
from hostmon.samples import Group

log = logging.getLogger(__name__)

FRESH_WAIT = 0.05
"""Seconds that a scrape waits for a fresh pass; after that it shows the age of the last one."""


WHOLE_S = 1.0
"""Scrapes closer together than this get the columns that move fast, and the others once."""

DEEP_S = 60.0
"""However often scrapes put the next pass of its own off, all is read as often as this."""


ASKED = 2
"""A pass that somebody asked for puts the next one off by so many intervals: whoever scrapes comes
again, and looks for itself."""


class SamplerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the sampler did and could not do; times in seconds."""

    passes: int
    last_pass: float
    cpu: float
    denied: tuple[str, ...]
    unresolved: int
    barred: int
    memory_failures: int


NO_KERNEL = SamplerReport(
    passes=0,
    last_pass=0.0,
    cpu=0.0,
    denied=(),
    unresolved=0,
    barred=0,
    memory_failures=0,
)
"""Of an agent that reads no kernel, since its guests are elsewhere."""


class KernelSampler:
    """Runs one :class:`Sampler` every ``interval`` seconds, and whenever somebody asks.

    ``on_vcpus`` is told, in the sampler's thread, which guests (16 bytes each) have another number
    of vCPU threads than libvirt's definition said: ``setvcpus --live`` raises no event.
    """

    def __init__(
        self,
        sampler: Sampler,
        table: GuestTable,
        *,
        interval: float = 10.0,
        on_vcpus: Callable[[list[bytes]], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sampler = sampler
        self._table = table
        self._interval = interval
        self._on_vcpus = on_vcpus
        self._clock = clock
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._passed = threading.Condition()
        self._begun = self._done = self._wanted = 0
        self._stopping = False
        self._last_pass = self._cpu = 0.0
        self._told: tuple[str, ...] = ()
        self._thread = threading.Thread(target=self._run, name="kernel sampler", daemon=True)

    def start(self) -> None:
        """Sample once at once, then at the cadence; starting guests are looked at as they come."""
        self._table.ring_on_runs(self._wake)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a pass under way is a few milliseconds."""
        self._stopping = True
        os.eventfd_write(self._wake, 1)
        self._thread.join(2)
        self._table.ring_on_runs(-1)
        os.close(self._wake)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def fresh(self, timeout: float = FRESH_WAIT) -> bool:
        """Wait for a pass that begins after this call; False if none ended in time."""
        with self._passed:
            wanted = self._wanted = self._begun + 1
            os.eventfd_write(self._wake, 1)
            return self._passed.wait_for(lambda: self._done >= wanted, timeout)

    def report(self) -> SamplerReport:
        """As of now, from any thread."""
        unresolved = self._sampler.unresolved
        return SamplerReport(
            passes=self._sampler.passes,
            last_pass=self._last_pass,
            cpu=self._cpu,
            denied=self._denied(),
            unresolved=unresolved,
            barred=min(self._sampler.barred, unresolved),
            memory_failures=self._sampler.memory_failures,
        )

    def _denied(self) -> tuple[str, ...]:
        return tuple(Group(number).name.lower() for number in self._sampler.denied_groups)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        due = whole = deep = self._clock()
        while not self._stopping:
            rung = bool(poll.poll(max(0.0, due - self._clock()) * 1000))
            if rung:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._wake)
            now = self._clock()
            asked = self._wanted > self._done
            if now >= due or (asked and now - whole >= WHOLE_S):
                depth = ALL if now >= due or now - deep >= DEEP_S else SHOWN
                self._pass(depth)
                whole = self._clock()
                deep = whole if depth == ALL else deep
                due = whole + self._interval * (ASKED if asked else 1)
            elif asked:
                self._pass(FAST)
            elif rung and not self._stopping:
                self._sampler.discover()

    def _pass(self, depth: int) -> None:
        with self._passed:
            self._begun += 1
        began = time.thread_time()
        self._last_pass = self._sampler.sample(depth) / 1e9
        self._cpu += time.thread_time() - began
        with self._passed:
            self._done = self._begun
            self._passed.notify_all()
        changed = self._sampler.take_changes()
        if changed and self._on_vcpus is not None:
            self._on_vcpus(changed)
        if depth == ALL:
            self._tell_of_permissions()

    def _tell_of_permissions(self) -> None:
        """Say plainly, once, which columns a missing permission costs."""
        denied = self._denied()
        if denied and denied != self._told:
            log.warning(
                "not permitted to read %s of the guests' processes: these columns stay empty; "
                "run as their user, or give CAP_SYS_PTRACE, to have them",
                ", ".join(denied),
            )
        self._told = denied
