"""Schedulers whose view of each host is up to a minute old, on the same trace, in its own time.

As cloud schedulers have it: each host reports every 60 s, one after the other; a scheduler
takes what it has placed itself out of its view until the next report. The filters and weighers are
the same as the claiming scheduler's.
"""

import random
from dataclasses import dataclass

from msgspec.structs import replace

from bench.fleet.trace import Arrival
from bench.fleet.world import World
from hostmon.account import HostAccount, Resource
from hostmon.client import HostView
from hostmon.scheduler import HostTable, PlacementRequest
from hostmon.scheduler.chooser import Chooser
from hostmon.scheduler.named import filters_named, weighers_named

REPORT_S = 60.0
ATTEMPTS = 10


@dataclass
class Outcome:
    """What became of the arrivals; ``refused`` counts claims, or their like, that were refused."""

    placed: int = 0
    unplaced: int = 0
    refused: int = 0
    overcommitted: int = 0
    behind: int = 0
    taken_from: int = 0


class PeriodicScheduler:
    """One scheduler over hosts that report to it."""

    def __init__(self, names: list[str], vcpus: int, memory: int, draw: random.Random) -> None:
        self.views = [HostView() for _ in names]
        for name, view in zip(names, self.views, strict=True):
            view.host, view.fresh, view.connection = name, True, "up"
            view.account = HostAccount(
                Resource(vcpus), Resource(memory), Resource(0), 0, 0, 0, changes=1
            )
        self.hosts = HostTable(self.views)
        self.chooser = Chooser(self.hosts, filters_named(), weighers_named(), draw)

    def take(self, row: int, vcpus: int, memory: int) -> None:
        """A host's use is this now, or so it is thought."""
        account = self.views[row].account
        assert account is not None
        self.views[row].account = replace(
            account,
            vcpus=replace(account.vcpus, used=vcpus),
            memory=replace(account.memory, used=memory),
        )
        self.hosts.put(row)

    def consume(self, row: int, one: Arrival) -> None:
        """What was placed is taken out of the view."""
        account = self.views[row].account
        assert account is not None
        self.take(row, account.vcpus.used + one.vcpus, account.memory.used + one.memory)


def simulate(
    trace: list[Arrival],
    hosts: int,
    vcpus: int,
    memory: int,
    *,
    schedulers: int = 3,
    checked: bool,
    seed: int = 1,
) -> Outcome:
    """The whole trace. ``checked``: a host refuses what it has no room for, else it starts it."""
    names = [f"host-{number:03}" for number in range(hosts)]
    world, outcome = World(names, vcpus, memory), Outcome()
    draw = random.Random(seed)
    crowd = [
        PeriodicScheduler(names, vcpus, memory, random.Random(seed + n)) for n in range(schedulers)
    ]
    due = [(REPORT_S * row / hosts, row) for row in range(hosts)]
    for number, one in enumerate(trace):
        for _ in world.ended(one.at):
            pass
        while due[0][0] <= one.at:
            when, row = due.pop(0)
            for each in crowd:
                each.take(row, *world.hosts[names[row]].used())
            due.append((when + REPORT_S, row))
        if one.behind:
            start_behind(world, names, one, draw, outcome)
        else:
            place(world, crowd[number % schedulers], one, outcome, checked=checked)
    return outcome


def start_behind(
    world: World, names: list[str], one: Arrival, draw: random.Random, outcome: Outcome
) -> str:
    """Somebody starts a guest by hand on a host that has room for it; the host, "" for none."""
    for host in draw.sample(names, min(8, len(names))):
        if world.hosts[host].fits(one):
            world.start(host, one)
            outcome.behind += 1
            return host
    return ""


def place(
    world: World, mine: PeriodicScheduler, one: Arrival, outcome: Outcome, *, checked: bool
) -> None:
    """By a view that may be old; a host that refuses is followed by the next best."""
    request = PlacementRequest(vcpus=one.vcpus, memory=one.memory)
    without: set[int] = set()
    while len(without) < ATTEMPTS:
        row = mine.chooser.choose(request, without)
        if row < 0:
            break
        host = mine.views[row].host
        if world.hosts[host].fits(one) or not checked:
            outcome.overcommitted += not world.hosts[host].fits(one)
            outcome.placed += 1
            world.start(host, one)
            mine.consume(row, one)
            return
        outcome.refused += 1
        without.add(row)
    outcome.unplaced += 1
