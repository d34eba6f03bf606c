"""The process around a pipeline: obeys one command a line from standard input, answers each.

``storm COUNT INTERVAL`` raises that many lifecycle events in libvirt's test driver; ``inject
COUNT RATE`` feeds them in behind libvirt, ``RATE`` a second or, with 0, as fast as they are taken;
``busy on`` starts a thread that never gives the interpreter up by itself, ``busy off`` ends it;
``switch S`` sets the interpreter's switch interval. An answer is a line of JSON.
"""

import json
import sys
import threading
import time
from typing import Protocol

import libvirt

URI = "test:///default"


class Pipeline(Protocol):
    """From libvirt's callbacks to a publisher's socket."""

    def inject(self, count: int) -> None:
        """Feed events in where libvirt's callback would, as fast as they are taken."""


CHUNK = 500


def inject(pipeline: Pipeline, count: int, rate: float) -> None:
    """Feed events in on a schedule that does not wait for a slow pipeline."""
    if not rate:
        pipeline.inject(count)
        return
    began = time.monotonic()
    for done in range(0, count, CHUNK):
        if (ahead := began + done / rate - time.monotonic()) > 0:
            time.sleep(ahead)
        pipeline.inject(min(CHUNK, count - done))


def storm(domain: libvirt.virDomain, count: int, interval: float) -> None:
    """Suspend and resume in turn: each raises one lifecycle event."""
    for number in range(count):
        if number % 2:
            domain.resume()
        else:
            domain.suspend()
        if interval:
            time.sleep(interval)
    if count % 2:
        domain.resume()


class Busy:
    """A thread of Python code that is always ready to run."""

    def __init__(self) -> None:
        self._on = False
        self._thread: threading.Thread | None = None

    def set(self, on: str) -> None:
        """Start it, or end it and wait for its end."""
        self._on = on == "on"
        if self._on:
            self._thread = threading.Thread(target=self._spin, daemon=True)
            self._thread.start()
        elif self._thread is not None:
            self._thread.join()

    def _spin(self) -> None:
        number = 0
        while self._on:
            number = (number + 1) % 1000


def serve(pipeline: Pipeline) -> None:
    """Obey until standard input closes."""
    connection = libvirt.open(URI)
    domain = connection.listAllDomains()[0]
    busy = Busy()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        began = time.monotonic()
        if command == "storm":
            storm(domain, int(arguments[0]), float(arguments[1]))
        elif command == "inject":
            inject(pipeline, int(arguments[0]), float(arguments[1]))
        elif command == "busy":
            busy.set(arguments[0])
        elif command == "switch":
            sys.setswitchinterval(float(arguments[0]))
        else:
            raise SystemExit(f"unknown command {command!r}")
        print(json.dumps(time.monotonic() - began), flush=True)
