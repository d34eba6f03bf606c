"""Latency and throughput of the bus with 1, 10 and 100 subscribers, beside raw ZeroMQ.

Ours: from the record's writing into the pipe, through dispatcher and publisher. The peer: a PUB
socket that sends messages of the same size at once. Over ipc; the subscribers, the same for both,
read in one Python process of their own. On a machine of two processors about one event in 150 comes
with the next one only, 2 ms later, ours and the peer's alike: fewer events a round than these, and
a p99 is a matter of chance.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import zmq

from bench.front import Options, Result, compare, percentile, take_turns
from bench.pipelines.subscriber import TOPIC
from hostmon._dispatcher import Dispatcher
from hostmon._pipe import EventPipe, record
from hostmon._table import GuestTable
from hostmon.publisher import SEND_HIGH_WATER_MARK, Access, BoundSocket, zmq_library

METRICS = ("p50_1", "p50_10", "p50_100", "throughput")
GUESTS = None
ROUNDS = 5
EVENTS, INTERVAL_S = 1000, 0.002
FLOOD = 50_000
SIZE = 333  # bytes of a lifecycle event, topic included
PEER = "raw-zeromq"


class Crowd:
    """Subscribers of one address, in their process."""

    def __init__(self, address: str, count: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.pipelines.crowd", address, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()

    def order(self, *words: object) -> None:
        """Have something read."""
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)

    def answer(self) -> Any:
        """What came of the oldest order."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate()


class Sender:
    """One way to publish: ``send`` publishes an event now."""

    def __init__(self, address: str, send: Callable[[], None], count: int) -> None:
        self.send = send
        self.crowd = Crowd(address, count)
        self._join()

    def _join(self) -> None:
        """Until every subscriber has had something, and nothing is under way."""
        while True:
            self.crowd.order("flood", 1)
            for _ in range(20):
                self.send()
                time.sleep(0.01)
            if min(self.crowd.answer()[0]):
                break
        while True:
            self.crowd.order("flood", 1)
            if not max(self.crowd.answer()[0]):
                return

    def latency(self) -> list[float]:
        """Seconds, of events some time apart."""
        self.crowd.order("latency", EVENTS)
        for _ in range(EVENTS):
            time.sleep(INTERVAL_S)
            self.send()
        values: list[float] = self.crowd.answer()
        return values

    def flood(self) -> float:
        """Events a second that arrive, of as many as are sent at once."""
        self.crowd.order("flood", FLOOD)
        for _ in range(FLOOD):
            self.send()
        had, seconds = self.crowd.answer()
        assert min(had) == FLOOD, f"{FLOOD - min(had)} of {FLOOD} events were lost"
        return FLOOD / float(seconds)


@contextmanager
def ours(folder: Path, count: int) -> Iterator[Sender]:
    """Pipe, dispatcher, publisher."""
    pipe, ready = EventPipe(), threading.Event()
    dispatcher = Dispatcher(pipe, GuestTable(), 1, "bench", zmq_library(), 3600 * 10**9)
    address, key = f"ipc://{folder}/ours", uuid.uuid4().bytes

    def dispatch() -> None:
        with (
            zmq.Context() as context,
            BoundSocket(context, zmq.XPUB, [address], access=Access()) as bus,
        ):
            ready.set()
            dispatcher.run(bus.socket.underlying)

    thread = threading.Thread(target=dispatch)
    thread.start()
    ready.wait()
    sender = Sender(address, lambda: put(pipe, key), count)
    try:
        yield sender
    finally:
        sender.crowd.close()
        dispatcher.stop()
        thread.join()


def put(pipe: EventPipe, key: bytes) -> None:
    """One event, as a callback would."""
    pipe.put(record(0, uuid=key, name=b"instance-00000001", event=4, detail=0, id=1))


@contextmanager
def raw(folder: Path, count: int) -> Iterator[Sender]:
    """A PUB socket."""
    address = f"ipc://{folder}/raw"
    encode = msgspec.msgpack.Encoder().encode

    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.linger, socket.sndhwm = 0, SEND_HIGH_WATER_MARK
        socket.bind(address)
        head = TOPIC + b"0" * 36 + b"\0"

        def message(padding: bytes) -> bytes:
            return head + encode({"monotonic_ns": time.monotonic_ns(), "padding": padding})

        padding = b"x" * (SIZE - len(message(b"")))

        def send() -> None:
            socket.send(message(padding))

        sender = Sender(address, send, count)
        try:
            yield sender
        finally:
            sender.crowd.close()


def run(_: Options) -> list[Result]:
    """Both, turn by turn, for each number of subscribers."""
    results = []
    for count in (1, 10, 100):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            own = stack.enter_context(ours(Path(folder), count))
            theirs = stack.enter_context(raw(Path(folder), count))
            measured = take_turns({"ours": own.latency, PEER: theirs.latency}, ROUNDS)
            for percent in (50, 99):
                figures = {
                    name: [percentile(values, percent) for values in rounds]
                    for name, rounds in measured.items()
                }
                results.append(
                    compare(f"p{percent}_{count}", "s", figures["ours"], PEER, figures[PEER])
                )
            if count == 1:
                rates = take_turns({"ours": own.flood, PEER: theirs.flood}, ROUNDS)
                results.append(
                    compare(
                        "throughput", "events/s", rates["ours"], PEER, rates[PEER],
                        more_is_better=True,
                    )
                )  # fmt: skip
    return results
