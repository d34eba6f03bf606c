"""Puts the journal on disk in batches: one fdatasync for all that was appended since the last."""

import logging
import threading
import time

from hostmon_drivers.journal.files import JournalFiles

log = logging.getLogger("hostmon.drivers.journal")

PRUNE_EVERY = 600.0


class Syncer:
    """A thread that syncs ``files`` at most every ``interval`` seconds, holding ``lock``."""

    def __init__(self, files: JournalFiles, lock: threading.Lock, interval: float) -> None:
        self._files = files
        self._lock = lock
        self._interval = interval
        self._dirty = threading.Event()
        self._end = threading.Event()
        self.error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def touch(self) -> None:
        """There is something to put on disk."""
        self._dirty.set()

    def stop(self) -> None:
        """End after a last sync."""
        self._end.set()
        self._dirty.set()
        if self._thread.ident is not None:
            self._thread.join(1)

    def _run(self) -> None:
        pruned = time.monotonic()
        while not self._end.is_set():
            self._dirty.wait(PRUNE_EVERY)
            self._end.wait(self._interval)
            self._dirty.clear()
            try:
                with self._lock:
                    self._files.sync()
                    if time.monotonic() - pruned > PRUNE_EVERY:
                        self._files.prune()
                        pruned = time.monotonic()
            except OSError as error:
                self.error = error
                log.error("the journal can't be put on disk: %s", error.strerror)
            else:
                self.error = None
