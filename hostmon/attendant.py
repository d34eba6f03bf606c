"""A thread that works on a connection of its own, and on another whenever that was of no more use.

Owns when to connect, and how long to wait after a failure. If it hangs in a call nobody else does;
there is one thread, whatever happens.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from hostmon.errors import HostmonError
from hostmon.hypervisor import Connection

log = logging.getLogger(__name__)

TICK_S = 1.0
RETRY_S = 15.0
STOP_S = 1.0


class Attendant(ABC):
    """Connects once ``ready`` says so, and looks every TICK_S seconds whether something is due.

    ``purpose`` completes "no connection for".
    """

    def __init__(
        self,
        name: str,
        purpose: str,
        connect: Callable[[], Connection],
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._purpose = purpose
        self._connect = connect
        self._ready = ready
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a thread that hangs in a call is left behind after STOP_S seconds."""
        self._stop.set()
        self._thread.join(STOP_S)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            if not self._ready():
                continue
            try:
                with self._connect() as connection:
                    self._serve(connection)
                continue
            except HostmonError as error:
                log.info("no connection for %s: %s; again in %g s", self._purpose, error, RETRY_S)
            except Exception:
                log.exception("%s failed; it begins anew in %g s", self._thread.name, RETRY_S)
            self._stop.wait(RETRY_S)

    def _serve(self, connection: Connection) -> None:
        """Work on one connection, until the end or as long as it is of use."""
        worn = False
        while not self._stop.is_set() and not worn:
            self.turn(connection, time.monotonic())
            self._stop.wait(TICK_S)
            worn = self.worn(time.monotonic())

    def worn(self, now: float) -> bool:
        """Whether another connection would be of more use; ``now`` is time.monotonic()."""
        del now
        return False

    @abstractmethod
    def turn(self, connection: Connection, now: float) -> None:
        """Whatever is due; raises HostmonError when the connection is of no use."""
