"""Claims asked of agents: one socket an agent, made when first needed; one question at a time."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec
import zmq

from hostmon.client import Endpoint
from hostmon.client.requests import connected, encode_request, exchange
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

        A claim that nobody answered may have been granted all the same, and so may the second copy
        of one that was put twice and refused: it is released. One that is claimed again is not:
        whoever has no answer asks until there is one.
        """
        answer, times = self._ask(row, Request(ask="claim", claim=wanted))
        if isinstance(answer, ClaimAnswer):
            certain = times == 1 or answer.state == "granted"
        else:
            certain = wanted.again is True
        if not certain:
            with suppress(zmq.Again):
                request = self._numbered(Request(ask="release", claim=ClaimWanted(id=wanted.id)))
                self._socket(row).send(encode_request(request), zmq.DONTWAIT)
        return answer

    def release(self, row: int, name: str) -> ClaimAnswer | str:
        """Give a claim back."""
        return self._ask(row, Request(ask="release", claim=ClaimWanted(id=name)))[0]

    def _socket(self, row: int) -> zmq.Socket[bytes]:
        if row not in self._sockets:
            endpoint = self._endpoints[row]
            self._sockets[row] = connected(
                self._context, zmq.DEALER, endpoint.requests, endpoint.keys
            )
        return self._sockets[row]

    def _numbered(self, request: Request) -> Request:
        self._number += 1
        return msgspec.structs.replace(request, re=self._number)

    def _ask(self, row: int, request: Request) -> tuple[ClaimAnswer | str, int]:
        """The answer, or why there is none; and how often the question was put."""
        try:
            answer, times = exchange(self._socket(row), self._numbered(request), self._timeout)
        except ProtocolError:
            return "another answer", 1
        if answer is None:
            return SILENT, times
        if isinstance(answer, ClaimAnswer):
            return answer, times
        return answer.code if isinstance(answer, Refusal) else "another answer", times
