"""What a decision costs a scheduler, by the number of hosts.

Timed is what a scheduler does: choose a host, read the host's answer, take one change of another
host (a message of the bus), and renew both rows. Not timed is what hosts do, by the agent's own
ledger, claims and encoder, and the way between them: so 10,000 hosts fit into one process.
"""

import gc
import random
import time
import uuid
from collections import deque
from collections.abc import Sequence

import msgspec

from bench.fleet.trace import Arrival
from hostmon import wire
from hostmon.account import HostAccount
from hostmon.client import HostView
from hostmon.client.requests import decode_answer
from hostmon.events import HeartbeatEvent
from hostmon.granting import Granting, told
from hostmon.ledger import HostLedger
from hostmon.machine.topology import Cell, Cpu, Topology
from hostmon.scheduler import HostTable, PlacementRequest
from hostmon.scheduler.chooser import Chooser
from hostmon.scheduler.named import filters_named, weighers_named
from hostmon.status import ClaimAnswer, ClaimWanted, SnapshotAnswer

VCPUS, MEMORY = 64, 128 << 30
TOPOLOGY = Topology(arch="", cells=(Cell(0, MEMORY, tuple(Cpu(n) for n in range(VCPUS))),))
EMPTY = msgspec.Raw(msgspec.msgpack.encode(()))


class Host:
    """A host's account and claims, and the bytes by which it tells of them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ledger = HostLedger(TOPOLOGY)
        self.granting = Granting(self, self.ledger, lambda: None, 1, name)
        self._sequence = 0

    def account(self) -> HostAccount:
        return self.ledger.account()

    def is_current(self) -> bool:
        return True

    def snapshot(self) -> bytes:
        """The answer by which a view begins."""
        return msgspec.msgpack.encode(
            SnapshotAnswer(
                epoch=1, host=self.name, connection="up", taken_ns=1, classes=(), id=0, row=0,
                guests=EMPTY, account=self.account(),
            )
        )  # fmt: skip

    def claim(self, request: PlacementRequest, name: str) -> bytes:
        """The answer to a claim."""
        wanted = ClaimWanted(id=name, vcpus=request.vcpus, memory=request.memory)
        return msgspec.msgpack.encode(self.granting.claim(0, wanted))

    def release(self, name: str) -> bytes:
        """Room becomes free: the message that every subscriber is sent."""
        self.granting.release(0, ClaimWanted(id=name))
        self._sequence += 1
        return wire.encode(
            HeartbeatEvent(
                epoch=1, sequence=self._sequence, host=self.name, time_ns=1, monotonic_ns=1,
                sums=told(self.ledger), classes=(),
            )
        )  # fmt: skip


class Follower:
    """A scheduler's side of so many hosts."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self.hosts = [Host(f"host-{number:05}") for number in range(count)]
        self.views = [HostView() for _ in self.hosts]
        for host, view in zip(self.hosts, self.views, strict=True):
            answer = decode_answer(host.snapshot())
            assert isinstance(answer, SnapshotAnswer)
            view.reset(answer.host, 1, answer.connection, answer.taken_ns, (), answer.account)
        self.table = HostTable(self.views)
        for row in range(count):
            self.table.put(row)
        draw = random.Random(seed)
        self.chooser = Chooser(self.table, filters_named(), weighers_named(), draw)
        self._names = (uuid.UUID(int=draw.getrandbits(128), version=4) for _ in iter(int, 1))
        self._held: deque[tuple[int, str]] = deque()
        self._most = 8 * count

    def decide(self, one: Arrival) -> int:
        """One decision, and what follows; ns of the scheduler's own time."""
        request = PlacementRequest(vcpus=one.vcpus, memory=one.memory)
        began = time.perf_counter_ns()
        row = self.chooser.choose(request)
        taken = time.perf_counter_ns() - began
        assert row >= 0, "a host is left for every request of this bench"
        name = str(next(self._names))
        answer = self.hosts[row].claim(request, name)
        self._held.append((row, name))
        other, message = self._another()
        began = time.perf_counter_ns()
        self._take(row, answer)
        if message:
            self.views[other].apply(wire.decode(message))
            self.table.put(other)
        return taken + time.perf_counter_ns() - began

    def _another(self) -> tuple[int, bytes]:
        """The oldest claim is given back, once there are enough."""
        if len(self._held) <= self._most:
            return 0, b""
        row, name = self._held.popleft()
        return row, self.hosts[row].release(name)

    def _take(self, row: int, answer: bytes) -> None:
        decoded = decode_answer(answer)
        assert isinstance(decoded, ClaimAnswer)
        assert decoded.state == "granted"
        self.views[row].take_sums(decoded.epoch, decoded.sums)
        self.table.put(row)


def timings(count: int, trace: Sequence[Arrival], decisions: int) -> list[float]:
    """Seconds of each decision, after a warm-up of a quarter as many."""
    follower = Follower(count)
    small = [one for one in trace if one.vcpus <= 4]
    asked = [small[number % len(small)] for number in range(decisions + decisions // 4)]
    gc.collect()
    gc.freeze()  # what stands is not looked at again: a scheduler's table stands too
    try:
        taken = [follower.decide(one) for one in asked]
    finally:
        gc.unfreeze()
    return [ns / 1e9 for ns in taken[decisions // 4 :]]
