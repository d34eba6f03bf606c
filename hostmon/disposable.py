"""A thread with a libvirt connection of its own, which may be left behind when a call hangs.

Owns the connection: opens it in the thread, closes it there. Whoever asks waits with a deadline
and, when that passes, abandons the worker: it ends by itself once its call returns.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import libvirt

from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.errors import LibvirtError

log = logging.getLogger(__name__)
T = TypeVar("T")

KEEPALIVE = (5, 3)
"""Seconds between probes, and how many may stay unanswered."""


class Worker:
    """Runs calls one after another on its own read-only connection to ``uri``."""

    def __init__(self, uri: str, table: GuestTable, *, kernel: bool) -> None:
        self._uri = uri
        self._table = table
        self._kernel = kernel
        self._calls: queue.SimpleQueue[tuple[Callable[[Stats], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._run, name="libvirt sampler", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread is there still, perhaps in a call that hangs."""
        return self._thread.is_alive()

    def call(self, job: Callable[[Stats], T], deadline: float) -> T:
        """The job's result; TimeoutError at the deadline (seconds), LibvirtError if it failed."""
        future: Future[T] = Future()
        self._calls.put((job, future))
        return future.result(deadline)

    def abandon(self) -> None:
        """Take no more calls; the thread closes its connection and ends when it can."""
        self._calls.put(None)

    def join(self, timeout: float) -> bool:
        """Whether it ended within so many seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        stats = connection = None
        while (entry := self._calls.get()) is not None:
            job, future = entry
            try:
                if stats is None:
                    connection = libvirt.openReadOnly(self._uri)
                    # Without an event loop in the process there is no keepalive: a deadline it is.
                    with contextlib.suppress(libvirt.libvirtError):
                        connection.setKeepAlive(*KEEPALIVE)
                    stats = Stats(self._table, connection, kernel=self._kernel)
                future.set_result(job(stats))
            except libvirt.libvirtError as error:
                future.set_exception(LibvirtError(str(error), error.get_error_code() or 0))
            except BaseException as error:
                future.set_exception(error)
        if stats is not None:
            stats.close()
        if connection is not None:
            with contextlib.suppress(libvirt.libvirtError):
                connection.close()
