"""A thread with a connection of its own, which may be left behind when a call hangs.

Owns the connection: opens it in the thread, closes it there. Whoever asks waits with a deadline
and, when that passes, abandons the worker: it ends by itself once its call returns.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from hostmon.errors import HostmonError
from hostmon.hypervisor import Connection

T = TypeVar("T")


class Worker:
    """Runs calls one after another on a connection that ``connect`` opens for the first of them."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._calls: queue.SimpleQueue[tuple[Callable[[Connection], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._run, name="statistics", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread is there still, perhaps in a call that hangs."""
        return self._thread.is_alive()

    def call(self, job: Callable[[Connection], T], deadline: float) -> T:
        """The job's result; TimeoutError at the deadline (seconds), HostmonError if it failed."""
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
        connection = None
        while (entry := self._calls.get()) is not None:
            job, future = entry
            try:
                if connection is None:
                    connection = self._connect()
                future.set_result(job(connection))
            except BaseException as error:
                future.set_exception(error)
        if connection is not None:
            with contextlib.suppress(HostmonError):
                connection.close()
