"""The notice of a guest's end: the thread that waits for processes, whether libvirtd lives or not.

Owns the thread and the watch; the kernel sampler adds to it whom it found. What an end means is the
dispatcher's to say.
"""

import threading

from hostmon._deaths import DeathWatch
from hostmon._pipe import EventPipe
from hostmon._table import GuestTable


class DeathNotice:
    """Puts a ``process-exit`` event into ``pipe`` when a watched guest's process ends."""

    def __init__(self, pipe: EventPipe, table: GuestTable) -> None:
        self.watch = DeathWatch()
        self._thread = threading.Thread(
            target=self.watch.run, args=(pipe, table), name="death notice", daemon=True
        )

    def start(self) -> None:
        """Begin to wait."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the thread."""
        self.watch.stop()
        self._thread.join(1)
