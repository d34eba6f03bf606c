"""The one question to an agent that may be open: put again until it is answered.

Owns the socket of questions. What an answer means is the link's business.
"""

import time
from contextlib import suppress

import msgspec
import zmq

from hostmon.client.requests import encode_request
from hostmon.status import Request

ANSWER_TIMEOUT = 2.0
NEVER = float("inf")
TRIES = 3  # without an answer, or with one that is of no use
UNASKED_S = 30.0  # for which nobody asks who left so many unanswered


class Asking:
    """``socket`` None: there is nobody to ask. ``deadline`` is by the monotonic clock."""

    def __init__(self, socket: zmq.Socket[bytes] | None) -> None:
        self.socket = socket
        self.open: Request | None = None
        self.number = 0  # of the question
        self.sent = 0
        self.deadline = NEVER
        self._unanswered = 0
        self._unasked_until = 0.0

    def close(self) -> None:
        """Ask no more."""
        if self.socket is not None:
            self.socket.close(0)

    @property
    def possible(self) -> bool:
        """Whether there is somebody who answers, as far as is known."""
        return self.socket is not None and time.monotonic() >= self._unasked_until

    def put(self, request: Request) -> None:
        """Ask, instead of what was asked before."""
        self.put_at(request, 0.0)
        self.repeat()

    def repeat(self) -> None:
        """Put the open question, as often as need be: its first answer counts, however late."""
        assert self.socket is not None
        assert self.open is not None
        self.sent += 1
        self.deadline = time.monotonic() + ANSWER_TIMEOUT
        request = msgspec.structs.replace(self.open, re=self.number)
        with suppress(zmq.Again):  # the agent is away; asked again at the deadline
            self.socket.send(encode_request(request), zmq.DONTWAIT)

    def put_at(self, request: Request, at: float) -> None:
        """Ask later; until then nothing is an answer."""
        self.number += 1
        self.open = request
        self.deadline = at

    def again_in(self, seconds: float | None = None) -> None:
        """Put the same question again, but not before; None: as if it were unanswered."""
        self.deadline = time.monotonic() + (ANSWER_TIMEOUT if seconds is None else seconds)

    def end(self) -> None:
        """There is nothing to ask."""
        self.open = None
        self.deadline = NEVER

    def heard(self) -> None:
        """There is somebody who answers."""
        self._unanswered = 0

    def anew(self) -> None:
        """Whoever was asked before is no more."""
        self._unanswered, self._unasked_until = 0, 0.0

    def overdue(self) -> bool:
        """Whether it is time to repeat the question."""
        due = self.open is not None and time.monotonic() >= self.deadline
        self._unanswered += due
        return due

    @property
    def in_vain(self) -> bool:
        """Whether it was put TRIES times, and nothing came."""
        return self._unanswered >= TRIES

    def give_up(self) -> None:
        """Ask nothing for a while."""
        self.end()
        self._unanswered = 0
        self._unasked_until = time.monotonic() + UNASKED_S
