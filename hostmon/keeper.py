"""The connection keeper: the thread that asks the hypervisor, so that nobody else waits for it.

Owns when to connect again, when to list, and which guests to look up; what it learns enters the
same pipe as the events, in order, and the dispatcher decides what it means.
"""

import contextlib
import logging
import os
import random
import select
import threading
import time
import uuid as uuidlib
from collections import deque
from collections.abc import Callable

from hostmon import records
from hostmon._dispatcher import Dispatcher
from hostmon._pipe import EventPipe
from hostmon.claims import bare_claim_of
from hostmon.definitions import Definitions
from hostmon.driver.sinks import EventSink
from hostmon.driver.virt import GuestDescription, Mark
from hostmon.errors import GuestNotFoundError, HostmonError, NotConnectedError
from hostmon.hypervisor import Connection, Hypervisor
from hostmon.settings import ConnectionSettings

log = logging.getLogger(__name__)

STOP_TIMEOUT = 1.0
# A guest that the hypervisor does not find, and of which no event tells for so long, is gone.
GONE_AFTER_NS = 1_000_000_000
# Seconds until a guest whose row the dispatcher has yet to make is tried again: at first, at most.
# A row that an older answer spoke of may never come.
PLACE_AGAIN, PLACE_SELDOM = 0.01, 2.0
# Seconds for which marks are believed: then all guests are compared, whatever theirs say.
WHOLE_S = 300.0


class Keeper:
    """Keeps one connection to a hypervisor open and the dispatcher informed.

    A thread hung in a call is left behind: it is a daemon thread, and :meth:`stop` waits for it
    STOP_TIMEOUT seconds at most.
    """

    def __init__(
        self,
        hypervisor: Hypervisor,
        uri: str,
        settings: ConnectionSettings,
        pipe: EventPipe,
        dispatcher: Dispatcher,
        definitions: Definitions,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.uri = uri
        self.connected = False
        self.reason = "not connected yet"
        self.connections = 0
        self.version = ""
        self._hypervisor = hypervisor
        self._settings = settings
        self._pipe = pipe
        self._dispatcher = dispatcher
        self._definitions = definitions
        self._jitter = jitter
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._stop = False
        self._announced: bool | None = None
        self._closed_because = ""
        self._check_objects = False
        self._losses_seen = 0
        self._asked_for: deque[bytes] = deque(maxlen=65536)
        self._missing: dict[bytes, int] = {}
        self._marks: tuple[Mark, ...] = ()
        self._whole_due = 0.0
        self._connection: Connection | None = None
        self._connected_ns = 0
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Connect, and stay connected, from a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End; a thread that hangs in a call is not waited for."""
        self._stop = True
        os.eventfd_write(self._wake_fd, 1)
        self._thread.join(STOP_TIMEOUT)
        if self._thread.is_alive():
            log.warning("no answer from %s within %g s; leaving its thread", self.uri, STOP_TIMEOUT)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def has_compared(self) -> bool:
        """Whether this connection's first comparison with libvirt is done, and published too."""
        return self.connected and self._dispatcher.compared > self._connected_ns

    def look_up_soon(self, uuids: list[bytes]) -> None:
        """Look these guests up again; from any thread."""
        self._asked_for.extend(uuids)
        os.eventfd_write(self._wake_fd, 1)

    def check_objects(self) -> None:
        """Look whether events of networks and pools still come; from any thread.

        To be called when others could just list them: asking about them may hang otherwise.
        """
        self._check_objects = True
        os.eventfd_write(self._wake_fd, 1)

    def _disconnected(self, reason: str) -> None:
        """Runs in whichever thread noticed, libvirt's event thread: only wakes the keeper."""
        self._closed_because = reason
        os.eventfd_write(self._wake_fd, 1)

    def _run(self) -> None:
        delay = self._settings.retry_first
        while not self._stop:
            try:
                connection = self._connect()
                delay = self._settings.retry_first
                self._serve(connection)
            except HostmonError as error:
                self._down(str(error))
            except Exception:
                log.exception("the connection keeper failed; it connects again")
                self._down("internal error")
            if not self._stop:
                # Full jitter: hosts that lost one libvirtd upgrade together do not return together.
                self._sleep(delay * (0.5 + self._jitter() / 2))
                delay = min(2 * delay, self._settings.retry_longest)
        self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(HostmonError):
                connection.close()

    def _connect(self) -> Connection:
        """Open, subscribe, then list: in this order no change falls between."""
        self._closed_because = ""
        connection = self._hypervisor.connect(EventSink(self._pipe, self._disconnected))
        self._connection = connection
        self.version = connection.version()
        self.connections += 1
        self._connected_ns = time.monotonic_ns()
        self._announced = self.connected = True
        self.reason = f"connected to {self.uri}"
        log.info("connected to %s, %s %s", self.uri, self._hypervisor.name, self.version)
        self._pipe.put(records.connection(up=True, reason=self.reason))
        self._resync(connection)
        return connection

    def _down(self, reason: str) -> None:
        """Tell once that the connection is gone, after all it told; then keep trying in silence."""
        if reason != self.reason:
            log.warning("not connected to %s: %s", self._hypervisor.name, reason)
        self.connected, self.reason = False, reason
        self._close()
        if self._announced is not False:
            self._pipe.put(records.connection(up=False, reason=reason))
        self._announced = False

    def _serve(self, connection: Connection) -> None:
        """Look up what the dispatcher wants to know, until the connection is lost."""
        poll = select.poll()
        poll.register(self._wake_fd, select.POLLIN)
        poll.register(self._dispatcher.wanted_fd, select.POLLIN)
        refresh = time.monotonic() + self._settings.refresh
        again = PLACE_AGAIN
        while not self._stop and not self._closed_because:
            wait = max(0.0, refresh - time.monotonic())
            if not self._definitions.place():
                wait, again = min(wait, again), min(2 * again, PLACE_SELDOM)
            poll.poll(wait * 1000)
            self._clear_wake()
            self._hear_objects(connection)
            wanted = self._dispatcher.take_wanted()
            if wanted != []:
                again = PLACE_AGAIN
            if self._losses_seen != self._dispatcher.lost_records:
                log.warning("events were lost for want of room; comparing with %s", self.uri)
                wanted = None
            if wanted is None:
                self._resync(connection)
            for uuid in wanted or ():
                self._look_up(connection, uuid)
            while self._asked_for:
                self._look_up(connection, self._asked_for.popleft())
            if time.monotonic() >= refresh:
                self._refresh(connection)
                refresh = time.monotonic() + self._settings.refresh
        if self._closed_because:
            raise NotConnectedError(f"connection lost: {self._closed_because}")

    def _hear_objects(self, connection: Connection) -> None:
        """Raise NotConnectedError where others can list networks and pools, and no event comes."""
        if self._check_objects:
            self._check_objects = False
            if not connection.hears_objects():
                raise NotConnectedError("no events of networks and storage pools come any more")

    def _resync(self, connection: Connection) -> None:
        """Send what the hypervisor says of every guest: the dispatcher publishes what differs."""
        self._losses_seen = self._dispatcher.lost_records
        self._missing.clear()
        self._marks = connection.marks()  # before the list: whatever changes after it shows
        self._whole_due = time.monotonic() + WHOLE_S
        began = time.monotonic_ns()
        complete = self._pipe.put(records.resync_begin())
        for guest in connection.guests():
            complete &= self._report(guest, began, resync=True)
        if complete:  # its end says that no other guest is there; a loss brings another comparison
            self._pipe.put(records.resync_end(began))

    def _refresh(self, connection: Connection) -> None:
        """Look for what no event announces: other XML, another state, guests gone without a word.

        libvirt raises nothing for ``setvcpus --live`` nor for any change of the configuration.
        """
        marks = connection.marks()
        if marks and time.monotonic() < self._whole_due:
            known = frozenset(self._marks)
            listed = {mark.uuid.bytes for mark in marks}
            for mark in marks:
                if not mark.text or mark not in known:
                    self._look_up(connection, mark.uuid.bytes)
        else:
            listed = self._compare(connection)
            self._whole_due = time.monotonic() + WHOLE_S
        self._marks = marks
        for uuid in self._definitions.keep_only(listed):
            self._look_up(connection, uuid)
        for uuid, missed_ns in list(self._missing.items()):
            if time.monotonic_ns() - missed_ns > GONE_AFTER_NS:
                self._look_up(connection, uuid)

    def _compare(self, connection: Connection) -> set[bytes]:
        """Report every guest; which there are."""
        began = time.monotonic_ns()
        listed = set()
        for guest in connection.guests():
            self._report(guest, began, resync=False)
            listed.add(guest.uuid.bytes)
        return listed

    def _look_up(self, connection: Connection, uuid: bytes) -> None:
        """Report one guest that an event spoke of."""
        asked = time.monotonic_ns()
        try:
            guest = connection.guest(uuidlib.UUID(bytes=uuid))
        except GuestNotFoundError:
            self._not_found(uuid, asked)
            return
        self._missing.pop(uuid, None)
        self._report(guest, asked, resync=False)

    def _not_found(self, uuid: bytes, asked_ns: int) -> None:
        """There is no such guest; its last event may be under way still, so ask twice."""
        self._definitions.forget(uuid)
        first = self._missing.setdefault(uuid, asked_ns)
        if asked_ns - first > GONE_AFTER_NS:
            del self._missing[uuid]
            self._pipe.put(records.gone(uuid, first))

    def _report(self, guest: GuestDescription, asked_ns: int, *, resync: bool) -> bool:
        """Put one guest's facts into the pipe, with the time they were true at; False: no room."""
        read = self._definitions.update(guest.uuid.bytes, guest.live, guest.config)
        claim = read.claim if read is not None else bare_claim_of(guest)
        told = self._pipe.put(
            records.facts(guest, guest.asked_ns or asked_ns, claim, resync=resync)
        )
        self._definitions.place()
        return told

    def _sleep(self, seconds: float) -> None:
        """Wait, unless woken by :meth:`stop`."""
        poll = select.poll()
        poll.register(self._wake_fd, select.POLLIN)
        deadline = time.monotonic() + seconds
        while not self._stop and (left := deadline - time.monotonic()) > 0:
            poll.poll(left * 1000)
            self._clear_wake()

    def _clear_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)
