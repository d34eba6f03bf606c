"""A subscriber with a view in a process of its own, which a test may stop, slow down or kill.

As a program: ``python -m tests.fault.viewer EVENTS REQUESTS [KEY_FILE AGENT_KEY]``. It follows the
bus, and answers each line of standard input by a line of JSON. ``slow S`` has it wait so many
seconds before each event from then on; ``report`` changes nothing.
"""

import contextlib
import select
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

import msgspec

from hostmon.client import ClientKeys, Endpoint, Subscriber
from hostmon.client import guests as ask_guests
from hostmon.events import DomainEvent, HeartbeatEvent
from hostmon.keys import load_pair
from hostmon.kinds import CLASS_OF
from hostmon.status import GuestStatus
from hostmon.wire import kind_of
from tests.agent_process import AgentProcess, wait_for


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a viewer saw, of class lifecycle: ``complete`` is the number up to which it has all,
    0 while events that came are still to be looked at.

    ``holes`` are numbers between events that it was given; ``repairs`` counts each way of repair;
    ``kinds`` are what became of guests, or the kinds of other events; ``wall_s`` is the wall clock
    of the newest event, ``oldest_s`` the greatest age of what is known of a guest (-1: no guest,
    None: libvirt has told nothing of one yet, whose age is infinite).
    """

    joined: bool
    fresh: bool
    epoch: int
    connection: str
    complete: int
    events: int
    resumed: int
    disordered: int
    holes: int
    heartbeats: int
    repairs: dict[str, int]
    replayed: int
    kinds: list[str]
    wall_s: float
    oldest_s: float | None
    guests: list[GuestStatus]


class Viewer:
    """The process, from the side of the test; a context manager."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault.viewer", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    @classmethod
    def of(cls, agent: AgentProcess) -> Self:
        """A viewer that has joined an agent's own sockets."""
        viewer = cls(agent.events, agent.requests)
        wait_for(lambda: viewer.report().joined)
        return viewer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def tell(self, line: str) -> Report:
        """Give an order; the report that answers it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return msgspec.json.decode(self.process.stdout.readline(), type=Report)

    def report(self) -> Report:
        """What it has seen by now."""
        return self.tell("report")

    def by_name(self) -> dict[str, GuestStatus]:
        """The guests of its view."""
        return {guest.name: guest for guest in self.report().guests}

    def caught_up(self, agent: AgentProcess, deadline: float = 30) -> float:
        """Seconds until its view is the agent's table; fails when it never is."""
        began = time.monotonic()
        wait_for(lambda: agrees(self.report(), agent), deadline)
        return time.monotonic() - began


def agrees(report: Report, agent: AgentProcess) -> bool:
    """Whether a viewer holds what the agent says of its guests, as of the same event."""
    answer = ask_guests(agent.requests, 10)
    if (report.epoch, report.complete) != (answer.epoch, answer.sequence):
        return False
    return report.fresh and comparable(report.guests) == comparable(answer.guests)


def comparable(guests: Any) -> dict[str, tuple[Any, ...]]:
    """What events tell of guests, by uuid; what is read now and then is left out."""
    return {
        g.uuid: (g.name, g.id, g.presence, g.state, g.reason, g.vcpus, g.memory, g.persistent)
        for g in guests
    }


class Follower:
    """The program: counts what it gets."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._subscriber = Subscriber(endpoint, view=True, on_repair=self._repaired)
        self._repairs: Counter[str] = Counter()
        self._replayed = self._events = self._heartbeats = self._disordered = self._holes = 0
        self._resumed = 0
        self._kinds: set[str] = set()
        self._last = (0, 0)
        self._wall_s = 0.0
        self._slow = 0.0

    def _repaired(self, repair: Any) -> None:
        self._repairs[f"{repair.reason} by {repair.by}"] += 1
        self._replayed += repair.events

    def turn(self) -> None:
        """The next event, if one comes soon."""
        event = self._subscriber.receive(0.05)
        if event is None:
            return
        self._wall_s = event.time_ns / 1e9
        if isinstance(event, HeartbeatEvent):
            self._heartbeats += 1
            return
        if self._slow:
            time.sleep(self._slow)
        self._events += 1
        self._resumed += getattr(event, "event", "") == "resumed"
        if isinstance(event, DomainEvent) and CLASS_OF.get(kind_of(event)) == "lifecycle":
            self._kinds.add(str(getattr(event, "event", kind_of(event))))
            epoch, last = self._last
            if event.epoch == epoch:
                self._disordered += event.sequence <= last
                self._holes += max(0, event.sequence - last - 1)
            self._last = (event.epoch, event.sequence)

    def obey(self, line: str) -> Report:
        """One order."""
        word, *arguments = line.split()
        if word == "slow":
            self._slow = float(arguments[0])
        view = self._subscriber.views[0]
        complete = self._subscriber._links[0]._orders._orders[0].complete.get("lifecycle", 0)
        return Report(
            joined=view.joined,
            fresh=view.fresh,
            epoch=view.epoch,
            connection=view.connection,
            complete=complete if not self._subscriber._ready else 0,
            events=self._events,
            resumed=self._resumed,
            disordered=self._disordered,
            holes=self._holes,
            heartbeats=self._heartbeats,
            repairs=dict(self._repairs),
            replayed=self._replayed,
            kinds=sorted(self._kinds),
            wall_s=self._wall_s,
            oldest_s=max(map(view.age, view.guests), default=-1.0),
            guests=list(view.guests.values()),
        )


def main(events: str, requests: str, key: str = "", agent_key: str = "") -> None:
    """Follow and obey until standard input closes."""
    keys = ClientKeys(load_pair(Path(key)), agent_key) if key else None
    follower = Follower(Endpoint(events, requests, keys))
    while True:
        follower.turn()
        while select.select([sys.stdin], [], [], 0)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            print(msgspec.json.encode(follower.obey(line)).decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
