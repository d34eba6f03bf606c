"""An agent begins anew: its schedulers claim again what they held, and tell what they lost."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostmon.client import HostView, ask
from hostmon.machine.topology import Cell, Cpu, Topology
from hostmon.scheduler import LostPlacement, Placement, PlacementRequest, Scheduler
from hostmon.scheduler.holdings import Holdings
from hostmon.scheduler.named import filters_named, weighers_named
from hostmon.status import ClaimAnswer, ClaimWanted, Request
from tests.unit.bus import STARTED, Bus, until
from tests.unit.scheduler.views import GIB
from tests.unit.test_dispatcher import RUNNING, facts

HOST = Topology(arch="", cells=(Cell(0, 64 * GIB, tuple(Cpu(n) for n in range(8))),))


class Restarted:
    """One host, whose agent is started anew; what the scheduler lost."""

    def __init__(self, folder: Path) -> None:
        self.lost: list[LostPlacement] = []
        self._folder = folder
        self.bus = Bus(folder, topology=HOST, epoch=1)
        self.mine = Scheduler(
            [self.bus.endpoint], filters_named(), weighers_named(), on_lost=self.lost.append
        )
        assert self.mine.join(20) == ()

    def close(self) -> None:
        self.mine.close()
        self.bus.close()

    def restart(self, before: Callable[[Bus], object] = lambda _: None) -> None:
        """Another run; ``before`` happens to it before the scheduler looks."""
        self.bus.close()
        self.bus = Bus(self._folder, topology=HOST, epoch=2)
        before(self.bus)

    def claimed(self) -> int:
        return self.bus.rig.ledger.sums()["vcpus_claimed"]

    def follow(self, condition: Callable[[], object]) -> None:
        until(condition, lambda: self.mine.update(0.01))

    def joined_anew(self) -> bool:
        return self.mine.hosts.views[0].epoch == 2 and not self.mine._again


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Restarted]:
    made = Restarted(tmp_path)
    yield made
    made.close()


def foreign(bus: Bus, vcpus: int) -> str:
    """What another scheduler is answered."""
    wanted = ClaimWanted(id=str(uuid.uuid4()), vcpus=vcpus)
    answer = ask(bus.endpoint, Request(ask="claim", claim=wanted))
    assert isinstance(answer, ClaimAnswer)
    return answer.state


def run_guest(bus: Bus, guest: uuid.UUID) -> None:
    bus.rig.put_lifecycle(guest, STARTED, 0, id_=1)
    facts(bus.rig, guest, RUNNING, resync=False, persistent=False, id=1)
    bus.wait()


def test_what_was_held_is_held_again_by_the_same_id(host: Restarted) -> None:
    placements = [host.mine.place(PlacementRequest(vcpus=3)) for _ in range(2)]
    host.restart()
    host.follow(lambda: host.claimed() == 6)
    assert foreign(host.bus, 3) == "refused"
    assert host.bus.answers.granting.status().granted == 2
    host.mine.release(placements[0])
    assert host.claimed() == 3
    assert not host.lost
    host.follow(host.joined_anew)
    assert len(host.mine.holdings) == 1


def test_what_another_took_meanwhile_is_told(host: Restarted) -> None:
    placement = host.mine.place(PlacementRequest(vcpus=8, name="late"))
    host.restart(lambda bus: foreign(bus, 2))
    host.follow(lambda: host.lost)
    (lost,) = host.lost
    assert lost.placement == placement
    assert (lost.refused.resource, lost.refused.asked, lost.refused.free) == ("vcpus", 8, 6)
    assert len(host.mine.holdings) == 0


def test_a_guest_that_runs_needs_no_claim_and_is_not_lost(host: Restarted) -> None:
    guest = uuid.uuid4()
    assert host.mine.place(PlacementRequest(vcpus=8, uuid=str(guest))).host
    host.restart(lambda bus: run_guest(bus, guest))
    host.follow(host.joined_anew)
    assert not host.lost
    assert (host.claimed(), len(host.mine.holdings)) == (0, 0)


def test_an_agent_that_is_not_ready_is_asked_until_it_is(host: Restarted) -> None:
    host.mine.place(PlacementRequest(vcpus=5))
    host.restart(lambda bus: setattr(bus, "current", False))
    host.follow(lambda: host.bus.server.refused >= 2)
    assert host.claimed() == 0
    host.bus.current = True
    host.follow(lambda: host.claimed() == 5)
    assert not host.lost


def test_holdings_end_with_their_time() -> None:
    now = [0.0]
    holdings = Holdings(lambda: now[0])
    view = HostView()
    view.epoch = 2
    for number in range(3):
        wanted = ClaimWanted(id=str(number), ttl=60)
        placement = Placement(request=PlacementRequest(), claim=wanted.id)
        holdings.add(placement, wanted, number % 2, 1)
        now[0] += 10
    first, last = holdings.of_other_runs(0, view)
    assert (first.anew().ttl, last.anew().ttl, first.anew().again) == (30, 50, True)
    first.epoch = 2
    assert holdings.of_other_runs(0, view) == [last]
    now[0] = 75
    assert len(holdings.of_other_runs(0, view)) == 1
    assert len(holdings) == 1
    now[0] = 100
    assert holdings.of_other_runs(0, view) == []
    assert len(holdings) == 0
