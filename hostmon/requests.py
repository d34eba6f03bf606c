"""The request socket: one thread, one ROUTER socket; takes questions apart and bounds them.

What it answers is hostmon/answers.py. A message that does not follow the protocol is refused with
the reason, and counted; a peer that asks too often is refused too.
"""

import logging
import math
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec
import zmq

from hostmon.answers import Answers
from hostmon.door import DoorThread
from hostmon.errors import RefusedError
from hostmon.gate import Gate
from hostmon.publisher import Access, BoundSocket
from hostmon.status import Answer, Refusal, Request
from hostmon.wire import UNDECODABLE

log = logging.getLogger(__name__)

LONGEST_REQUEST = 16_384
ANSWERS = 16  # of up to 1 MiB that wait for one peer; what it does not fetch beyond them is dropped
# Questions a peer may put at once, and then each second: a replay of the whole ring takes 100.
BURST = 400.0
RATE = 200.0
PEERS_REMEMBERED = 1024
USER = r"^[^:]*:(\d+):\d+:\d+$"


class Rate:
    """Tells which peers ask too often: a token bucket for each of the latest peers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def allows(self, peer: bytes) -> bool:
        """Whether this peer may ask now; a question that is refused costs it nothing."""
        now = self._clock()
        tokens, before = self._buckets.pop(peer, (BURST, now))
        tokens = min(BURST, tokens + (now - before) * RATE)
        allowed = tokens >= 1
        self._buckets[peer] = (tokens - allowed, now)
        if len(self._buckets) > PEERS_REMEMBERED:
            self._buckets.popitem(last=False)
        return allowed


def owner_of(frame: zmq.Frame, connection: bytes) -> bytes:
    """Who a message is from: by its key, else its user (of ipc) or address, else its connection.

    libzmq tells an ipc peer's address as HOST:UID:GID:PID where the kernel tells it who that is.
    """
    for name in ("User-Id", "Peer-Address"):
        try:
            found = str(frame.get(name))
        except zmq.ZMQError:
            continue
        if found:
            return name.encode() + b" " + re.sub(USER, r"uid \1", found).encode()
    return connection


class RequestServer(DoorThread):
    """Answers on ``addresses`` until stopped; a door of the gate."""

    name = "requests"

    def __init__(
        self, addresses: Sequence[str], answers: Answers, gate: Gate, access: Access
    ) -> None:
        super().__init__("requests")
        self.refused = 0
        self.unfetched = 0
        self._addresses = addresses
        self._answers = answers
        self._context = gate.context
        self._access = access
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._rate = Rate()
        self._decoder = msgspec.msgpack.Decoder(Request)
        self._encoder = msgspec.msgpack.Encoder()
        self._stop = threading.Event()

    def stop(self) -> None:
        """End; waits for the thread."""
        self._stop.set()
        os.eventfd_write(self._wake, 1)
        self._await_end()

    def reopen(self) -> None:
        """End every connection; from any thread."""
        super().reopen()
        os.eventfd_write(self._wake, 1)

    def _open(self) -> BoundSocket:
        return BoundSocket(
            self._context,
            zmq.ROUTER,
            self._addresses,
            access=self._access,
            monitors=self.monitors,
            high_water_mark=ANSWERS,
            longest_message=LONGEST_REQUEST,
        )

    def _serve(self, bound: BoundSocket) -> None:
        while not self._stop.is_set():
            poller = zmq.Poller()
            poller.register(bound.socket, zmq.POLLIN)
            poller.register(self._wake, zmq.POLLIN)
            again = self._answers.look()
            found = dict(poller.poll(None if again is None else math.ceil(again * 1000)))
            if self._wake in found:
                os.eventfd_read(self._wake)
                self._errands.do(bound)
            elif bound.socket in found:
                self._answer_one(bound.socket)

    def _answer_one(self, socket: zmq.Socket[bytes]) -> None:
        """Take one message and answer it.

        The answer is dropped, and counted, where its peer has too many to fetch, or is gone.
        """
        told = socket.recv_multipart(copy=False)
        peer, *frames = [frame.bytes for frame in told]
        payload = frames[-1] if frames else b""
        answer = self._encoder.encode(self.answer(peer, payload, owner_of(told[-1], peer)))
        try:
            socket.send_multipart([peer, *frames[:-1], answer], zmq.DONTWAIT)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            self.unfetched += 1

    def answer(self, peer: bytes, payload: bytes, owner: bytes = b"") -> Answer:
        """The answer to one message of a peer, whose claims are ``owner``'s."""
        request = None
        allowed = self._rate.allows(peer)
        try:
            try:
                request = self._decoder.decode(payload)
            except UNDECODABLE as error:
                raise RefusedError(f"not a request: {error}") from None
            if not allowed:  # said of the question, by its number: who put it waits and asks again
                raise RefusedError(f"more than {RATE:g} questions a second; wait", "rate")
            return self._answers.answer(request, owner)
        except RefusedError as error:
            refusal = error
        except Exception:
            log.exception("a question failed")
            refusal = RefusedError("the agent failed to answer; its log says why", "failed")
        self.refused += 1
        return Refusal(re=request.re if request else 0, error=str(refusal), code=refusal.code)
