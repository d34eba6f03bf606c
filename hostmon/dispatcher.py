"""The dispatcher's thread: makes the publisher's socket and lends itself to the compiled loop.

The thread holds no GIL while it runs; everything it does is in ext/dispatcher.pyx.
"""

import logging
import threading

import zmq

from hostmon._dispatcher import Dispatcher
from hostmon.publisher import bound
from hostmon.settings import BusSettings

log = logging.getLogger(__name__)


class DispatcherThread:
    """Runs one :class:`Dispatcher` on the addresses of the configuration."""

    def __init__(self, dispatcher: Dispatcher, settings: BusSettings) -> None:
        self._dispatcher = dispatcher
        self._settings = settings
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

    def _run(self) -> None:
        try:
            with (
                zmq.Context() as context,
                bound(
                    context,
                    zmq.XPUB,
                    self._settings.events_addresses,
                    high_water_mark=self._settings.high_water_mark,
                ) as socket,
            ):
                self._ready.set()
                self._dispatcher.run(socket.underlying)
        except BaseException as error:  # handed to whoever starts us
            self._error = error
            if self._ready.is_set():
                log.exception("the dispatcher failed")
        finally:
            self._ready.set()
