"""A door of the bus: one thread, one bound socket that never leaves it.

Owns the thread's beginning and end, and what other threads may ask of the socket meanwhile. What is
done with the socket is its subclasses' business.
"""

import logging
import threading
from abc import ABC, abstractmethod

from hostmon.publisher import BoundSocket, Errands, Monitors

log = logging.getLogger(__name__)


class ReadyThread(ABC):
    """A thread whose start waits until it is ready, and raises what kept it from that."""

    def __init__(self, name: str) -> None:
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; raises what getting ready raised."""
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # handed to whoever starts us
            self._error = error
            if self._ready.is_set():
                log.exception("the thread %s failed", self._thread.name)
        finally:
            self._ready.set()

    @abstractmethod
    def _work(self) -> None:
        """Get ready, set ``_ready``, and do what there is to do until stopped."""


class DoorThread(ReadyThread):
    """A thread with a bound socket; ``name`` is what the gate calls it."""

    name: str

    def __init__(self, thread: str) -> None:
        super().__init__(thread)
        self.monitors: Monitors = Monitors()
        self._errands = Errands()
        self._bound: BoundSocket | None = None

    def owns(self, fd: int) -> bool:
        """Whether a descriptor is a connection to this socket."""
        return self._bound is not None and self._bound.owns(fd)

    def reopen(self) -> None:
        """End every connection; from any thread."""
        self._errands.put(BoundSocket.reopen)

    def _await_end(self) -> None:
        """Give the thread a second; one that takes longer leaves no file when the process ends."""
        self._thread.join(1)
        if self.alive and self._bound is not None:
            self._bound.remove_files()

    def _work(self) -> None:
        with self._open() as self._bound:
            self._ready.set()
            self._serve(self._bound)

    @abstractmethod
    def _open(self) -> BoundSocket:
        """The socket, bound; raises what keeps it from being bound."""

    @abstractmethod
    def _serve(self, bound: BoundSocket) -> None:
        """Do what the socket is for, and the errands, until stopped."""
