"""How fresh a scheduler's account is: real guests started on a real libvirtd, an agent beside it.

Three times of one clock: the call that has libvirt act, libvirt's event in the agent's callback,
and the scheduler's row with what the event changed. From the first to the second is libvirtd's own
share (starting QEMU takes it a third of a second); from the second to the third is hostmon's.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import libvirt

from bench.fleet.agent import running_agent
from hostmon.client import Endpoint
from hostmon.events import Event, LifecycleEvent
from hostmon.scheduler import Scheduler
from hostmon.scheduler.named import filters_named, weighers_named
from tests.lab.guests import guest_xml
from tests.lab.node import Node

DEADLINE_S = 30.0


@dataclass
class Times:
    """Of one change: seconds in libvirtd, and from its event to the scheduler's row."""

    libvirtd: float
    ours: float


class Watched:
    """A scheduler of one real host, whose row tells when it changed."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.scheduler = Scheduler([endpoint], filters_named(), weighers_named())

    def vcpus(self) -> int:
        """What the scheduler's row has left."""
        return self.scheduler.hosts.columns.get(0, "vcpus")

    def settle(self, seconds: float = 0.5) -> None:
        """Take what is under way, until nothing changes the row for so long."""
        end = time.monotonic() + seconds
        before = self.vcpus()
        while time.monotonic() < end:
            self.scheduler.update(0.05)
            if self.vcpus() != before:
                before, end = self.vcpus(), time.monotonic() + seconds

    def change(self, act: "Act") -> Times:
        """Have libvirt act, and wait until the row has fewer vCPUs left than before."""
        before, deadline = self.vcpus(), time.monotonic() + DEADLINE_S
        events: list[Event] = []
        thread = threading.Thread(target=act.run)
        thread.start()
        while self.vcpus() >= before:
            if time.monotonic() > deadline:
                raise TimeoutError("the scheduler was told of no change")
            events = self.scheduler.update(1)
        seen_ns = time.monotonic_ns()
        thread.join(DEADLINE_S)
        told = next(e.monotonic_ns for e in events if isinstance(e, LifecycleEvent) and e.sums)
        return Times((told - act.began_ns) / 1e9, (seen_ns - told) / 1e9)


class Act:
    """A call of libvirt's on one guest, in a thread of its own."""

    def __init__(self, domain: libvirt.virDomain) -> None:
        self._domain = domain
        self.began_ns = 0

    def run(self) -> None:
        """Start the guest, paused: it takes room all the same."""
        self.began_ns = time.monotonic_ns()
        self._domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)


def freshness(rounds: int) -> Sequence[Times]:
    """Starts of one guest that is defined."""
    found = []
    with Node.create() as node, running_agent(node, ratio=1.0) as endpoint:
        connection = libvirt.open(node.uri)
        watched = Watched(endpoint)
        try:
            watched.scheduler.join(DEADLINE_S)
            domain = connection.defineXML(guest_xml(node, node.name("fresh"), idle=True))
            for _ in range(rounds):
                watched.settle()
                found.append(watched.change(Act(domain)))
                before = watched.vcpus()
                domain.destroy()
                end = time.monotonic() + DEADLINE_S
                while watched.vcpus() <= before and time.monotonic() < end:
                    watched.scheduler.update(0.1)
        finally:
            watched.scheduler.close()
            connection.close()
    return found
