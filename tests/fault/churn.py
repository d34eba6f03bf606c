"""Guests that change all the time, by a client that outlives libvirtd."""

import contextlib
import random
import threading
from collections.abc import Sequence
from typing import Self

import libvirt

from hostmon import eventloop
from hostmon.libvirt_errors import silence
from tests.lab.guests import guest_xml
from tests.lab.node import Node

KEEPALIVE = (1, 3)
AGAIN_S = 0.2
JOIN_S = 90.0


def change_one(guest: libvirt.virDomain, *, stop: bool) -> None:
    """One change that the guest's state allows; ``stop``: not a pause."""
    state = guest.state()[0]
    if state == libvirt.VIR_DOMAIN_RUNNING:
        guest.destroy() if stop else guest.suspend()
    elif state == libvirt.VIR_DOMAIN_PAUSED:
        guest.resume()
    else:
        guest.create()


class Churn:
    """Suspends, resumes, stops, starts, defines and undefines; a context manager.

    ``operations`` counts what libvirt did. ``stops``: how often, in a hundred changes, a running
    guest is stopped instead of suspended.
    """

    def __init__(self, node: Node, guests: Sequence[str], seed: int, *, stops: int = 2) -> None:
        self.operations = 0
        self._node = node
        self._guests = list(guests)
        self._stops = stops
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="churn", daemon=True)

    def __enter__(self) -> Self:
        eventloop.start()  # keepalive needs it
        silence()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(JOIN_S)
        assert not self._thread.is_alive(), "libvirt keeps the churn waiting"

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            connection = None
            try:
                connection = libvirt.open(self._node.uri)
                connection.setKeepAlive(*KEEPALIVE)
                while not self._stop.is_set():
                    number += 1
                    self._change(connection, number)
            except libvirt.libvirtError:
                self._stop.wait(AGAIN_S)
            finally:
                if connection is not None:
                    with contextlib.suppress(libvirt.libvirtError):
                        connection.close()

    def _change(self, connection: libvirt.virConnect, number: int) -> None:
        """One change; a guest that refuses it, or is stuck, is passed over."""
        guest = connection.lookupByName(self._random.choice(self._guests))
        state = guest.state()[0]
        inactive = state not in (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED)
        # A start takes 0.3 s: most of an inactive guest's turns are for guests that come and go.
        if self._random.randrange(5) < (4 if inactive else 1):
            xml = guest_xml(self._node, self._node.name(f"brief{number}"))
            connection.defineXML(xml).undefine()
            self.operations += 2
            return
        stop = self._random.randrange(100) < self._stops
        try:
            change_one(guest, stop=stop)
            self.operations += 1
        except libvirt.libvirtError:
            if not connection.isAlive():
                raise
