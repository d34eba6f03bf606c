"""Three schedulers on a trace, guests started behind their backs: nothing is overcommitted.

The project's own small trace; the corpus, and more of it, by `python -m bench scheduler`.
"""

import queue
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bench.fleet import rivals
from bench.fleet.periodic import Outcome, simulate
from bench.fleet.trace import GIB, NAME, OWN, Arrival, arrivals, trace_path
from bench.fleet.world import World

HOSTS, VCPUS, MEMORY = 5, 64, 128 * GIB


def arrival(vcpus: int, at: float = 0, *, behind: bool = False) -> Arrival:
    return Arrival(at, at + 60, vcpus, GIB, uuid.uuid4(), behind)


def competed(folder: Path, trace: list[Arrival], number: int) -> tuple[Outcome, Outcome, Outcome]:
    """What came of it, and of schedulers with old views: trusted, and checked by the hosts."""
    outcome, hosts = rivals.compete(folder, trace, number, VCPUS, MEMORY)
    asked = sum(not one.behind for one in trace)
    assert outcome.placed + outcome.unplaced == asked
    assert outcome.overcommitted == 0
    assert outcome.behind > 0
    assert outcome.placed > asked // 2
    every = zip(*(host.ledger.grants.counts for host in hosts), strict=True)
    granted, confirmed, expired, released, refused = (sum(each) for each in every)
    assert (granted, confirmed, refused) == (outcome.placed, outcome.placed, outcome.refused)
    assert (expired, released) == (0, 0)
    for host in hosts:
        assert host.ledger.sums()["claims"] == 0
    trusted = simulate(trace, number, VCPUS, MEMORY, checked=False)
    checked = simulate(trace, number, VCPUS, MEMORY, checked=True)
    print(f"ours {outcome}\n60 s, trusted {trusted}\n60 s, checked {checked}")
    assert trusted.overcommitted > 0
    assert checked.overcommitted == 0
    return outcome, trusted, checked


def test_three_schedulers_compete_and_none_overcommits(tmp_path: Path) -> None:
    competed(tmp_path, arrivals(OWN, 1000), HOSTS)


def test_beside_an_old_view_on_the_corpus(tmp_path: Path) -> None:
    if trace_path() == OWN:
        pytest.skip(f"HOSTMON_CORPORA holds no {NAME}")
    ours, _, checked = competed(tmp_path, arrivals(trace_path(), 600), 8)
    assert 0 < ours.refused < checked.refused / 2


def test_the_judge_finds_hosts_that_grant_too_much(tmp_path: Path) -> None:
    """The same competition, judged as if the hosts had half of what they grant."""
    told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    with rivals.fleet(tmp_path, 2, VCPUS, MEMORY) as hosts, ExitStack() as stack:
        crowd = [rivals.Rival(rivals.configured(tmp_path, hosts), told)]
        stack.callback(crowd[0].close)
        competition = rivals.Competition(hosts, crowd, 1)
        for guests in competition.world.hosts.values():
            guests.vcpus //= 2
        assert competition.run(arrivals(OWN, 120), told).overcommitted > 0


def test_what_came_behind_a_grant_excuses_it_and_nothing_else() -> None:
    world = World(["a"], 8, 8 * GIB)
    world.start("a", arrival(4))
    assert not world.overcommitted("a", arrival(4), 100)
    assert world.overcommitted("a", arrival(5), 100)
    world.start("a", arrival(4, behind=True), 200)
    assert not world.overcommitted("a", arrival(4), 199)
    assert world.overcommitted("a", arrival(4), 200)
    assert [host for host, _ in world.ended(60)] == ["a", "a"]
    assert not world.overcommitted("a", arrival(8), 300)


def test_the_trace_is_read_as_it_is() -> None:
    found = arrivals(OWN, 50)
    assert found == sorted(found, key=lambda one: one.at)
    assert found == arrivals(OWN, 50)
    assert sum(not one.behind for one in found) == 50
    assert any(one.behind for one in found)
    first = found[0]
    assert (first.at, first.memory) == (0.0, int(first.vcpus * 1.75 * GIB))
    assert all(one.ends - one.at >= 59.9 for one in found)


@pytest.mark.parametrize("checked", [True, False])
def test_a_view_that_is_old_is_wrong_and_one_host_is_not(checked: bool) -> None:
    """Guests behind the back of a periodic scheduler fill a host between two reports."""
    trace = [arrival(8, at=1, behind=True), arrival(8, at=2)]
    outcome = simulate(trace, 1, 8, 64 * GIB, schedulers=1, checked=checked)
    assert (outcome.refused, outcome.overcommitted) == ((1, 0) if checked else (0, 1))
    later = [trace[0], arrival(8, at=61)]
    assert simulate(later, 1, 8, 64 * GIB, schedulers=1, checked=checked).refused == 0
