"""What a whole placement costs: `Scheduler.place`, with the hosts' answers on real sockets.

The hosts are one process of ours: each has the agent's own ledger and claims, a ROUTER that answers
snapshots and claims, and an XPUB that welcomes. What they take to answer is in the figure, as is
the way; what else an agent does beside its claims is not.
"""

import gc
import multiprocessing
import random
import select
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec
import zmq

from bench.fleet.decisions import EMPTY, TOPOLOGY
from bench.fleet.trace import Arrival
from hostmon import wire
from hostmon.account import HostAccount, Resource
from hostmon.client import Endpoint
from hostmon.client.fleet import roomy
from hostmon.events import HeartbeatEvent, Welcome
from hostmon.gate import allow_descriptors
from hostmon.granting import Granting, told
from hostmon.ledger import HostLedger
from hostmon.scheduler import Placement, PlacementRequest, Scheduler
from hostmon.scheduler.named import filters_named, weighers_named
from hostmon.status import Request, SnapshotAnswer

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

TRAIT = "CUSTOM_FAST"
DISK = 8 << 40
DEADLINE_S = 120.0
BEAT_S = 1.0

decode = msgspec.msgpack.Decoder(Request).decode


class Host:
    """One host; every second has the trait."""

    def __init__(self, number: int) -> None:
        self.name = f"host-{number:05}"
        self.ledger = HostLedger(TOPOLOGY)
        self.granting = Granting(self, self.ledger, lambda: None, 1, self.name)
        self._beats = 0
        self._traits = (TRAIT,) if number % 2 else ()

    def is_current(self) -> bool:
        return True

    def account(self) -> HostAccount:
        """With a disk, as a survey of images would tell it."""
        account = self.ledger.account()
        sums = self.ledger.sums()
        disk = Resource(DISK, claimed=sums["disk_claimed"])
        return msgspec.structs.replace(
            account, disk=disk, disk_available_least=DISK, traits=self._traits
        )

    def heartbeat(self) -> bytes:
        """What says that it is there."""
        self._beats += 1
        return b"heartbeat/heartbeat/\0" + wire.encode(
            HeartbeatEvent(
                epoch=1, sequence=self._beats, host=self.name, time_ns=1,
                monotonic_ns=time.monotonic_ns(), sums=told(self.ledger), classes=(),
            )
        )  # fmt: skip

    def answer(self, request: Request) -> msgspec.Struct:
        """A snapshot, or how a claim stands."""
        if request.ask == "snapshot":
            return SnapshotAnswer(
                re=request.re, epoch=1, host=self.name, connection="up", taken_ns=1, classes=(),
                id=0, row=0, guests=EMPTY, account=self.account(),
            )  # fmt: skip
        act = self.granting.release if request.ask == "release" else self.granting.claim
        return act(request.re, request.claim)


def endpoints(folder: str, count: int) -> list[Endpoint]:
    """Both addresses of each host."""
    return [Endpoint(f"ipc://{folder}/{n}.e", f"ipc://{folder}/{n}.r") for n in range(count)]


def serve(folder: str, count: int, ready: "Event") -> None:
    """Be so many hosts, until killed."""
    context = roomy(count)
    epoll = select.epoll()
    hosts: dict[int, tuple[zmq.Socket[bytes], Host]] = {}
    listening: list[tuple[zmq.Socket[bytes], Host]] = []
    for number, endpoint in enumerate(endpoints(folder, count)):
        host = Host(number)
        events = context.socket(zmq.XPUB)
        welcome = msgspec.msgpack.encode(Welcome(epoch=1, host=host.name, classes=()))
        events.setsockopt(zmq.XPUB_WELCOME_MSG, wire.WELCOME.encode() + b"\0" + welcome)
        events.bind(endpoint.events)
        requests = context.socket(zmq.ROUTER)
        requests.bind(endpoint.requests)
        hosts[int(requests.fd)] = requests, host
        listening.append((events, host))
        epoll.register(int(requests.fd), select.EPOLLIN)
    ready.set()
    due = 0.0
    while True:
        if time.monotonic() >= due:
            due = time.monotonic() + BEAT_S
            for events, host in listening:
                events.send(host.heartbeat())
        for fd, _ in epoll.poll(BEAT_S):
            answer_all(*hosts[fd])


def answer_all(socket: zmq.Socket[bytes], host: Host) -> None:
    """Until nothing is left: a ZeroMQ descriptor tells of changes only."""
    with suppress(zmq.Again):
        while True:
            peer, payload = socket.recv_multipart(zmq.DONTWAIT)
            answer = host.answer(decode(payload))
            socket.send_multipart([peer, msgspec.msgpack.encode(answer)])


@contextmanager
def fleet(count: int) -> Iterator[list[Endpoint]]:
    """So many hosts, in a process that ends with the block."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        ready = spawn.Event()
        process = spawn.Process(target=serve, args=(folder, count, ready), daemon=True)
        process.start()
        try:
            if not ready.wait(DEADLINE_S):
                raise TimeoutError(f"{count} hosts did not listen within {DEADLINE_S:g} s")
            yield endpoints(folder, count)
        finally:
            process.kill()
            process.join()


def request_of(one: Arrival, number: int) -> PlacementRequest:
    """With a disk; one in four wants the trait, one in eight is of a group kept apart."""
    return PlacementRequest(
        vcpus=one.vcpus,
        memory=one.memory,
        disk=10 << 30,
        traits=(TRAIT,) if number % 4 == 0 else (),
        anti_affinity=(f"group-{number // 32}",) if number % 8 == 1 else (),
    )


def placements(count: int, trace: Sequence[Arrival], number: int) -> list[float]:
    """Seconds of each placement, after a warm-up of a quarter as many; not of giving room back."""
    small = [one for one in trace if one.vcpus <= 4]
    taken: list[float] = []
    held: deque[Placement] = deque()
    allow_descriptors()
    with fleet(count) as hosts:
        draw = random.Random(1)
        with Scheduler(hosts, filters_named(), weighers_named(), draw=draw) as scheduler:
            if away := scheduler.join(DEADLINE_S):
                raise TimeoutError(f"{len(away)} of {count} hosts were not joined")
            gc.collect()
            for n in range(number + number // 4):
                request = request_of(small[n % len(small)], n)
                began = time.perf_counter()
                placement = scheduler.place(request)
                taken.append(time.perf_counter() - began)
                if not placement.host:
                    raise RuntimeError(f"not placed: {placement.reason}")
                held.append(placement)
                if len(held) > 4 * count:
                    scheduler.release(held.popleft())
    return taken[number // 4 :]
