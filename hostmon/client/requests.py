"""Questions to an agent's request socket: their bytes, and asking one to wait for its answer."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
import zmq

from hostmon.client.endpoint import ClientKeys, Endpoint
from hostmon.errors import AgentUnreachableError, ArgumentError, ProtocolError
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
QUESTIONS_WAITING = 16  # for an agent that is away, of whoever asks one after the other
# An agent's host that is gone without a word is noticed by TCP: seconds of silence before the first
# probe and between two, and how many go unanswered. ZMTP's heartbeats must stay off: with them
# libzmq 4.3.5 ends the process of a subscriber whose queue is full (decision 0136).
KEEPALIVE = (3, 1, 3)
# Seconds after which a question is put again: one that was under way when its connection ended, as
# all do when the agent opens its sockets anew, is lost.
AGAIN_S = 0.5


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
    *,
    waiting: int = QUESTIONS_WAITING,
) -> zmq.Socket[bytes]:
    """A socket on its way to an address of an agent; so many questions may wait for it.

    Raises ArgumentError for what is no address.
    """
    socket = context.socket(kind)
    socket.linger = 0
    keep_alive(socket)
    socket.reconnect_ivl = 50
    socket.reconnect_ivl_max = 1000
    if kind == zmq.SUB:
        socket.rcvhwm = RECEIVE_HIGH_WATER_MARK
    else:
        socket.sndhwm = waiting
    if keys is not None and not address.startswith("ipc:"):
        keys.apply(socket)
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        socket.close(0)
        if error.errno != zmq.EINVAL:
            raise
        raise ArgumentError(
            f"{address!r}: no address; give ipc:///PATH or tcp://HOST:PORT"
        ) from None
    return socket


def exchange(
    socket: zmq.Socket[bytes],
    request: Request,
    timeout: float,
    others: Callable[[Answer], object] = lambda _: None,
) -> tuple[Answer | None, int]:
    """Put a question until it is answered; the answer, None for none in time, and how often.

    ``others`` are told the answers to questions that were put or given up before. The agent may see
    a question more than once: whatever it can be asked gives the same again, a claim by its id
    (docs/wire.md). Raises ProtocolError for an answer that is none.
    """
    message = encode_request(request)
    end, times = time.monotonic() + timeout, 0
    while (left := end - time.monotonic()) > 0:
        times += 1
        with suppress(zmq.Again):  # as many wait already as may: the agent is away
            socket.send(message, zmq.DONTWAIT)
        again = time.monotonic() + min(left, AGAIN_S)
        while (left := again - time.monotonic()) > 0:
            if socket.poll(max(1, int(left * 1000))):
                answer = decode_answer(socket.recv(zmq.DONTWAIT))
                if answer.re in (request.re, 0):
                    return answer, times
                others(answer)
    return None, times


def ask(address: str | Endpoint, question: str | Request, timeout: float = 2.0) -> Answer:
    """Ask, again and again where need be, until ``timeout`` seconds are over.

    Raises AgentUnreachableError when no answer came by then, ProtocolError for a refusal.
    """
    endpoint = address if isinstance(address, Endpoint) else Endpoint("", address)
    address, keys = endpoint.requests, endpoint.keys
    request = Request(ask=question) if isinstance(question, str) else question
    await_file(address, min(timeout, AGAIN_S))
    with zmq.Context() as context, connected(context, zmq.DEALER, address, keys) as socket:
        answer, _ = exchange(socket, request, timeout)
    if answer is None:
        raise AgentUnreachableError(
            f"{address}: no agent answered within {timeout:g} s; is `hostmon run` running"
            + ("?" if address.startswith("ipc:") else ", and are these keys allowed there?")
        )
    if isinstance(answer, Refusal):
        raise ProtocolError(f"{address}: {answer.error}")
    return answer


def await_file(address: str, timeout: float) -> None:
    """Wait for the file of an ipc address, which is gone for a moment while it is opened anew."""
    if not address.startswith("ipc://"):
        return
    path = Path(address.removeprefix("ipc://"))
    end = time.monotonic() + timeout
    while not path.exists():
        if time.monotonic() > end:
            raise AgentUnreachableError(
                f"{address}: no agent answers there; is `hostmon run` running?"
            )
        time.sleep(0.02)


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
