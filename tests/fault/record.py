"""What libvirt's own client saw of a node, and what a subscriber saw of its agent.

Two recorders, each a thread of its own from :meth:`start` to :meth:`stop`; what they wrote is
compared by tests/fault/align.py. Neither changes anything.
"""

import collections
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TypeVar

from hostmon import kinds
from hostmon.client import Endpoint, HostView, Repair, Subscriber
from hostmon.events import (
    ConnectionEvent,
    DomainEvent,
    Event,
    HeartbeatEvent,
    LifecycleEvent,
    LostEvent,
)
from hostmon.status import GuestStatus
from hostmon.wire import kind_of
from tests.agent_process import AgentProcess
from tests.fault.align import GAP, Maybe, Token
from tests.lab.inside import Inside
from tests.lab.node import Node

T = TypeVar("T")

LINE = re.compile(
    r"^(?P<time>\S+ \S+): event '(?P<kind>[\w-]+)' for domain '(?P<name>.*?)'(?:: (?P<text>.*))?$"
)
# virsh's words, in the order of libvirt's numbers, which is that of hostmon.kinds too.
EVENTS = (
    "Defined", "Undefined", "Started", "Suspended", "Resumed", "Stopped", "Shutdown",
    "PMSuspended", "Crashed",
)  # fmt: skip
DETAILS = (
    ("Added", "Updated", "Renamed", "Snapshot"),
    ("Removed", "Renamed"),
    ("Booted", "Migrated", "Restored", "Snapshot", "Event wakeup"),
    (
        "Paused", "Migrated", "I/O Error", "Watchdog", "Restored", "Snapshot", "API error",
        "Post-copy", "Post-copy Error",
    ),
    ("Unpaused", "Migrated", "Snapshot", "Post-copy", "Post-copy Error"),
    ("Shutdown", "Destroyed", "Crashed", "Migrated", "Saved", "Failed", "Snapshot"),
    ("Finished", "Finished after guest request", "Finished after host request"),
    ("Memory", "Disk"),
    ("Panicked", "Crashloaded"),
)  # fmt: skip
TWINS = {"io-error": "", "io-error-reason": "io-error", "block-job": "", "block-job-2": "block-job"}
"""virsh tells of both of libvirt's twins, hostmon of the richer one."""

MARKS = (ConnectionEvent, LostEvent)
"""By these the agent tells that it may have missed events."""

DOMAIN_KINDS = frozenset(kinds.DOMAIN_KINDS.values())
TICK_S = 0.05


def token_of_line(line: str) -> Token:
    """One line of ``virsh event --timestamp`` as a token, GAP for what is no event of a guest."""
    match = LINE.match(line)
    kind = match and TWINS.get(match["kind"], match["kind"])
    if match is None or kind not in DOMAIN_KINDS:
        return GAP
    if kind != "lifecycle":
        return (kind, match["name"])
    event, _, detail = match["text"].partition(" ")
    number = EVENTS.index(event)
    of_detail = DETAILS[number].index(detail) if detail in DETAILS[number] else -1
    return (
        kind,
        match["name"],
        kinds.LIFECYCLE_EVENTS[number],
        kinds.detail_name(number, of_detail),
    )


def token_of_event(event: DomainEvent) -> Token:
    """An event of a guest as a token."""
    if isinstance(event, LifecycleEvent):
        return ("lifecycle", event.name, event.event, event.detail)
    return (kind_of(event), event.name)


class VirshRecord:
    """``virsh event --all --loop`` inside the node, started again after it lost libvirtd."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._tokens: list[Token] = []
        self._process: Inside | None = None
        self._thread: threading.Thread | None = None

    def resume(self) -> None:
        """Start virsh unless it runs: what came meanwhile is a gap."""
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        # Without keepalive: virsh must outlive a libvirtd that is stopped for a while.
        self._process = self._node.popen(
            "stdbuf", "--output=L", "virsh", "-k0", "-c", "qemu:///system",
            "event", "--all", "--loop", "--timestamp",
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with self._lock:
            self._tokens.append(GAP)
        self._thread = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End virsh; what it told is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        if self._thread is not None:
            self._thread.join(10)

    def _read(self, process: Inside) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            token = token_of_line(line.rstrip("\n"))
            if token is not GAP:
                with self._lock:
                    self._tokens.append(token)

    def has(self, token: Token) -> bool:
        """Whether virsh told this."""
        with self._lock:
            return token in self._tokens

    def take(self, last: Token) -> list[Token]:
        """Everything up to this token, which is forgotten."""
        with self._lock:
            end = self._tokens.index(last) + 1
            taken, self._tokens = self._tokens[:end], self._tokens[end:]
            return taken


class BusRecord:
    """A subscriber to everything, with a view, in the thread that it is used in."""

    def __init__(self, agent: AgentProcess) -> None:
        self._endpoint = Endpoint(agent.events, agent.requests)
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._counts: collections.Counter[Token] = collections.Counter()
        self._errands: SimpleQueue[tuple[Callable[[Subscriber], object], Future[object]]] = (
            SimpleQueue()
        )
        self._stop = False
        self.repairs: list[Repair] = []
        self._thread = threading.Thread(target=self._run, name="subscriber", daemon=True)

    def start(self, deadline_s: float = 20.0) -> None:
        """Join; TimeoutError when there is no view in time."""
        self._thread.start()
        end = time.monotonic() + deadline_s
        while not self.ask(lambda subscriber: subscriber.views[0].joined):
            if time.monotonic() > end:
                raise TimeoutError(f"no view of {self._endpoint.events} within {deadline_s} s")

    def stop(self) -> None:
        """Leave."""
        self._stop = True
        self._thread.join(10)

    def _run(self) -> None:
        with Subscriber(self._endpoint, view=True, on_repair=self.repairs.append) as subscriber:
            while not self._stop:
                event = subscriber.receive(TICK_S)
                if event is not None and not isinstance(event, HeartbeatEvent):
                    with self._lock:
                        self._events.append(event)
                        if isinstance(event, DomainEvent):
                            self._counts[token_of_event(event)] += 1
                try:
                    errand, answer = self._errands.get_nowait()
                except Empty:
                    continue
                answer.set_result(errand(subscriber))

    def ask(self, errand: Callable[[Subscriber], T], deadline_s: float = 30.0) -> T:
        """What the errand gives, run between two events in the subscriber's thread."""
        answer: Future[object] = Future()
        self._errands.put((errand, answer))
        return answer.result(deadline_s)  # type: ignore[return-value]

    def guests(self) -> dict[str, GuestStatus]:
        """The view's guests by name."""
        return self.ask(lambda subscriber: by_name(subscriber.views[0]))

    def count(self, token: Token) -> int:
        """How often the bus told this since the last :meth:`take`."""
        with self._lock:
            return self._counts[token]

    def take(self, last: Token) -> list[Event]:
        """Everything up to this token, which is forgotten."""
        with self._lock:
            end = 1 + next(
                number
                for number, event in enumerate(self._events)
                if isinstance(event, DomainEvent) and token_of_event(event) == last
            )
            taken, self._events = self._events[:end], self._events[end:]
            self._counts.clear()
            return taken


def by_name(view: HostView) -> dict[str, GuestStatus]:
    """A view's guests."""
    return {guest.name: guest for guest in view.guests.values()}


def tokens_of(events: Iterable[Event]) -> list[Token]:
    """What libvirt told, by the bus: a gap where the agent says that it missed some.

    What a comparison found is no event of libvirt's; what was replayed may be either.
    """
    tokens: list[Token] = []
    for event in events:
        if isinstance(event, MARKS):
            tokens.append(GAP)
        elif isinstance(event, DomainEvent) and kind_of(event) in DOMAIN_KINDS:
            if event.origin == "live":
                tokens.append(token_of_event(event))
            elif event.origin == "replayed":
                tokens.append(Maybe(token_of_event(event)))
    return tokens
