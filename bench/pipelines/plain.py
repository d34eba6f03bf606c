"""The pipeline in plain Python, as compute drivers have it: ``-m bench.pipelines.plain ADDRESS``.

libvirt-python's callback stamps the event, puts it into a queue and writes one byte into a pipe;
that wakes the publishing thread, which drains the queue, encodes JSON and sends it. The publisher's
high-water mark is hostmon's.
"""

import contextlib
import json
import os
import queue
import sys
import threading
import time
from typing import Any

import libvirt
import zmq

from bench.pipelines.process import URI, serve
from hostmon.publisher import SEND_HIGH_WATER_MARK

TOPIC = b"lifecycle/lifecycle/"
Item = tuple[int, int, str, str, int, int, int]


class Plain:
    """Callbacks in, JSON out."""

    def __init__(self, address: str) -> None:
        self._queue: queue.Queue[Item] = queue.Queue()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._address = address
        self._sequence = 0
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=self._loop, daemon=True).start()
        threading.Thread(target=self._publish, daemon=True).start()
        self._connection = libvirt.openReadOnly(URI)
        self._connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._callback, None
        )
        self._domain = self._connection.listAllDomains()[0]

    def inject(self, count: int) -> None:
        """Call the callback as libvirt-python would."""
        for _ in range(count):
            self._callback(self._connection, self._domain, 3, 0, None)

    def _loop(self) -> None:
        while True:
            libvirt.virEventRunDefaultImpl()

    def _callback(
        self, _connection: Any, domain: libvirt.virDomain, event: int, detail: int, _opaque: Any
    ) -> None:
        stamp, now = time.monotonic_ns(), time.time_ns()
        uuid, name, number = domain.UUIDString(), domain.name(), domain.ID()
        self._queue.put((stamp, now, uuid, name, number, event, detail))
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes, too
            os.write(self._write, b"\0")

    def _publish(self) -> None:
        context = zmq.Context()
        socket = context.socket(zmq.PUB)
        socket.sndhwm = SEND_HIGH_WATER_MARK
        socket.bind(self._address)
        while True:
            os.read(self._read, 4096)
            with contextlib.suppress(queue.Empty):
                while True:
                    socket.send(TOPIC + b"\0" + self._encode(self._queue.get(block=False)))

    def _encode(self, item: Item) -> bytes:
        self._sequence += 1
        monotonic_ns, time_ns, uuid, name, number, event, detail = item
        return json.dumps(
            {
                "kind": "lifecycle", "v": 1, "epoch": 1, "sequence": self._sequence, "host": "host",
                "time_ns": time_ns, "monotonic_ns": monotonic_ns, "origin": "live", "uuid": uuid,
                "name": name, "id": number, "event": event, "detail": detail,
            }
        ).encode()  # fmt: skip


if __name__ == "__main__":
    serve(Plain(sys.argv[1]))
