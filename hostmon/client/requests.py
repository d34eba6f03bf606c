"""Questions to an agent's request socket: their bytes, and asking one to wait for its answer."""

from pathlib import Path
from typing import TypeVar

import msgspec
import zmq

from hostmon.client.endpoint import ClientKeys, Endpoint
from hostmon.errors import AgentUnreachableError, ProtocolError
from hostmon.status import (
    AgentStatus,
    Answer,
    GuestList,
    HealthAnswer,
    Refusal,
    Request,
    SchemaAnswer,
    StatusAnswer,
)
from hostmon.wire import UNDECODABLE

T = TypeVar("T", bound=Answer)

_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
_encoder = msgspec.msgpack.Encoder()

# In messages. libzmq's default of 1,000 loses a burst silently, 0 grows without bound.
RECEIVE_HIGH_WATER_MARK = 100_000
# An agent's host that is gone without a word is noticed by TCP: seconds of silence before the first
# probe and between two, and how many go unanswered. ZMTP's heartbeats must stay off: with them
# libzmq 4.3.5 ends the process of a subscriber whose queue is full (decision 0136).
KEEPALIVE = (3, 1, 3)


def encode_request(request: Request) -> bytes:
    """The message of a question."""
    return _encoder.encode(request)


def decode_answer(message: bytes) -> Answer:
    """The typed answer of a message."""
    try:
        return _decoder.decode(message)
    except UNDECODABLE as error:
        raise ProtocolError(f"answer does not follow the protocol: {error}") from error


def keep_alive(socket: zmq.Socket[bytes]) -> None:
    """Have the kernel end connections of TCP whose other side is gone."""
    socket.tcp_keepalive = 1
    idle, interval, count = KEEPALIVE
    socket.tcp_keepalive_idle, socket.tcp_keepalive_intvl = idle, interval
    socket.tcp_keepalive_cnt = count


def connected(
    context: zmq.Context[zmq.Socket[bytes]],
    kind: int,
    address: str,
    keys: ClientKeys | None = None,
) -> zmq.Socket[bytes]:
    """A socket on its way to an address of an agent."""
    socket = context.socket(kind)
    socket.linger = 0
    keep_alive(socket)
    socket.reconnect_ivl = 50
    socket.reconnect_ivl_max = 1000
    if kind == zmq.SUB:
        socket.rcvhwm = RECEIVE_HIGH_WATER_MARK
    else:
        socket.sndhwm = 16
    if keys is not None and not address.startswith("ipc:"):
        keys.apply(socket)
    socket.connect(address)
    return socket


def ask(address: str | Endpoint, question: str | Request, timeout: float = 2.0) -> Answer:
    """Ask; raises AgentUnreachableError when no answer comes within ``timeout`` seconds."""
    endpoint = address if isinstance(address, Endpoint) else Endpoint("", address)
    address, keys = endpoint.requests, endpoint.keys
    request = Request(ask=question) if isinstance(question, str) else question
    if address.startswith("ipc://") and not Path(address.removeprefix("ipc://")).exists():
        raise AgentUnreachableError(f"{address}: no agent answers there; is `hostmon run` running?")
    with zmq.Context() as context, connected(context, zmq.DEALER, address, keys) as socket:
        socket.send(encode_request(request))
        if not socket.poll(int(timeout * 1000)):
            raise AgentUnreachableError(
                f"{address}: no agent answered within {timeout:g} s; is `hostmon run` running"
                + ("?" if address.startswith("ipc:") else ", and are these keys allowed there?")
            )
        answer = decode_answer(socket.recv())
    if isinstance(answer, Refusal):
        raise ProtocolError(f"{address}: {answer.error}")
    return answer


def asked(address: str | Endpoint, what: str, expected: type[T], timeout: float) -> T:
    """An agent's answer to a question that has one of this type."""
    answer = ask(address, what, timeout)
    if not isinstance(answer, expected):
        raise ProtocolError(f"{address}: answered {type(answer).__name__} to a question for {what}")
    return answer


def status(address: str | Endpoint, timeout: float = 2.0) -> AgentStatus:
    """The agent's state."""
    return asked(address, "status", StatusAnswer, timeout).status


def guests(address: str | Endpoint, timeout: float = 2.0) -> GuestList:
    """The agent's guests, at a stated sequence."""
    return asked(address, "guests", GuestList, timeout)


def health(address: str | Endpoint, timeout: float = 2.0) -> HealthAnswer:
    """Whether the agent is well."""
    return asked(address, "health", HealthAnswer, timeout)


def schema(address: str | Endpoint, timeout: float = 2.0) -> str:
    """JSON Schema of all that travels."""
    return asked(address, "schema", SchemaAnswer, timeout).schema
