"""The scheduler: keeps its views current, decides, claims, and goes on to the next best host.

Owns its sockets; use it in the thread that made it.
"""

import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Self

import zmq

from hostmon.client import Endpoint, FleetView
from hostmon.errors import AgentUnreachableError
from hostmon.events import Event
from hostmon.scheduler.again import ClaimsAgain
from hostmon.scheduler.chooser import Chooser
from hostmon.scheduler.claimer import SILENT, Claimer
from hostmon.scheduler.contract import Filter, Weigher
from hostmon.scheduler.holdings import Holdings
from hostmon.scheduler.request import LostPlacement, Placement, PlacementRequest, RefusedClaim
from hostmon.scheduler.table import HostTable
from hostmon.status import ClaimAnswer, ClaimWanted

TTL = 60.0
ATTEMPTS = 10


class Scheduler:
    """Places requests on the hosts of ``endpoints``, each of which needs both addresses.

    A claim lasts ``ttl`` seconds; ``attempts`` hosts are asked at most. ``draw`` chooses among
    hosts that suit equally. What was claimed of an agent that began anew since is claimed again;
    ``on_lost`` is told of what it refuses then, in `update`, and may place anew.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        filters: Mapping[str, Filter],
        weighers: Mapping[str, tuple[Weigher, float]],
        *,
        ttl: float = TTL,
        attempts: int = ATTEMPTS,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
        draw: random.Random | None = None,
        on_lost: Callable[[LostPlacement], object] = lambda _: None,
    ) -> None:
        self.fleet = FleetView(endpoints, context=context)
        self.hosts = HostTable(self.fleet.subscriber.views)
        self.chooser = Chooser(self.hosts, filters, weighers, draw)
        self.claimer = Claimer(endpoints, self.fleet.context)
        self.holdings = Holdings()
        self.refused = 0
        self._endpoints = endpoints
        self._ttl = ttl
        self._attempts = attempts
        self._on_lost = on_lost
        self._epochs = [0] * len(endpoints)
        self._again = ClaimsAgain(self.hosts.views, self.holdings, self.claimer)
        self._losses: deque[LostPlacement] = deque()
        self._changed: set[int] = set(range(len(endpoints)))
        for row, view in enumerate(self.hosts.views):
            view.on_change = partial(self._changed.add, row)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave every bus. What was claimed stays claimed."""
        self.claimer.close()
        self.fleet.close()

    def join(self, timeout: float = 5.0) -> tuple[Endpoint, ...]:
        """Wait until every host has been joined; who has not been in time.

        Raises AgentUnreachableError if nobody has.
        """
        end = time.monotonic() + timeout
        while not self.fleet.joined and (left := end - time.monotonic()) > 0:
            self.update(min(left, 0.1))
        pairs = zip(self._endpoints, self.hosts.views, strict=True)
        away = tuple(endpoint for endpoint, view in pairs if not view.joined)
        if len(away) == len(self._endpoints):
            raise AgentUnreachableError(
                f"{self._endpoints[0].events}: none of {len(away)} agents answered within "
                f"{timeout:g} s; is `hostmon run` running there?"
            )
        return away

    def update(self, timeout: float = 0.0) -> list[Event]:
        """Take what the hosts have told, waiting ``timeout`` seconds for it; the events."""
        events = self.fleet.update(timeout)
        self._take_changes()
        for lost in self._again.step():
            self.hosts.placed.drop(lost.placement.claim)
            self._losses.append(lost)
        self._take_changes()
        while self._losses:  # told one by one: whoever is told may place, or raise
            self._on_lost(self._losses.popleft())
        return events

    def place(self, request: PlacementRequest) -> Placement:
        """Choose a host and claim room there, on the next best one where a host refuses."""
        request = request.known()
        refused: list[RefusedClaim] = []
        without: set[int] = set()
        while len(refused) < self._attempts:
            self.update()
            behind = self._again.behind()
            row = self.chooser.choose(request, without | behind)
            if row < 0:
                reason = self.chooser.explain(request, without, behind)
                return Placement(request=request, refused=tuple(refused), reason=reason)
            name = str(uuid.uuid4())
            answer, doubtful = self.claimer.claim(row, self._wanted(request, name))
            if doubtful:
                self._again.give_back(row, name, self._ttl, silent=answer == SILENT)
            if isinstance(answer, ClaimAnswer):
                self.hosts.views[row].take_sums(answer.epoch, answer.sums)
                if answer.state == "granted":
                    return self._placed(request, row, name, refused, answer.epoch)
            refused.append(RefusedClaim.told(self.hosts.views[row].host, answer))
            without.add(row)
            self.refused += 1
        reason = f"{len(refused)} hosts refused; attempts are limited to {self._attempts}"
        return Placement(request=request, refused=tuple(refused), reason=reason)

    def release(self, placement: Placement) -> None:
        """Give back a placement whose guest will not start.

        A host that does not answer is waited for once; then `update` gives it back once it does.
        """
        self.holdings.drop(placement.claim)
        self.hosts.placed.release(placement.claim)
        for row, view in enumerate(self.hosts.views):
            here = bool(placement.host) and view.host == placement.host
            if here and not self._released(row, placement.claim):
                self._again.give_back(row, placement.claim, placement.ttl)

    def _released(self, row: int, claim: str) -> bool:
        """Whether a host has answered that a claim is given back; not of one that is behind."""
        if row in self._again.behind():
            return False
        return isinstance(self.claimer.release(row, claim), ClaimAnswer)

    def _take_changes(self) -> None:
        while self._changed:
            row = self._changed.pop()
            self.hosts.put(row)
            if self._epochs[row] != self.hosts.views[row].epoch:
                self._epochs[row] = self.hosts.views[row].epoch
                self._again.begin(row)

    def _wanted(self, request: PlacementRequest, name: str) -> ClaimWanted:
        return ClaimWanted(
            id=name,
            vcpus=request.vcpus,
            memory=request.memory,
            disk=request.disk,
            page_size=request.page_size,
            guest=request.uuid,
            ttl=self._ttl,
        )

    def _placed(
        self,
        request: PlacementRequest,
        row: int,
        name: str,
        refused: list[RefusedClaim],
        epoch: int,
    ) -> Placement:
        self.hosts.placed.add(name, request.uuid, request.groups, row, self._ttl)
        placement = Placement(
            request=request,
            host=self.hosts.views[row].host,
            claim=name,
            ttl=self._ttl,
            refused=tuple(refused),
        )
        self.holdings.add(placement, self._wanted(request, name), row, epoch)
        return placement
