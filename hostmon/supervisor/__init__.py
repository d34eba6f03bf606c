"""The driver supervisor: every driver that the configuration names, each in isolation.

Owns the drivers' runners. Nothing a driver does reaches the agent or another driver, as far as its
isolation goes; a driver that can't be used is refused alone, unless it is required.
"""

import logging
import threading

from hostmon.driver import AgentView, Capabilities
from hostmon.driver.options import isolation_of
from hostmon.errors import DriverError, SettingsError
from hostmon.loader import DriverEntry, check_settings, checked_options, find_drivers
from hostmon.settings import Settings
from hostmon.status import DriverStatus
from hostmon.supervisor.backoff import Backoff
from hostmon.supervisor.job import Job
from hostmon.supervisor.runner import Runner, refused

log = logging.getLogger(__name__)

WATCH = 5.0  # how late the log may say that a driver is blocked; its status says so at once
# A driver that is slow to start must not keep the agent from its work: it goes on starting alone.
START_TIMEOUT = 10.0


class Supervisor:
    """The drivers of one agent; raises SettingsError for a configuration that can't be run."""

    def __init__(
        self, settings: Settings, host: str, view: AgentView, backoff: Backoff | None = None
    ) -> None:
        self._host = host
        self._view = view
        self._backoff = backoff or Backoff()
        self._refused, self._jobs = self._plan(settings)
        self._runners = {job.name: self._runner(job) for job in self._jobs.values()}
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._check, name="driver-watch", daemon=True)

    def start(self) -> None:
        """Start every driver, all at once.

        Raises SettingsError for what the operator must mend, DriverError for a required driver.
        """
        self._watch.start()
        for runner in self._runners.values():
            runner.start()
        for runner in self._runners.values():
            self._await(runner)

    def stop(self) -> None:
        """Stop every driver, all at once."""
        self._stop.set()
        for runner in self._runners.values():
            runner.stop()
        for runner in self._runners.values():
            runner.join()

    def reload(self, settings: Settings) -> None:
        """Run what the configuration names now; a driver whose section is as before goes on.

        Raises SettingsError, having changed nothing, for a configuration that can't be run. A
        quarantined driver gets another chance.
        """
        refused_now, jobs = self._plan(settings)
        kept = {
            name: runner
            for name, runner in self._runners.items()
            if jobs.get(name) == runner.job and runner.status().state != "quarantined"
        }
        gone = [runner for name, runner in self._runners.items() if name not in kept]
        for runner in gone:
            runner.stop()
        for runner in gone:
            runner.join()
        runners = {name: kept.get(name) or self._runner(job) for name, job in jobs.items()}
        self._refused, self._jobs, self._runners = refused_now, jobs, runners
        for name, runner in runners.items():
            if name not in kept:
                runner.start()

    def status(self) -> tuple[DriverStatus, ...]:
        """Every driver's status, those refused last."""
        running = (runner.status() for runner in self._runners.values())
        return (*running, *(refused(name, why) for name, why in self._refused.items()))

    def web_addresses(self) -> tuple[str, ...]:
        """Addresses a person can open."""
        return tuple(a for runner in self._runners.values() for a in runner.addresses())

    def _plan(self, settings: Settings) -> tuple[dict[str, str], dict[str, Job]]:
        """What is refused, and why; what is to run."""
        names = dict.fromkeys(settings.agent.drivers)
        try:
            entries = find_drivers((*names, *settings.drivers), settings.drivers)
        except DriverError as error:
            raise SettingsError(f"agent.drivers: {error}") from None
        refusals: dict[str, str] = {}
        jobs: dict[str, Job] = {}
        for name in names:
            job = self._job(entries[name], settings)
            if not entries[name].refusal:
                jobs[name] = job
                continue
            refusals[name] = entries[name].refusal
            text = f"driver {name!r} is refused: {refusals[name]}"
            if job.options.required:
                raise SettingsError(f"{text}; it is required")
            log.error("%s", text)
        return refusals, jobs

    def _job(self, entry: DriverEntry, settings: Settings) -> Job:
        section = settings.drivers.get(entry.name, {})
        check_settings(entry)
        options = checked_options(entry.name, section)
        capabilities = entry.capabilities
        assert isinstance(capabilities, Capabilities)
        for text in entry.deprecations:
            log.warning("driver %s: %s", entry.name, text)
        return Job(
            name=entry.name,
            isolation=isolation_of(entry.name, options, capabilities, in_tree=entry.in_tree),
            options=options,
            section=section,
            host=self._host,
            events_addresses=(settings.bus.local_events,),
            requests_address=settings.bus.local_requests,
            log=settings.log,
        )

    def _runner(self, job: Job) -> Runner:
        return Runner(job, self._view, self._backoff)

    def _await(self, runner: Runner) -> None:
        """Pass on what keeps the agent from starting; log what does not."""
        options = runner.job.options
        try:
            runner.wait(min(START_TIMEOUT, options.block_limit) if not options.required else 60)
        except DriverError as error:
            if options.required:
                raise SettingsError(f"{error}; it is required") from None
            log.warning("%s; going on without it", error)

    def _check(self) -> None:
        while not self._stop.wait(WATCH):
            for runner in list(self._runners.values()):
                runner.check()
