"""One host whose agent begins anew, for tests of what its scheduler does then."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostmon.client import ask
from hostmon.machine.topology import Cell, Cpu, Topology
from hostmon.scheduler import LostPlacement, Placement, PlacementRequest, Scheduler
from hostmon.scheduler.named import filters_named, weighers_named
from hostmon.status import ClaimAnswer, ClaimWanted, Request
from tests.unit.bus import Bus, until
from tests.unit.scheduler.views import GIB

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

    def hold(self, epoch: int = 1, **wanted: Any) -> str:
        """A claim of memory or disk, as if an agent of another run had granted it."""
        claim = str(uuid.uuid4())
        placement = Placement(request=PlacementRequest(), claim=claim)
        self.mine.holdings.add(placement, ClaimWanted(id=claim, **wanted), 0, epoch)
        return claim

    def claimed(self) -> int:
        return self.bus.rig.ledger.sums()["vcpus_claimed"]

    def follow(self, condition: Callable[[], object]) -> None:
        until(condition, lambda: self.mine.update(0.01))

    def joined_anew(self) -> bool:
        return self.mine.hosts.views[0].epoch == 2 and not self.mine._again


def foreign(bus: Bus, vcpus: int) -> str:
    """What another scheduler is answered."""
    wanted = ClaimWanted(id=str(uuid.uuid4()), vcpus=vcpus)
    answer = ask(bus.endpoint, Request(ask="claim", claim=wanted))
    assert isinstance(answer, ClaimAnswer)
    return answer.state
