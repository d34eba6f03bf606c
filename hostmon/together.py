"""Parts of the agent that any moment may hang in a call to the hypervisor: stopped all at once.

Each gives up waiting for its own thread after a second at most; one after another they would take
longer than a service manager waits.
"""

import threading
from contextlib import ExitStack
from typing import Protocol


class Part(Protocol):
    """What starts and stops."""

    def start(self) -> None:
        """Begin; raises what keeps it from beginning."""

    def stop(self) -> None:
        """End, within a bounded time."""


class Watched(Part, Protocol):
    """A part with a thread of its own, which runs from its start to its stop."""

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""


class Together:
    """Several parts as one; those that are None are not there."""

    def __init__(self, *parts: Part | None) -> None:
        self._parts = [part for part in parts if part is not None]

    def start(self) -> None:
        """Start them in order; if one can't, those before it are stopped and its error raised."""
        with ExitStack() as started:
            for part in self._parts:
                started.callback(part.stop)
                part.start()
            started.pop_all()

    def stop(self) -> None:
        """Stop them at the same time, in as long as the slowest takes."""
        threads = [threading.Thread(target=part.stop, daemon=True) for part in self._parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
