"""The dispatcher's thread: makes the publisher's socket and lends itself to the compiled loop.

The thread holds no GIL while it runs; everything it does is in ext/dispatcher.pyx.
"""

import logging
import threading

import zmq

from hostmon._dispatcher import Dispatcher
from hostmon.gate import Gate
from hostmon.publisher import Access, BoundSocket, Errands, Monitors
from hostmon.settings import BusSettings

log = logging.getLogger(__name__)

# A topic has 90 bytes at most; a subscription is a beginning of one.
LONGEST_SUBSCRIPTION = 1024


class DispatcherThread:
    """Runs one :class:`Dispatcher` on the addresses of the configuration; a door of the gate."""

    name = "events"

    def __init__(
        self, dispatcher: Dispatcher, settings: BusSettings, gate: Gate, access: Access
    ) -> None:
        self._dispatcher = dispatcher
        self._settings = settings
        self._context = gate.context
        self._access = access
        self._bus: BoundSocket | None = None
        self.monitors: Monitors = Monitors()
        self._errands = Errands()
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Bind and dispatch; raises what binding raised."""
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Publish what is in the pipe, then end."""
        self._dispatcher.stop()
        self._thread.join(1)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def owns(self, fd: int) -> bool:
        """Whether a descriptor is a connection to this socket."""
        return self._bus is not None and self._bus.owns(fd)

    def reopen(self) -> None:
        """End every connection; from any thread. What is published meanwhile is replayed."""
        self._errands.put(BoundSocket.reopen)
        self._dispatcher.interrupt()

    def _run(self) -> None:
        try:
            with BoundSocket(
                self._context,
                zmq.XPUB,
                self._settings.events_addresses,
                access=self._access,
                monitors=self.monitors,
                high_water_mark=self._settings.high_water_mark,
                longest_message=LONGEST_SUBSCRIPTION,
            ) as self._bus:
                self._ready.set()
                while not self._dispatcher.run(self._bus.socket.underlying):
                    self._errands.do(self._bus)
        except BaseException as error:  # handed to whoever starts us
            self._error = error
            if self._ready.is_set():
                log.exception("the dispatcher failed")
        finally:
            self._ready.set()
