"""The process that a bench of drivers watches: a bus, its drivers, and events at a steady rate.

Reads a plan, one JSON object, from stdin; says ``ready``, raises the events once told ``go``, and
answers with what the drivers did. The bench itself subscribes from outside.
"""

import json
import os
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import zmq

from hostmon._dispatcher import Dispatcher
from hostmon._pipe import EventPipe, record
from hostmon._table import GuestTable
from hostmon.publisher import SEND_HIGH_WATER_MARK, zmq_library
from hostmon.settings import AgentSettings, BusSettings, Settings
from hostmon.supervisor import Supervisor
from hostmon.testing.view import FixedView

DRAIN = 20.0
SAMPLE_EVERY = 0.005
_TICKS = os.sysconf("SC_CLK_TCK")


class Bus:
    """A dispatcher on one address, and what puts events in."""

    def __init__(self, address: str) -> None:
        self.pipe = EventPipe()
        self.dispatcher = Dispatcher(
            self.pipe, GuestTable(), time.time_ns(), "bench", zmq_library()
        )
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(address,), daemon=True)
        self._thread.start()
        self._ready.wait()

    def _run(self, address: str) -> None:
        with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
            socket.linger, socket.sndhwm = 0, SEND_HIGH_WATER_MARK
            socket.bind(address)
            self._ready.set()
            self.dispatcher.run(socket.underlying)

    def raise_events(self, count: int, rate: float) -> None:
        """``count`` lifecycle events, ``rate`` a second."""
        key = uuid.uuid4().bytes
        began = time.monotonic()
        for number in range(count):
            due = began + number / rate
            while (left := due - time.monotonic()) > 0:
                time.sleep(left)
            self.pipe.put(record(0, uuid=key, name=b"guest", event=2, detail=0, id=1))

    def stop(self) -> None:
        """End."""
        self.dispatcher.stop()
        self._thread.join(2)


class Lags:
    """Samples how old the newest event was when a driver was given it."""

    def __init__(self, supervisor: Supervisor, name: str) -> None:
        self.values: list[float] = []
        self._supervisor = supervisor
        self._name = name
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        handled = 0
        while not self._end.wait(SAMPLE_EVERY):
            for status in self._supervisor.status():
                if status.name == self._name and status.handled > handled:
                    handled = status.handled
                    self.values.append(status.lag)

    def stop(self) -> list[float]:
        """What was sampled."""
        self._end.set()
        self._thread.join()
        return self.values


def processor_time(supervisor: Supervisor) -> float:
    """Seconds of this process and of its drivers' processes."""
    total = time.process_time()
    for status in supervisor.status():
        if status.pid:
            fields = Path(f"/proc/{status.pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / _TICKS
    return total


def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Carry the plan out."""
    bus = Bus(plan["address"])
    settings = Settings(
        agent=AgentSettings(drivers=tuple(plan["drivers"])),
        bus=BusSettings(events=(plan["address"],), requests=plan["address"] + ".none"),
        drivers=plan["sections"],
    )
    supervisor = Supervisor(settings, "bench", FixedView())
    supervisor.start()
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    lags = Lags(supervisor, plan["sampled"]) if plan.get("sampled") else None
    before = processor_time(supervisor) if lags is None else 0.0
    bus.raise_events(plan["count"], plan["rate"])
    deadline = time.monotonic() + DRAIN
    while time.monotonic() < deadline and any(
        status.handled < plan["count"]
        for status in supervisor.status()
        if status.name in plan["complete"]
    ):
        time.sleep(0.05)
    spent = processor_time(supervisor) - before if lags is None else 0.0
    states = {status.name: [status.state, status.detail] for status in supervisor.status()}
    handled = {status.name: status.handled for status in supervisor.status()}
    sampled = lags.stop() if lags is not None else []
    supervisor.stop()
    bus.stop()
    return {"cpu": spent, "states": states, "handled": handled, "lags": sampled}


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.stdin.readline()))), flush=True)
    os._exit(0)
