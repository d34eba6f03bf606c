"""One driver's lives: runs it, starts it again with back-off, quarantines it.

Owns one thread, which the driver itself uses where it runs in a thread.
"""

import logging
import threading
import time

import msgspec

from hostmon.driver import AgentView
from hostmon.errors import DriverError, SettingsError
from hostmon.status import DriverStatus
from hostmon.supervisor.backoff import Backoff
from hostmon.supervisor.job import Job
from hostmon.supervisor.process import DriverProcess
from hostmon.supervisor.tally import Tally
from hostmon.supervisor.worker import work

log = logging.getLogger(__name__)

STOP_TIMEOUT = 1.8


class Runner:
    """Keeps one driver running."""

    def __init__(self, job: Job, view: AgentView, backoff: Backoff) -> None:
        self.job = job
        self._view = view
        self._backoff = backoff
        self._tally = Tally()
        self._before = Tally()  # sums over earlier lives
        self._state = "starting"
        self._detail = ""
        self._restarts = 0
        self._violations = 0
        self._process: DriverProcess | None = None
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._reported = False
        self._thread = threading.Thread(target=self._run, name=f"driver-{job.name}", daemon=True)

    def start(self) -> None:
        """Begin; :meth:`wait` tells how it went."""
        self._thread.start()

    def wait(self, timeout: float) -> None:
        """Wait until the first start has succeeded or failed.

        Raises SettingsError for what the operator must mend, DriverError if it did not start.
        """
        name = self.job.name
        if not self._settled.wait(timeout):
            raise DriverError(f"driver {name!r} did not start within {timeout:g} s")
        if self._detail:
            text = f"driver {name!r} did not start: {self._detail}"
            raise SettingsError(text) if self._tally.blame == "settings" else DriverError(text)

    def stop(self) -> None:
        """Ask the driver to end; :meth:`join` waits for it."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the driver's end, for a while: a thread that hangs is left behind."""
        if self._thread.ident is None:
            return  # never started
        self._thread.join(STOP_TIMEOUT)
        if self._thread.is_alive():
            log.warning("driver %s did not stop within %g s", self.job.name, STOP_TIMEOUT)

    def addresses(self) -> tuple[str, ...]:
        """What a person can open, while the driver runs."""
        return self._tally.addresses if self._tally.state == "running" else ()

    def check(self) -> None:
        """Report, once a call, that a thread's call takes longer than its limit."""
        if self.job.isolation == "process":
            return
        blocked = self._tally.blocked_for()
        if blocked <= self.job.options.block_limit:
            self._reported = False
        elif not self._reported:
            self._reported = True
            log.error(
                "driver %s: one call takes longer than block_limit = %g s; "
                "give isolation = 'process' to have it restarted",
                self.job.name,
                self.job.options.block_limit,
            )

    def status(self) -> DriverStatus:
        """What the driver has done so far."""
        now, before, options = self._tally, self._before, self.job.options
        state, detail = self._state, self._detail
        if state in {"starting", "running"} and now.blocked_for() > options.block_limit:
            state = "blocked"
            detail = f"one call has taken {now.blocked_for():.0f} s"
        process = self._process
        return DriverStatus(
            name=self.job.name,
            state=state,
            isolation=self.job.isolation,
            pid=process.pid if process is not None else 0,
            handled=before.handled + now.handled,
            errors=before.errors + now.errors,
            violations=self._violations,
            restarts=self._restarts,
            lag=now.lag,
            busy=before.busy + now.busy,
            detail=detail,
        )

    def _run(self) -> None:
        failed = 0
        while True:
            began = time.monotonic()
            self._live_guarded()
            if self._stop.is_set():
                self._state = "stopped"
                return
            failed = 1 if time.monotonic() - began > self._backoff.calm else failed + 1
            self._violations += self._tally.blame in {"contract", "limits"}
            self._detail = self._tally.detail
            if failed >= self._backoff.failures:
                self._state = "quarantined"
                log.error(
                    "driver %s is quarantined after %d failures: %s; mend it, then send SIGHUP",
                    self.job.name,
                    failed,
                    self._detail,
                )
                self._settled.set()
                return
            self._state = "restarting"
            delay = self._backoff.delay(failed)
            log.warning(
                "driver %s: %s; starting again in %.1f s", self.job.name, self._detail, delay
            )
            self._settled.set()
            if self._stop.wait(delay):
                self._state = "stopped"
                return
            self._restarts += 1

    def _live_guarded(self) -> None:
        """One life; a failure of its supervision ends it too, and is told."""
        try:
            self._live()
        except Exception as error:
            log.exception("driver %s: its supervision failed", self.job.name)
            self._tally.state, self._tally.blame = "failed", "agent"
            self._tally.detail = f"its supervision failed: {error!r}"

    def _live(self) -> None:
        """One life, in this thread or in a process."""
        sums, over = self._before, self._tally
        self._before = Tally(
            handled=sums.handled + over.handled,
            errors=sums.errors + over.errors,
            busy=sums.busy + over.busy,
        )
        tally = self._tally = Tally()
        self._state = "starting"
        if self.job.isolation == "process":
            self._process = DriverProcess(self.job, tally, self._stop.is_set, self._changed)
            self._process.run()
            return
        work(self.job, self._view, tally, self._stop, self._changed)

    def _changed(self) -> None:
        """The driver has started: whoever waits for it may go on."""
        if self._tally.state == "running" and self._state == "starting":
            self._state, self._detail = "running", ""
            self._settled.set()
            log.info("driver %s runs in a %s", self.job.name, self.job.isolation)


def refused(name: str, reason: str) -> DriverStatus:
    """The status of a driver that could not be used at all."""
    return msgspec.structs.replace(DriverStatus(name=name, state="refused"), detail=reason)
