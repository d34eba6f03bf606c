"""The request socket: answers questions about the agent, one thread, one ROUTER socket.

A message that does not follow the protocol is refused with the reason, and counted.
"""

import logging
import threading

import msgspec
import zmq

from hostmon.driver import AgentView
from hostmon.publisher import bound
from hostmon.status import Answer, GuestList, Refusal, Request, StatusAnswer

log = logging.getLogger(__name__)

LONGEST_REQUEST = 4096


class RequestServer:
    """Answers on ``address`` out of ``view``, until stopped."""

    def __init__(self, address: str, view: AgentView) -> None:
        self.address = address
        self.refused = 0
        self._view = view
        self._decoder = msgspec.msgpack.Decoder(Request)
        self._encoder = msgspec.msgpack.Encoder()
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="requests", daemon=True)

    def start(self) -> None:
        """Bind and serve; raises what binding raised."""
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End; waits for the thread."""
        self._stop.set()
        self._thread.join(1)

    def _run(self) -> None:
        try:
            with (
                zmq.Context() as context,
                bound(
                    context, zmq.ROUTER, [self.address], longest_message=LONGEST_REQUEST
                ) as socket,
            ):
                self._ready.set()
                while not self._stop.is_set():
                    if socket.poll(100):
                        frames = socket.recv_multipart()
                        answer = self._encoder.encode(self.answer(frames[-1]))
                        socket.send_multipart([*frames[:-1], answer], zmq.DONTWAIT)
        except BaseException as error:  # handed to whoever starts us
            self._error = error
            if self._ready.is_set():
                log.exception("the request socket failed")
        finally:
            self._ready.set()

    def answer(self, payload: bytes) -> Answer:
        """The answer to one question."""
        try:
            request = self._decoder.decode(payload)
        except msgspec.MsgspecError as error:
            self.refused += 1
            return Refusal(error=f"not a request: {error}")
        status = self._view.status()
        if request.ask == "status":
            return StatusAnswer(status=status)
        if request.ask == "guests":
            sequence = next((c.sequence for c in status.classes if c.name == "lifecycle"), 0)
            return GuestList(epoch=status.epoch, sequence=sequence, guests=self._view.guests())
        self.refused += 1
        return Refusal(error=f"no question {request.ask!r}; ask status or guests")
