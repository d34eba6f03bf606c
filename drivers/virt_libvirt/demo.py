"""The demo: 20 guests of libvirt's in-process test driver, living a life of their own.

Owns the one read-write connection the agent ever opens, to ``test:///default`` alone: the test
driver lives within this process and holds nothing real.
"""

import contextlib
import random
import threading
import uuid

import libvirt

from hostmon import eventloop
from hostmon.libvirt_errors import silence
from hostmon.settings import DEMO_URI

GUESTS = 20
PAUSE = 0.25

DOMAIN = """<domain type='test'>
  <name>{name}</name><uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory}</memory><vcpu>{vcpus}</vcpu>
  <os><type>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><source file='/demo/{name}.qcow2'/><target dev='vda'/></disk>
  </devices>
</domain>"""
ROLES = ("web", "db", "cache", "build", "mail")


class Demo:
    """Guests that start, stop, pause and resume, one change every PAUSE seconds."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo", daemon=True)

    def start(self) -> None:
        """Make the guests, then keep them changing."""
        eventloop.start()
        silence()
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        """Leave the guests as they are."""
        self._stop.set()
        self._thread.join(1)

    def _run(self) -> None:
        connection = libvirt.open(DEMO_URI)
        with contextlib.suppress(libvirt.libvirtError):
            # The guest that the test driver comes with is not one of ours.
            connection.lookupByName("test").destroy()
        with contextlib.suppress(libvirt.libvirtError):
            connection.lookupByName("test").undefine()
        guests = [self._define(connection, number) for number in range(GUESTS)]
        self._ready.set()
        while not self._stop.wait(PAUSE):
            with contextlib.suppress(libvirt.libvirtError):
                self._change(self._random.choice(guests))
        connection.close()

    def _define(self, connection: libvirt.virConnect, number: int) -> libvirt.virDomain:
        name = f"{ROLES[number % len(ROLES)]}-{number // len(ROLES) + 1}"
        guest = connection.defineXML(
            DOMAIN.format(
                name=name,
                uuid=uuid.uuid5(uuid.NAMESPACE_DNS, name),
                memory=self._random.choice((512, 1024, 2048, 4096)),
                vcpus=self._random.choice((1, 2, 4)),
            )
        )
        if number % 4:
            guest.create()
        return guest

    def _change(self, guest: libvirt.virDomain) -> None:
        """One step of a guest's life that its state allows."""
        state, _ = guest.state()
        if state == libvirt.VIR_DOMAIN_RUNNING:
            self._random.choice((guest.suspend, guest.suspend, guest.reboot, guest.destroy))()
        elif state == libvirt.VIR_DOMAIN_PAUSED:
            guest.resume()
        else:
            guest.create()
