"""A real host, its agent, and the two recorders: where a fault is injected and then judged.

After every fault: the view equals libvirt's, every gap is explained by a marked one, and nothing
came twice or out of order. Raises AssertionError with what is wrong.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hostmon.events import ConnectionEvent, Event, LifecycleEvent
from tests.agent_process import AgentProcess, agent, wait_for
from tests.fault.align import Alignment, Token, align
from tests.fault.figures import Value
from tests.fault.listing import differences, listed
from tests.fault.record import BusRecord, VirshRecord, by_name, tokens_of
from tests.lab.guests import define, guest_xml, start
from tests.lab.node import Node

GUESTS = 6
RUNNING = 3
EXPLAINED_S = 10.0
"""Within so long of a connection's return its comparison has told what it found."""


@dataclass(frozen=True)
class Outcome:
    """What one fault came to; ``recovery_s`` from its end until the view equalled libvirt's."""

    alignment: Alignment
    events: Sequence[Event]
    recovery_s: float

    @property
    def resyncs(self) -> list[LifecycleEvent]:
        """What comparisons found."""
        return [e for e in self.events if isinstance(e, LifecycleEvent) and e.origin == "resync"]

    def figures(self) -> dict[str, Value]:
        """For tests/fault/figures.py."""
        return {
            "virsh_saw": self.alignment.told,
            "subscriber_saw": self.alignment.heard,
            "behind_gaps": self.alignment.missed,
            "resynced": len(self.resyncs),
            "lost": self.alignment.lost,
            "recovery_s": self.recovery_s,
        }


class Stage:
    """A node, its agent, virsh's record of it and a subscriber's."""

    def __init__(self, node: Node, running: AgentProcess) -> None:
        self.node = node
        self.agent = running
        self.virsh = VirshRecord(node)
        self.bus = BusRecord(running)
        self.guests: list[str] = []
        self._fences = itertools.count()

    @classmethod
    @contextmanager
    def create(
        cls, directory: Path, *, guests: int = GUESTS, running: int = RUNNING
    ) -> "Iterator[Stage]":
        """A stage whose first guests run, idle; everything is taken away at the end."""
        with Node.create() as node:
            names = define(node, guests, idle=True)
            start(node, names[:running])
            with agent(directory, ("--uri", node.uri_readonly)) as process:
                stage = cls(node, process)
                stage.guests = names
                stage.virsh.resume()
                stage.bus.start()
                try:
                    stage.begin()
                    yield stage
                finally:
                    stage.bus.stop()
                    stage.virsh.stop()

    def fence(self, deadline_s: float = 30.0) -> Token:
        """An event that both records hold in the end: whatever came before it is in both."""
        end = time.monotonic() + deadline_s
        while True:
            self.virsh.resume()
            name = self.node.name(f"fence{next(self._fences)}")
            xml = self.node.root / "run/fence.xml"
            xml.write_text(guest_xml(self.node, name))
            self.node.virsh(f"define /run/fence.xml; undefine {name}")
            token = ("lifecycle", name, "undefined", "removed")
            # virsh may have begun to listen too late, the agent may be connecting: again, then.
            until = min(end, time.monotonic() + 2)
            while time.monotonic() < until:
                if self.virsh.has(token) and self.bus.has(token):
                    return token
                time.sleep(0.01)
            assert time.monotonic() < end, f"no event came through to all within {deadline_s} s"

    def begin(self) -> None:
        """Forget what came until now."""
        token = self.fence()
        self.virsh.take(token)
        self.bus.take(token)

    def disagreement(self) -> list[str]:
        """Where the subscriber's view differs from libvirt's now."""
        view, connection = self.bus.ask(lambda s: (by_name(s.views[0]), s.views[0].connection))
        found = differences(listed(self.node), view)
        return found if connection == "up" else [f"connection {connection}", *found]

    def recovered(self, deadline_s: float = 30.0) -> float:
        """Seconds until the view equals libvirt's."""
        began = time.monotonic()
        found: list[str] = []

        def equal() -> bool:
            found[:] = self.disagreement()
            return not found

        try:
            wait_for(equal, deadline_s)
        except AssertionError:
            raise AssertionError(f"after {deadline_s} s the view is wrong: {found}") from None
        return time.monotonic() - began

    def survive(self, inject: Callable[["Stage"], object]) -> Outcome:
        """Inject one fault, wait for the recovery, and hold both records against each other."""
        self.begin()
        inject(self)
        recovery_s = self.recovered()
        token = self.fence()
        told, events = self.virsh.take(token), self.bus.take(token)
        alignment = align(told, tokens_of(events))
        assert not alignment.problem, alignment.problem
        explained(events)
        assert not self.disagreement()
        return Outcome(alignment, events, recovery_s)


def explained(events: Sequence[Event]) -> None:
    """Nothing is found by a comparison but after a gap that is told of."""
    gap_ns: int | None = None
    for event in events:
        if isinstance(event, ConnectionEvent):
            gap_ns = event.monotonic_ns
        elif event.origin == "resync":
            assert gap_ns is not None, f"a comparison without a gap found {event}"
            late_s = (event.monotonic_ns - gap_ns) / 1e9
            assert late_s < EXPLAINED_S, f"{late_s:.1f} s after the connection's return: {event}"
