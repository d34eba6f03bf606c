"""The subscriber of a pipeline's process, and the commands given to it: what both sides share."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import zmq

TOPIC = b"lifecycle/lifecycle/"
RECEIVE_HIGH_WATER_MARK = 200_000
SILENCE_MS = 3000


def decode(message: bytes) -> dict[str, Any]:
    """A message's payload, JSON or msgpack."""
    payload = message.partition(b"\0")[2]
    decoder = msgspec.json if payload[:1] == b"{" else msgspec.msgpack
    decoded: dict[str, Any] = decoder.decode(payload)
    return decoded


class Pipeline:
    """A running pipeline and one subscriber to it, in this process."""

    def __init__(self, process: "subprocess.Popen[str]", socket: "zmq.Socket[bytes]") -> None:
        self._process = process
        self._socket = socket

    def order(self, *words: object) -> None:
        """Give a command and don't wait."""
        assert self._process.stdin
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """The answer to the oldest command not answered."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the pipeline ended: {self._process.wait()}")
        return json.loads(line)

    def obey(self, *words: object) -> float:
        """Give a command, and return how many seconds it took."""
        self.order(*words)
        return float(self.answer())

    def join(self) -> None:
        """Raise events until the first arrives, then drop what else is under way."""
        for _ in range(100):
            self.obey("storm", 1, 0)
            if self._socket.poll(100):
                break
        while self._socket.poll(200):
            self._socket.recv()

    def latencies(self, count: int, interval: float) -> list[float]:
        """Seconds from callback to here, of events raised ``interval`` seconds apart."""
        self.order("storm", count, interval)
        received: list[tuple[int, bytes]] = []
        self._socket.rcvtimeo = SILENCE_MS
        try:
            for _ in range(count):
                message = self._socket.recv()
                received.append((time.monotonic_ns(), message))
        except zmq.Again:
            missed = count - len(received)
            raise RuntimeError(f"{missed} of {count} events did not arrive") from None
        finally:
            self._socket.rcvtimeo = -1
        self.answer()
        return [(now - decode(message)["monotonic_ns"]) / 1e9 for now, message in received]

    def receive(self, count: int) -> tuple[int, float]:
        """How many of ``count`` arrive, and their rate; waits SILENCE_MS for the last."""
        receive, socket = self._socket.recv, self._socket
        if not socket.poll(SILENCE_MS):
            return 0, 0.0
        began = ended = time.monotonic()
        got = 0
        socket.rcvtimeo = SILENCE_MS
        try:
            while got < count:
                receive()
                got += 1
                if not got % 1000:
                    ended = time.monotonic()
            ended = time.monotonic()
        except zmq.Again:
            pass
        finally:
            socket.rcvtimeo = -1
        return got, got / (ended - began) if ended > began else 0.0

    def flood(self, count: int, *, window: int, chunk: int) -> tuple[int, float]:
        """Feed ``count`` events in as fast as they arrive here: how many did, and their rate.

        Never more than ``window`` are under way, so that what is measured is the pipeline and not
        how soon its buffers overflow.
        """
        began = time.monotonic()
        ordered = answered = got = 0
        while got < count:
            while ordered < count and ordered - got + chunk <= window:
                self.order("inject", chunk, 0)
                ordered += chunk
                answered += 1
            arrived, _ = self.receive(min(chunk, ordered - got))
            got += arrived
            if not arrived:
                break
        rate = got / (time.monotonic() - began)
        for _ in range(answered):
            self.answer()
        return got, rate

    def storm(self, count: int) -> tuple[int, float]:
        """Raise ``count`` events in libvirt as fast as it goes: how many arrive, and their rate."""
        self.order("storm", count, 0)
        got, rate = self.receive(count)
        self.answer()
        return got, rate

    def paced(self, count: int, rate: float) -> tuple[int, float]:
        """Feed ``count`` events in at ``rate`` a second, whether or not they arrive."""
        self.order("inject", count, rate)
        got, arrived = self.receive(count)
        self.answer()
        return got, arrived


@contextmanager
def running(module: str) -> Iterator[Pipeline]:
    """A pipeline's process with its subscriber joined."""
    with tempfile.TemporaryDirectory(prefix="hostmon-bench-") as folder, zmq.Context() as context:
        address = f"ipc://{Path(folder) / 'bus.sock'}"
        process = subprocess.Popen(
            [sys.executable, "-m", f"bench.pipelines.{module}", address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            with context.socket(zmq.SUB) as socket:
                socket.rcvhwm = RECEIVE_HIGH_WATER_MARK
                socket.linger = 0
                socket.subscribe(TOPIC)
                socket.connect(address)
                pipeline = Pipeline(process, socket)
                pipeline.answer()
                pipeline.join()
                yield pipeline
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream
                stream.close()
