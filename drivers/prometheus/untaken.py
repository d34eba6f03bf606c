"""Answers that were not taken at once: how long each may wait, and how much all of them may be.

One for all connections of a server, bare sockets and uvicorn's alike: what waits for any of them is
memory of this process. Must not read or write.
"""

import asyncio
from typing import Protocol

TAKEN_DUE = 5.0
"""Seconds within which a client takes something of what waits for it."""
WHOLE_DUE = 60.0
"""Seconds within which it takes all of an answer: it is memory of ours until then."""
MOST_WAITING = 64 << 20
"""Bytes of pages that wait in all connections together; the newest two may, whatever they are."""


class Taker(Protocol):
    """A connection for which something may wait."""

    def left(self) -> int:
        """Bytes that it has yet to take."""

    def held(self) -> tuple[int, int]:
        """What is kept for it, as a number that is equal for all who share it, and its bytes."""

    def abort(self) -> None:
        """End it at once, whatever is left."""


class Untaken:
    """Watches takers, and ends those that are too slow, or wait longest while too much waits.

    For one event loop.
    """

    def __init__(self) -> None:
        # When all of it is due, whoever began first first; and when it is looked at again.
        self._whole_due: dict[Taker, float] = {}
        self._looks: dict[Taker, asyncio.TimerHandle] = {}

    def begin(self, taker: Taker) -> None:
        """An answer was written to it; watch it from now on, until nothing is left."""
        self.forget(taker)
        left = taker.left()
        if not left:
            return
        loop = asyncio.get_running_loop()
        self._whole_due[taker] = loop.time() + WHOLE_DUE
        self._looks[taker] = loop.call_later(TAKEN_DUE, self._look, loop, taker, left)
        self._bound()

    def forget(self, taker: Taker) -> None:
        """It has ended, or has taken all."""
        if self._whole_due.pop(taker, None) is not None:
            self._looks.pop(taker).cancel()

    def _look(self, loop: asyncio.AbstractEventLoop, taker: Taker, before: int) -> None:
        """Whether it has taken anything of what it had ``before``."""
        left = taker.left()
        if not left:
            self.forget(taker)
        elif left >= before or loop.time() >= self._whole_due[taker]:
            self._end(taker)
        else:
            self._looks[taker] = loop.call_later(TAKEN_DUE, self._look, loop, taker, left)

    def _bound(self) -> None:
        """End those that have waited longest while more waits than may."""
        for taker in list(self._whole_due)[:-2]:
            if sum(dict(each.held() for each in self._whole_due).values()) <= MOST_WAITING:
                break
            if taker.left():
                self._end(taker)

    def _end(self, taker: Taker) -> None:
        self.forget(taker)
        taker.abort()
