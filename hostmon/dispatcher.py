"""The dispatcher's thread: makes the publisher's socket and lends itself to the compiled loop.

The thread holds no GIL while it runs; everything it does is in ext/dispatcher.pyx.
"""

import zmq

from hostmon._dispatcher import Dispatcher
from hostmon.door import DoorThread
from hostmon.gate import Gate
from hostmon.publisher import Access, BoundSocket
from hostmon.settings import BusSettings

# A topic has 90 bytes at most; a subscription is a beginning of one.
LONGEST_SUBSCRIPTION = 1024


class DispatcherThread(DoorThread):
    """Runs one :class:`Dispatcher` on the addresses of the configuration; a door of the gate."""

    name = "events"

    def __init__(
        self, dispatcher: Dispatcher, settings: BusSettings, gate: Gate, access: Access
    ) -> None:
        super().__init__("dispatcher")
        self._dispatcher = dispatcher
        self._settings = settings
        self._context = gate.context
        self._access = access

    def stop(self) -> None:
        """Publish what is in the pipe, then end."""
        self._dispatcher.stop()
        self._await_end()

    def reopen(self) -> None:
        """End every connection; from any thread. What is published meanwhile is replayed."""
        super().reopen()
        self._dispatcher.interrupt()

    def _open(self) -> BoundSocket:
        return BoundSocket(
            self._context,
            zmq.XPUB,
            self._settings.events_addresses,
            access=self._access,
            monitors=self.monitors,
            high_water_mark=self._settings.high_water_mark,
            longest_message=LONGEST_SUBSCRIPTION,
        )

    def _serve(self, bound: BoundSocket) -> None:
        while not self._dispatcher.run(bound.socket.underlying):
            self._errands.do(bound)
