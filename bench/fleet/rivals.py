"""Three real schedulers, each ``hostmon schedule`` in a process, on one fleet of simulated hosts.

A minute of the trace at a time, as fast as it goes: its arrivals are dealt to the schedulers at
once, guests are started behind their backs while they decide, and each guest that was placed starts
as soon as its placement is told. Then :mod:`bench.fleet.world` judges each placement.
"""

import json
import queue
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import zmq

from bench.fleet.host import SimulatedHost
from bench.fleet.periodic import Outcome, start_behind
from bench.fleet.trace import Arrival
from bench.fleet.world import World
from hostmon.account import Offer
from hostmon.gate import MOST_GROWTH, Gate

WINDOW_S = 60.0
TTL_S = 600
DEADLINE_S = 60.0


@contextmanager
def fleet(folder: Path, hosts: int, vcpus: int, memory: int) -> Iterator[list[SimulatedHost]]:
    """Simulated hosts of one size, behind one gate."""
    with ExitStack() as stack:
        gate = Gate(most_peers=64 * hosts, most_growth=hosts * MOST_GROWTH)
        gate.context.set(zmq.MAX_SOCKETS, 1023 + 8 * hosts)
        made = [
            SimulatedHost(folder, f"host-{number:03}", vcpus, memory, gate, Offer())
            for number in range(hosts)
        ]
        gate.guard(*(door for host in made for door in host.doors))
        stack.callback(gate.stop)
        gate.start()
        for host in made:
            stack.callback(host.stop)
            host.start()
        yield made


class Rival:
    """One scheduler's process; placements come into ``told``, in its order."""

    def __init__(self, config: Path, told: "queue.SimpleQueue[dict[str, Any]]") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hostmon", "schedule", "-", "--json", "--config", str(config),
             "--wait", "30"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._told = told
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def ask(self, one: Arrival) -> None:
        """Have a guest placed."""
        self.order({"vcpus": one.vcpus, "memory": one.memory, "uuid": str(one.guest)})

    def order(self, request: dict[str, Any]) -> None:
        """Have a request placed."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._thread.join(30)
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.put(json.loads(line))


class Competition:
    """The trace on a fleet; :meth:`run` gives what came of it."""

    def __init__(self, hosts: Sequence[SimulatedHost], rivals: Sequence[Rival], seed: int) -> None:
        self.hosts = {host.name: host for host in hosts}
        first = hosts[0].account()
        self.world = World(list(self.hosts), first.vcpus.total, first.memory.total)
        self.outcome = Outcome()
        self._rivals = rivals
        self._draw = random.Random(seed)
        self._asked: dict[str, Arrival] = {}

    def run(self, trace: Sequence[Arrival], told: "queue.SimpleQueue[dict[str, Any]]") -> Outcome:
        """Every arrival."""
        number = 0
        for _, window in groupby(trace, lambda one: one.at // WINDOW_S):
            arrived = list(window)
            self._end(arrived[0].at)
            for one in arrived:
                if one.behind:
                    self._behind(one)
                    continue
                self._asked[str(one.guest)] = one
                self._rivals[number % len(self._rivals)].ask(one)
                number += 1
                while not told.empty():
                    self._placed(told.get())
            while self._asked:
                self._placed(told.get(timeout=DEADLINE_S))
        return self.outcome

    def _end(self, now: float) -> None:
        """Guests whose life is over stop."""
        ended = list(self.world.ended(now))
        for host, one in ended:
            self.hosts[host].stop_guest(one.guest)
        for host, one in ended:
            self.hosts[host].wait_for(one.guest, running=False)

    def _behind(self, one: Arrival) -> None:
        """It counts once the account has it: until then a grant could not know."""
        host = start_behind(self.world, list(self.hosts), one, self._draw, self.outcome)
        if host:
            self.hosts[host].start_guest(one.guest, one.vcpus, one.memory)
            self.hosts[host].wait_for(one.guest, running=True)
            self.world.hosts[host].behind[one.guest] = time.monotonic_ns()

    def _placed(self, placement: dict[str, Any]) -> None:
        """Judge a placement, and start its guest."""
        one = self._asked.pop(placement["request"]["uuid"])
        self.outcome.refused += len(placement["refused"])
        if not placement["host"]:
            self.outcome.unplaced += 1
            return
        host = self.hosts[placement["host"]]
        grant = host.ledger.grants.granted(uuid.UUID(placement["claim"]).bytes)
        assert grant is not None
        granted_ns = grant[6] - int(placement["ttl"] * 1e9)
        self.outcome.placed += 1
        self.outcome.overcommitted += self.world.overcommitted(host.name, one, granted_ns)
        self.outcome.taken_from += not self.world.hosts[host.name].fits(one)
        self.world.start(host.name, one)
        host.start_guest(one.guest, one.vcpus, one.memory)
        host.wait_for(one.guest, running=True)


def compete(
    folder: Path, trace: Sequence[Arrival], hosts: int, vcpus: int, memory: int, *,
    schedulers: int = 3, seed: int = 1,
) -> tuple[Outcome, list[SimulatedHost]]:  # fmt: skip
    """The whole competition; the hosts, ended, for who wants to look at their accounts."""
    told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    with fleet(folder, hosts, vcpus, memory) as made, ExitStack() as stack:
        config = configured(folder, made)
        rivals = [Rival(config, told) for _ in range(schedulers)]
        for rival in rivals:
            stack.callback(rival.close)
        return Competition(made, rivals, seed).run(trace, told), made


def configured(folder: Path, hosts: Sequence[SimulatedHost]) -> Path:
    """A configuration for schedulers of these hosts."""
    config = folder / "schedulers.toml"
    sections = "".join(
        f'[scheduler.hosts.{host.name}]\nevents = "{host.endpoint.events}"\n'
        f'requests = "{host.endpoint.requests}"\n'
        for host in hosts
    )
    config.write_text(f"[scheduler]\nttl = {TTL_S}\n{sections}")
    return config
