"""Claims asked of agents: one socket an agent, made when first needed; one question at a time."""

import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import zmq

from hostmon.client import Endpoint
from hostmon.client.requests import connected, decode_answer, encode_request
from hostmon.errors import ProtocolError
from hostmon.status import ClaimAnswer, ClaimWanted, Refusal, Request

TIMEOUT = 2.0
SILENT = "no answer"


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
        self._number = 0

    def close(self) -> None:
        """Close every socket."""
        for socket in self._sockets.values():
            socket.close(0)
        self._sockets.clear()

    def claim(self, row: int, wanted: ClaimWanted) -> ClaimAnswer | str:
        """Claim: the agent's answer, or why there is none, in a word or two.

        A claim that nobody answered may have been granted all the same: it is released.
        """
        answer = self._ask(row, Request(ask="claim", claim=wanted))
        if answer == SILENT:
            self._tell(row, Request(ask="release", claim=ClaimWanted(id=wanted.id)))
        return answer

    def release(self, row: int, name: str) -> ClaimAnswer | str:
        """Give a claim back."""
        return self._ask(row, Request(ask="release", claim=ClaimWanted(id=name)))

    def _socket(self, row: int) -> zmq.Socket[bytes]:
        if row not in self._sockets:
            endpoint = self._endpoints[row]
            self._sockets[row] = connected(
                self._context, zmq.DEALER, endpoint.requests, endpoint.keys
            )
        return self._sockets[row]

    def _tell(self, row: int, request: Request) -> int:
        """Send a question and its number; dropped if the agent is away."""
        self._number += 1
        numbered = msgspec.structs.replace(request, re=self._number)
        with suppress(zmq.Again):
            self._socket(row).send(encode_request(numbered), zmq.DONTWAIT)
        return self._number

    def _ask(self, row: int, request: Request) -> ClaimAnswer | str:
        number = self._tell(row, request)
        socket = self._socket(row)
        end = time.monotonic() + self._timeout
        while (left := end - time.monotonic()) > 0:
            if not socket.poll(max(1, int(left * 1000))):
                break
            try:
                answer = decode_answer(socket.recv(zmq.DONTWAIT))
            except (zmq.Again, ProtocolError):
                continue
            if answer.re != number:
                continue  # of a question that was given up
            if isinstance(answer, ClaimAnswer):
                return answer
            return answer.code if isinstance(answer, Refusal) else "another answer"
        return SILENT
