"""One question to an agent's request socket, one typed answer."""

from pathlib import Path

import msgspec
import zmq

from hostmon.errors import AgentUnreachableError, ProtocolError
from hostmon.status import AgentStatus, Answer, GuestList, Refusal, Request, StatusAnswer

_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
_encoder = msgspec.msgpack.Encoder()


def ask(address: str, question: str, timeout: float = 2.0) -> Answer:
    """Ask; raises AgentUnreachableError when no answer comes within ``timeout`` seconds."""
    if address.startswith("ipc://") and not Path(address.removeprefix("ipc://")).exists():
        raise AgentUnreachableError(f"{address}: no agent answers there; is `hostmon run` running?")
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(address)
        socket.send(_encoder.encode(Request(ask=question)))
        if not socket.poll(int(timeout * 1000)):
            raise AgentUnreachableError(
                f"{address}: no agent answered within {timeout:g} s; is `hostmon run` running?"
            )
        try:
            answer = _decoder.decode(socket.recv())
        except msgspec.MsgspecError as error:
            raise ProtocolError(
                f"{address}: answer does not follow the protocol: {error}"
            ) from error
    if isinstance(answer, Refusal):
        raise ProtocolError(f"{address}: {answer.error}")
    return answer


def status(address: str, timeout: float = 2.0) -> AgentStatus:
    """The agent's state."""
    answer = ask(address, "status", timeout)
    if not isinstance(answer, StatusAnswer):
        raise ProtocolError(f"{address}: answered {type(answer).__name__} to a question for status")
    return answer.status


def guests(address: str, timeout: float = 2.0) -> GuestList:
    """The agent's guests, at a stated sequence."""
    answer = ask(address, "guests", timeout)
    if not isinstance(answer, GuestList):
        raise ProtocolError(f"{address}: answered {type(answer).__name__} to a question for guests")
    return answer
