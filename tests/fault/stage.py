"""A real host, its agent, and the two recorders: where a fault is injected and then judged.

After every fault: the view equals libvirt's, every gap is explained by a marked one, nothing came
twice or out of order, and the agent's process is back at its baseline. Raises AssertionError with
what is wrong.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hostmon.events import Event, LifecycleEvent
from tests.agent_process import AgentProcess, agent, wait_for
from tests.fault.align import Token, align
from tests.fault.baseline import MIB, Allowance, Baseline, Scraper
from tests.fault.figures import Value
from tests.fault.listing import differences, listed
from tests.fault.outcome import Outcome
from tests.fault.record import MARKS, BusRecord, VirshRecord, by_name, tokens_of
from tests.lab.guests import define, guest_xml, start
from tests.lab.node import LIBVIRTD_CONF, Node

GUESTS = 8
CHURNED = 4
RETURN_S = 30.0
"""The longest a view may take to equal libvirt's again."""
EXPLAINED_S = 10.0
"""Within so long of a gap its comparison has told what it found."""
GIVEN_UP = (0, 3, 8)
"""Reasons of a stop at libvirtd's restart: unknown, crashed, daemon (virDomainShutoffReason)."""
GIVEN_UP_S = 60.0
"""libvirtd waits 30 s for the monitor of a guest that it finds at its start."""

# Without these a fault of seconds would go unnoticed: full-size faults take the defaults.
IMPATIENT_LIBVIRTD = "keepalive_interval = 1\nkeepalive_count = 3\n"
IMPATIENT_AGENT = "keepalive_interval = 1\nkeepalive_count = 2\n"
# libvirt is asked all the time, so that it is asked while a guest is stuck.
ASKING_AGENT = (
    "[virt.libvirt.cadences]\nballoon = 1.0\nblock = 1.0\nvcpu = 1.0\n[connection]\nrefresh = 0.7\n"
)
# Slow while the file /run/slow-OPERATION is there: libvirt waits for hooks amid starts and ends.
HOOK = '#!/bin/sh\nif [ -e "/run/slow-$2" ]; then sleep "$(cat "/run/slow-$2")"; fi\n'
RING_MIB = 1
ALLOWED = Allowance(resident=5 * MIB)
"""Fifty restarts of libvirtd leave 3 MiB, a fault amid many others at most 0.5 MiB."""

Inject = Callable[["Stage"], Mapping[str, Value]]


class Stage:
    """A node, its agent, virsh's record of it and a subscriber's.

    ``guests`` are for faults to be injected into, ``churned`` ones for clients that never rest.
    """

    def __init__(
        self, node: Node, running: AgentProcess, guests: Sequence[str], churned: Sequence[str]
    ) -> None:
        self.node = node
        self.agent = running
        self.guests = list(guests)
        self.churned = list(churned)
        self.virsh = VirshRecord(node)
        self.bus = BusRecord(running)
        self.scraper = Scraper(running.port)
        self.explained_s = EXPLAINED_S
        self._fences = itertools.count()

    @classmethod
    @contextmanager
    def create(
        cls,
        directory: Path,
        *,
        guests: int = GUESTS,
        patient: bool = False,
        socket: Callable[[Node], Path] = lambda node: node.socket_readonly,
        host: type[Node] = Node,
    ) -> "Iterator[Stage]":
        """A stage with idle guests; ``patient``: keepalive as hostmon and libvirt have it.

        ``socket``: where its agent reaches libvirtd. ``host``: the kind of node.
        """
        with host.create(start_libvirtd=False) as node:
            if not patient:
                (node.root / "etc/libvirtd.conf").write_text(LIBVIRTD_CONF + IMPATIENT_LIBVIRTD)
            hook = node.root / "etc/hooks/qemu"
            hook.parent.mkdir()
            hook.write_text(HOOK)
            hook.chmod(0o755)
            node.start_libvirtd()
            names = define(node, guests + CHURNED, idle=True)
            config = ASKING_AGENT + ("" if patient else IMPATIENT_AGENT)
            bus = (
                f'[bus]\nevents = ["ipc://{directory}/events.sock"]\n'
                f'requests = "ipc://{directory}/requests.sock"\nring_mib = {RING_MIB}\n'
            )
            uri = f"qemu+unix:///system?socket={socket(node)}"
            with agent(directory, ("--uri", uri), config=config, bus=bus) as process:
                stage = cls(node, process, names[CHURNED:], names[:CHURNED])
                stage.virsh.resume()
                stage.bus.start()
                try:
                    stage.begin()
                    yield stage
                finally:
                    stage.bus.stop()
                    stage.virsh.stop()

    def active(self, count: int) -> list[str]:
        """So many guests that run, started or resumed where they did not."""
        states = {name: one.state for name, one in listed(self.node).items()}
        order = ("running", "paused", "shutoff", "crashed")
        chosen = sorted(self.guests, key=lambda name: order.index(states[name]))[:count]
        for name in chosen:
            if states[name] == "paused":
                self.node.virsh("resume", name)
        start(self.node, [name for name in chosen if states[name] in ("shutoff", "crashed")])
        self._taken_up()
        assert len(chosen) == count, f"{count} guests are asked for, {len(self.guests)} are there"
        return chosen

    def _taken_up(self) -> None:
        """Wait until the agent has opened the files of all that run."""
        wait_for(lambda: not self.disagreement(), RETURN_S)
        passes = self.agent.ask("status")["reading"]["passes"]
        wait_for(lambda: self.passes_after_a_scrape() > passes + 1, RETURN_S)
        # The agent is outside the node, where there is no pid file: it searches now and then.
        wait_for(lambda: not self.agent.ask("status")["reading"]["unresolved"], RETURN_S)

    def running(self) -> set[str]:
        """The guests that have a process."""
        states = {name: one.state for name, one in listed(self.node).items()}
        known = [*self.guests, *self.churned]
        return {name for name in known if states.get(name) in ("running", "paused")}

    def passes_after_a_scrape(self) -> int:
        """How often the agent has read the kernel's files; a scrape has it do so."""
        self.agent.fetch("metrics")
        return int(self.agent.ask("status")["reading"]["passes"])

    def fence(self, deadline_s: float = RETURN_S) -> Token:
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
                if self.virsh.has(token) and self.bus.count(token):
                    return token
                time.sleep(0.01)
            assert time.monotonic() < end, f"no event came through to all within {deadline_s} s"

    def connected(self, deadline_s: float = RETURN_S) -> None:
        """Wait until the agent has said that it is connected: events come a moment before."""
        wait_for(lambda: self.bus.ask(lambda s: s.views[0].connection) == "up", deadline_s)

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

    def recovered(self, deadline_s: float = RETURN_S) -> float:
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

    def survive(self, inject: Inject) -> Outcome:
        """Inject one fault, wait for the recovery, and hold both records against each other."""
        # A fault leaves the churned ones as chance would have it: the baseline has all of them.
        start(self.node, sorted(set(self.churned) - self.running()))
        self._taken_up()
        before = self.running()
        with Baseline(self.agent.process.pid, self.agent.port, ALLOWED) as baseline:
            self.scraper = baseline.scraper
            self.begin()
            own = inject(self)
            recovery_s = self.recovered()
            token = self.fence()
            told, events = self.virsh.take(token), self.bus.take(token)
            # Changes amid the fault started these: each that runs has descriptors.
            for name in self.running() - before:
                self.node.virsh("destroy", name)
        alignment = align(told, tokens_of(events))
        assert not alignment.problem, alignment.problem
        explained(events, self.explained_s)
        assert not self.disagreement()
        return Outcome(alignment, events, recovery_s, baseline, own)


def explained(events: Sequence[Event], within_s: float) -> None:
    """Nothing is found by a comparison but after a gap that is told of, or what libvirt never told.

    A libvirtd that cannot go on with a guest after its own restart stops it without an event.
    """
    gap_ns: int | None = None
    for event in events:
        if isinstance(event, MARKS):
            gap_ns = event.monotonic_ns
        elif event.origin == "resync":
            assert gap_ns is not None, f"a comparison without a gap found {event}"
            late_s = (event.monotonic_ns - gap_ns) / 1e9
            given_up = (
                isinstance(event, LifecycleEvent)
                and (event.state, event.reason in GIVEN_UP) == ("shutoff", True)
                and late_s < GIVEN_UP_S
            )
            assert given_up or late_s < within_s, f"{late_s:.1f} s after the gap: {event}"
