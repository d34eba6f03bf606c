"""Feeds one driver from the bus, in whichever thread or process it runs; its calls are guarded.

Owns the driver's subscriber socket. Ends when told to, or at the first breach of the contract.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import zmq

from hostmon.client import Endpoint, Filter, Subscriber
from hostmon.driver import AgentView, Driver, DriverContext
from hostmon.driver.contract import Guard, made
from hostmon.errors import (
    AddressInUseError,
    ContractError,
    DriverError,
    HostmonError,
    SettingsError,
)
from hostmon.events import Event, HeartbeatEvent
from hostmon.kinds import CLASS_OF, REPLAYED
from hostmon.loader import load, own_settings
from hostmon.supervisor.complaints import Complaints
from hostmon.supervisor.job import Job
from hostmon.supervisor.tally import Tally
from hostmon.wire import kind_of

log = logging.getLogger(__name__)

POLL = 0.5
REPLAYED_KINDS = frozenset(kind for kind, class_ in CLASS_OF.items() if class_ in REPLAYED)


def work(
    job: Job,
    view: AgentView,
    tally: Tally,
    stop: threading.Event,
    changed: Callable[[], None],
) -> None:
    """Load the driver of a job here, and let it work until told to stop; the tally tells how."""
    try:
        kind = load(job.name)
        settings = own_settings(job.name, kind, job.section)
    except HostmonError as error:
        tally.state, tally.detail = "failed", str(error)
        tally.blame = "settings" if isinstance(error, SettingsError) else "driver"
        return
    context = DriverContext(
        host=job.host,
        events_addresses=job.events_addresses,
        view=view,
        settings=settings,
    )
    Worker(job.name, kind, context, job.agent, tally, stop, changed).run()


class Worker:
    """One life of one driver: from ``start`` to ``stop``."""

    def __init__(
        self,
        name: str,
        kind: type[Driver],
        context: DriverContext,
        agent: Endpoint,
        tally: Tally,
        stop: threading.Event,
        changed: Callable[[], None],
    ) -> None:
        self._name = name
        self._complaints = Complaints(name)
        self._kind = kind
        self._context = context
        self._agent = agent
        self._tally = tally
        self._stop = stop
        self._changed = changed
        self._kinds = frozenset(kind.capabilities.kinds)
        self._work = self._feed if kind.capabilities.needs_events else self._serve

    def run(self) -> None:
        """Until told to stop; how it ended stands in the tally, nothing is raised."""
        tally = self._tally
        try:
            with self._calling():
                guard = Guard(self._name, made(self._name, self._kind), Driver)
        except ContractError as error:
            self._breached(error)
            return
        try:
            self._work(guard)
            tally.state = "stopped"
        except (SettingsError, AddressInUseError) as error:
            self._fail(str(error), "settings")
        except ContractError as error:
            self._breached(error)
        except DriverError as error:
            self._fail(str(error), "driver")
        finally:
            self._finish(guard)
            self._changed()

    def _fail(self, detail: str, blame: str) -> None:
        self._tally.detail, self._tally.blame = detail, blame
        self._tally.state = "failed"
        self._changed()

    def _breached(self, error: ContractError) -> None:
        """The driver broke its contract; why it failed first is told already."""
        log.error("%s\n%s", error, error.trace)
        if not self._tally.detail:
            self._fail(str(error), "contract")

    def _finish(self, guard: Guard) -> None:
        try:
            with self._calling():
                guard("stop")
        except ContractError as error:
            self._breached(error)

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """The driver is at work meanwhile."""
        self._tally.busy_since = time.monotonic_ns()
        try:
            yield
        finally:
            self._tally.busy_since = 0

    def _serve(self, guard: Guard) -> None:
        """Start, and wait: this driver is given no events."""
        self._begin(guard)
        self._begun()
        self._stop.wait()

    def _begin(self, guard: Guard) -> None:
        with self._calling():
            guard("start", self._context)
        with self._calling():
            self._tally.addresses = guard("addresses")

    def _begun(self) -> None:
        self._tally.state = "running"
        self._changed()

    def _feed(self, guard: Guard) -> None:
        """Subscribe, start, and hand over events; subscribed first, so that none is missed."""
        wanted = filter_of(self._kinds)
        with (
            zmq.Context() as context,
            Subscriber(self._agent, wanted=wanted, context=context) as subscriber,
        ):
            self._begin(guard)
            with self._calling():
                subscriber.resume(guard("resume_after"))
            self._begun()
            while not self._stop.is_set():
                event = subscriber.receive(POLL)
                if event is not None and self._wanted(event):
                    self._hand_over(guard, event)

    def _wanted(self, event: Event) -> bool:
        if isinstance(event, HeartbeatEvent):
            return "heartbeat" in self._kinds
        return not self._kinds or kind_of(event) in self._kinds

    def _hand_over(self, guard: Guard, event: Event) -> None:
        tally = self._tally
        began = tally.busy_since = time.monotonic_ns()
        if event.monotonic_ns:
            tally.lag = max(0.0, (began - event.monotonic_ns) / 1e9)
        try:
            guard("handle", event)
            tally.handled += 1
        except ContractError:
            raise
        except DriverError as error:
            tally.errors += 1
            self._complaints.add(str(error))
        finally:
            tally.busy += (time.monotonic_ns() - began) / 1e9
            tally.busy_since = 0


def filter_of(kinds: frozenset[str]) -> Filter:
    """What to subscribe to for these kinds, none meaning all; heartbeats come in any case."""
    if not kinds or kinds >= REPLAYED_KINDS:
        return Filter()
    wanted = kinds & REPLAYED_KINDS
    return Filter(kinds=tuple(sorted(wanted))) if wanted else Filter(classes=())
