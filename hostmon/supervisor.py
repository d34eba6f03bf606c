"""The driver supervisor: starts each driver in a thread of its own and feeds it from the bus.

Owns the drivers' threads. Nothing a driver raises reaches the agent or another driver.
"""

import logging
import threading
from typing import Any

import zmq

from hostmon.client import Subscriber
from hostmon.driver import AgentView, Driver, DriverContext
from hostmon.errors import DriverError, HostmonError
from hostmon.events import HeartbeatEvent
from hostmon.loader import DriverEntry, find_drivers, load
from hostmon.settings import Settings, convert
from hostmon.status import DriverStatus
from hostmon.suggest import suggestion

log = logging.getLogger(__name__)

POLL = 0.2
STOP_TIMEOUT = 1.5


class Runner:
    """One driver in its thread."""

    def __init__(self, name: str, driver: Driver, context: DriverContext) -> None:
        self.name = name
        self.driver = driver
        self._context = context
        self._state = "starting"
        self._detail = ""
        self._handled = 0
        self._errors = 0
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"driver-{name}", daemon=True)

    def start(self, timeout: float = 10) -> None:
        """Start the driver; raises DriverError if it does not start within ``timeout`` seconds."""
        self._thread.start()
        if not self._ready.wait(timeout):
            raise DriverError(f"driver {self.name!r} did not start within {timeout:g} s")
        if self._state == "failed":
            raise DriverError(f"driver {self.name!r} did not start: {self._detail}")

    def stop(self) -> None:
        """Ask the driver to end; :meth:`join` waits for it."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the driver's end, for a while: a hung driver is left behind."""
        if self._thread.ident is None:
            return  # never started
        self._thread.join(STOP_TIMEOUT)
        if self._thread.is_alive():
            log.warning("driver %s did not stop within %g s", self.name, STOP_TIMEOUT)

    def status(self) -> DriverStatus:
        """What the driver has done so far."""
        return DriverStatus(
            name=self.name,
            state=self._state,
            handled=self._handled,
            errors=self._errors,
            detail=self._detail,
        )

    def _run(self) -> None:
        try:
            self.driver.start(self._context)
        except Exception as error:
            self._fail(error)
            return
        finally:
            if self._state == "failed":
                self._ready.set()
        self._state = "running"
        self._ready.set()
        with zmq.Context() as context, self._subscribe(context) as subscriber:
            while not self._stop.is_set():
                self._take(subscriber)
        self._end()

    def _subscribe(self, context: Any) -> Subscriber:  # zmq.Context is generic
        return Subscriber(
            self._context.events_addresses,
            kind=self.driver.capabilities.kind,
            context=context,
        )

    def _take(self, subscriber: Subscriber) -> None:
        """Hand over the next event, if one comes soon."""
        event = subscriber.receive(POLL)
        if event is None or isinstance(event, HeartbeatEvent):
            return
        try:
            self.driver.handle(event)
            self._handled += 1
        except Exception:
            self._errors += 1
            log.exception("driver %s failed on an event", self.name)

    def _fail(self, error: Exception) -> None:
        self._detail = f"{type(error).__name__}: {error}"
        if isinstance(error, HostmonError):
            self._detail = str(error)
        else:
            log.error("driver %s failed to start", self.name, exc_info=error)
        self._state = "failed"
        self._end(state="failed")
        self._ready.set()

    def _end(self, state: str = "stopped") -> None:
        try:
            self.driver.stop()
        except Exception:
            log.exception("driver %s failed to stop", self.name)
        self._state = state


class Supervisor:
    """Every driver that the configuration names."""

    def __init__(self, settings: Settings, host: str, view: AgentView) -> None:
        entries = find_drivers()
        for name in settings.drivers:
            if name not in entries:
                raise DriverError(
                    f"drivers.{name}: no such driver; {suggestion(name, entries)}"
                    f"installed: {', '.join(entries)}"
                )
        self.runners = [
            self._runner(name, entries, settings, host, view) for name in settings.agent.drivers
        ]

    @staticmethod
    def _runner(
        name: str, entries: dict[str, DriverEntry], settings: Settings, host: str, view: AgentView
    ) -> Runner:
        kind = load(name, entries)
        own = convert(settings.drivers.get(name, {}), kind.settings_type, f"drivers.{name}")
        context = DriverContext(
            host=host,
            events_addresses=settings.bus.events_addresses[:1],
            view=view,
            settings=own,
        )
        return Runner(name, kind(), context)

    def start(self) -> None:
        """Start every driver; raises DriverError for the first that does not start."""
        for runner in self.runners:
            runner.start()
            log.info("driver %s runs", runner.name)

    def stop(self) -> None:
        """Stop every driver, all at once."""
        for runner in self.runners:
            runner.stop()
        for runner in self.runners:
            runner.join()

    def status(self) -> tuple[DriverStatus, ...]:
        """Every driver's status."""
        return tuple(runner.status() for runner in self.runners)

    def web_addresses(self) -> tuple[str, ...]:
        """Addresses a person can open."""
        return tuple(a for runner in self.runners for a in runner.driver.addresses())
