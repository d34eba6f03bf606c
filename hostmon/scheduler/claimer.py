"""Claims asked of agents: one socket an agent, made when first needed.

One question at a time is waited for. On the same socket, so that an agent sees all in their order,
go claims whose answers are fetched later.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import zmq

from hostmon.client import Endpoint
from hostmon.client.requests import connected, decode_answer, encode_request, exchange
from hostmon.errors import ProtocolError
from hostmon.status import Answer, ClaimAnswer, ClaimWanted, Refusal, Request

TIMEOUT = 2.0
# Answers of one agent that came while another was waited for: as many as it may have granted.
KEPT = 1024
# Questions that may wait for one agent: all that it may have granted are claimed again at once.
WAITING = KEPT
SILENT, OTHER = "no answer", "another answer"
# Behind which a claim may be granted, though it was put once.
DOUBTFUL = (SILENT, OTHER, "failed")


class Claimer:
    """Claims at agents by their row; ``timeout`` seconds are waited for an answer."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        context: zmq.Context[zmq.Socket[bytes]],
        timeout: float = TIMEOUT,
    ) -> None:
        self._endpoints = endpoints
        self._context = context
        self._timeout = timeout
        self._sockets: dict[int, zmq.Socket[bytes]] = {}
        self._others: dict[int, deque[Answer]] = {}
        self._number = 0

    def close(self) -> None:
        """Close every socket."""
        for socket in self._sockets.values():
            socket.close(0)
        self._sockets.clear()

    def claim(self, row: int, wanted: ClaimWanted) -> tuple[ClaimAnswer | str, bool]:
        """Claim: the agent's answer, or why there is none, in a word or two; and whether in doubt.

        In doubt it may be granted all the same, and is to be released: one that nobody answered,
        and one that was put twice, whose second copy is answered anew if the first was refused.
        """
        answer, times = self._ask(row, "claim", wanted)
        if isinstance(answer, ClaimAnswer):
            return answer, times > 1 and answer.state != "granted"
        return answer, times > 1 or answer in DOUBTFUL

    def put(self, row: int, number: int, ask: str, wanted: ClaimWanted) -> bool:
        """Claim or release, and wait for nothing: `answers` has the answer; whether it was put."""
        message = encode_request(Request(ask=ask, claim=wanted, re=number))
        try:
            self._socket(row).send(message, zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def answers(self, row: int) -> list[tuple[int, ClaimAnswer | str]]:
        """What was answered meanwhile, by the numbers of the questions, whichever they were."""
        found = [*self._others.pop(row, ())]
        with suppress(zmq.Again):
            while True:
                with suppress(ProtocolError):
                    found.append(decode_answer(self._socket(row).recv(zmq.DONTWAIT)))
        return [(answer.re, said(answer)) for answer in found]

    def number(self) -> int:
        """For a question."""
        self._number += 1
        return self._number

    def release(self, row: int, name: str) -> ClaimAnswer | str:
        """Give a claim back."""
        return self._ask(row, "release", ClaimWanted(id=name))[0]

    def _socket(self, row: int) -> zmq.Socket[bytes]:
        if row not in self._sockets:
            endpoint = self._endpoints[row]
            self._sockets[row] = connected(
                self._context, zmq.DEALER, endpoint.requests, endpoint.keys, waiting=WAITING
            )
        return self._sockets[row]

    def _ask(self, row: int, ask: str, wanted: ClaimWanted) -> tuple[ClaimAnswer | str, int]:
        """The answer, or why there is none; and how often the question was put."""
        request = Request(ask=ask, claim=wanted, re=self.number())
        others = self._others.setdefault(row, deque(maxlen=KEPT))
        try:
            answer, times = exchange(self._socket(row), request, self._timeout, others.append)
        except ProtocolError:
            return OTHER, 1
        return SILENT if answer is None else said(answer), times


def said(answer: Answer) -> ClaimAnswer | str:
    """How a claim stands, or in a word or two why that is not told."""
    if isinstance(answer, ClaimAnswer):
        return answer
    return answer.code if isinstance(answer, Refusal) else OTHER
