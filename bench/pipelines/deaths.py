"""How soon a subscriber knows of a guest's end: real QEMUs killed, libvirtd alive and not.

One after another is ended by SIGKILL. Counted is from when a pidfd of our own tells a thread here
of the same end until a subscriber has the event from a whole agent: so what the kernel takes to end
the process is not in it; ``from_kill``, on the other hand, is from the kill. ``seen`` ends where
the agent notices: it may be before this process does.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from bench.fleet.agent import running_agent
from bench.front import Result, measure, percentile
from hostmon.client import Endpoint, Subscriber, status
from hostmon.events import Event, LifecycleEvent, ProcessExitEvent
from tests.lab import guests
from tests.lab.node import Node, wait_for

DEATHS = 60
PASS_S = 0.2
DUE_S = 20.0
PAUSE_S = 0.05


class Death(NamedTuple):
    """One guest's end: what was told of it, whose process it was inside, and seconds.

    ``told`` until the subscriber had it, and ``seen`` until the agent noticed, both since a pidfd
    of our own told; ``killed`` until the subscriber had it since the kill.
    """

    event: ProcessExitEvent
    pid: int
    told: float
    seen: float
    killed: float


class Ends:
    """A node's agent, and a subscriber that hears of its guests' ends."""

    def __init__(self, node: Node, endpoint: Endpoint, subscriber: Subscriber) -> None:
        self.node = node
        self.endpoint = endpoint
        self.subscriber = subscriber

    def watched(self, count: int) -> None:
        """Wait until the kernel's figures of so many running guests were read."""
        wait_for(lambda: status(self.endpoint).running == count, f"{count} guests run")
        begun = status(self.endpoint).reading.passes

        def passed() -> bool:
            reading = status(self.endpoint).reading
            return reading.passes > begun + 1 and not reading.unresolved

        wait_for(passed, "every guest's process is found")

    def _until(self, kind: type[Event], guest: str) -> Event:
        """The next event of this kind and guest."""
        end = time.monotonic() + DUE_S
        while (left := end - time.monotonic()) > 0:
            event = self.subscriber.receive(left)
            if isinstance(event, kind) and getattr(event, "name", "") == guest:
                return event
        raise AssertionError(f"no {kind.__name__} of {guest} within {DUE_S:g} s")

    def death(self, guest: str, *, libvirtd: bool) -> Death:
        """Kill one, and hear of it; also of what libvirtd makes of it, if it is alive."""
        pid = self.node.qemu_pid(guest)
        inside = int((self.node.root / f"run/libvirt/qemu/{guest}.pid").read_text())
        with noticed(pid) as seen:
            killed = time.monotonic_ns()
            os.kill(pid, signal.SIGKILL)
            event = self._until(ProcessExitEvent, guest)
            told = time.monotonic_ns()
        assert isinstance(event, ProcessExitEvent)
        if libvirtd:
            self._until(LifecycleEvent, guest)
        time.sleep(PAUSE_S)
        return Death(
            event,
            inside,
            told=(told - seen[0]) / 1e9,
            seen=(event.monotonic_ns - seen[0]) / 1e9,
            killed=(told - killed) / 1e9,
        )

    def deaths(self, names: Sequence[str], *, libvirtd: bool = True) -> list[Death]:
        """Kill them in turn."""
        return [self.death(name, libvirtd=libvirtd) for name in names]


@contextmanager
def noticed(pid: int) -> Iterator[list[int]]:
    """At the end of the block when the process ended, as a thread of ours was told."""
    own = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(own, select.POLLIN)
    seen: list[int] = []

    def wait() -> None:
        poll.poll(DUE_S * 1000)
        seen.append(time.monotonic_ns())

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield seen
    finally:
        thread.join()
        os.close(own)


@contextmanager
def listening(node: Node) -> Iterator[Ends]:
    """An agent inside that finds new guests' processes quickly, and its subscriber."""
    more = f"[sampling]\nkernel = {PASS_S}\n"
    with running_agent(node, more=more) as endpoint, Subscriber(endpoint) as subscriber:
        # Joined once anything arrives: the agent's heartbeat does within a second.
        if subscriber.receive(DUE_S) is None:
            raise RuntimeError("the agent's bus is silent")
        yield Ends(node, endpoint, subscriber)


def results(count: int = DEATHS) -> list[Result]:
    """Median and p99 of so many ends with libvirtd, and as many without."""
    with Node.create() as node:
        names = guests.define_and_start(node, count, idle=True)
        with listening(node) as ends:
            ends.watched(count)
            beside = ends.deaths(names)
            guests.start(node, names)
            ends.watched(count)
            node.kill_libvirtd()
            alone = ends.deaths(names, libvirtd=False)
    return figures("death", beside) + figures("death_without_libvirtd", alone)


def figures(name: str, deaths: Sequence[Death]) -> list[Result]:
    """The metrics of some ends."""
    told = [death.told for death in deaths]
    return [
        measure(f"{name}_p50", "s", told),
        measure(f"{name}_p99", "s", [percentile(told, 99)]),
        measure(f"{name}_within_1ms", "share", [sum(s <= 0.001 for s in told) / len(told)]),
        measure(f"{name}_seen_p99", "s", [percentile([death.seen for death in deaths], 99)]),
        measure(f"{name}_from_kill_p50", "s", [death.killed for death in deaths]),
    ]
