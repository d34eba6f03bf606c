"""How soon a subscriber that has missed something is current again.

``snapshot_1000``: from opening its sockets until its view holds 1,000 guests. ``replay_60000``:
from the event that shows it a gap of 60,000 events until it has delivered all of them, and its view
has them. Both over ipc, the client being the Python one.
"""

import tempfile
import threading
import time
import uuid
from pathlib import Path

import zmq

from bench.front import Options, Result, measure
from hostmon import snapshots
from hostmon._dispatcher import Dispatcher
from hostmon._ledger import Taken
from hostmon._pipe import EventPipe, record
from hostmon._table import GuestTable
from hostmon.account import HostAccount
from hostmon.answers import Answers
from hostmon.client import Endpoint, Subscriber
from hostmon.events import Event
from hostmon.gate import Gate
from hostmon.ledger import HostLedger
from hostmon.machine.topology import Topology
from hostmon.publisher import SEND_HIGH_WATER_MARK, Access, zmq_library
from hostmon.requests import RequestServer
from hostmon.status import AgentStatus, GuestStatus
from tests.lossy import LossySubscriber
from tests.native.synthetic import put_repeatedly

METRICS = ("snapshot_1000", "replay_60000")
GUESTS = 1000

ROUNDS = 9
MISSED = 60_000
SUSPENDED = 3
STARTED = 2


class Up:
    """A connection that is up, an account, and nothing else that a question could ask for."""

    def __init__(self, ledger: HostLedger) -> None:
        self._ledger = ledger

    def account(self, taken: Taken | None = None) -> HostAccount:
        return self._ledger.account(taken=taken)

    def connection(self) -> str:
        return "up"

    def is_current(self) -> bool:
        return True

    def ailing(self) -> tuple[str, ...]:
        return ()

    def connection_reason(self) -> str:
        return "bench"

    def status(self) -> AgentStatus:
        raise AssertionError("no question of this bench asks for it")

    def guests(self) -> tuple[GuestStatus, ...]:
        raise AssertionError("no question of this bench asks for it")

    def metrics(self, **_: object) -> bytes:
        raise AssertionError("no question of this bench asks for it")

    def metric_pieces(self, **_: object) -> tuple[bytes, ...]:
        raise AssertionError("no question of this bench asks for it")


class Host:
    """The bus of one agent without libvirt, with ``guests`` running guests."""

    def __init__(self, folder: Path, guests: int) -> None:
        self.pipe = EventPipe()
        self.table = GuestTable()
        # No heartbeat may tell of the gap before the measurement begins.
        ledger = HostLedger(Topology(arch="", cells=()))
        self.dispatcher = Dispatcher(
            self.pipe, self.table, 1, "bench", zmq_library(), heartbeat_ns=3600 * 10**9,
            ledger=ledger,
        )  # fmt: skip
        self.endpoint = Endpoint(f"ipc://{folder}/events", f"ipc://{folder}/requests")
        self.gate = Gate()
        self.server = RequestServer(
            [self.endpoint.requests],
            Answers(Up(ledger), self.table, self.dispatcher),
            self.gate,
            Access(),
        )
        self.gate.guard(self.server)
        self.gate.start()
        self.server.start()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._dispatch)
        self.thread.start()
        self.ready.wait()
        self.uuids = [uuid.UUID(int=n).bytes for n in range(guests)]
        for number, key in enumerate(self.uuids):
            self.pipe.put(record(0, uuid=key, name=b"instance-%08x" % number, event=STARTED, id=1))
        while len(self.table) < guests:
            time.sleep(0.01)

    def _dispatch(self) -> None:
        with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
            socket.linger, socket.sndhwm = 0, SEND_HIGH_WATER_MARK
            socket.bind(self.endpoint.events)
            self.ready.set()
            self.dispatcher.run(socket.underlying)

    def close(self) -> None:
        self.server.stop()
        self.gate.stop()
        self.dispatcher.stop()
        self.thread.join()


def joined(host: Host) -> Subscriber:
    """A subscriber whose view holds every guest."""
    subscriber = Subscriber(host.endpoint, view=True)
    while len(subscriber.views[0].guests) < len(host.uuids):
        subscriber.receive(0.001)
    return subscriber


def snapshot(host: Host) -> float:
    """Seconds to join."""
    began = time.perf_counter()
    subscriber = joined(host)
    taken = time.perf_counter() - began
    subscriber.close()
    return taken


def replay(host: Host) -> float:
    """Seconds to have again what was missed."""
    missed = record(0, uuid=host.uuids[0], name=b"instance-00000000", event=SUSPENDED, id=1)
    deaf: list[int] = []
    dropping = [False]

    def drop(event: Event) -> bool:
        if dropping[0]:
            deaf.append(event.sequence)
        return dropping[0]

    with LossySubscriber(host.endpoint, view=True, drop=drop) as subscriber:
        while not subscriber.views[0].joined:
            subscriber.receive(0.001)
        dropping[0] = True
        goal = host.dispatcher.sequence_of["lifecycle"] + MISSED
        for _ in range(MISSED // 1000):  # no faster than the subscriber takes them
            put_repeatedly(host.pipe, missed, 1000)
            expected = len(deaf) + 1000
            while len(deaf) < expected:
                subscriber.receive(0.001)
        dropping[0] = False
        began = time.perf_counter()
        host.pipe.put(missed)
        last = 0
        delivered = 0
        while last < goal + 1:
            event = subscriber.receive(5)
            if event is None:
                raise RuntimeError("the replay did not end")
            if event.origin in ("live", "replayed") and hasattr(event, "previous"):
                delivered += 1
                last = event.sequence
        taken = time.perf_counter() - began
        if delivered != MISSED + 1:
            raise RuntimeError(f"{delivered} of {MISSED + 1} events came")
    return taken


def run(options: Options) -> list[Result]:
    """Measure both, several times."""
    snapshots.SHARED_S = 0.0  # every round takes a snapshot of its own
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder), options.guests or 1000)
        try:
            snapshot(host)
            return [
                measure("snapshot_1000", "s", [snapshot(host) for _ in range(ROUNDS)]),
                measure("replay_60000", "s", [replay(host) for _ in range(3)]),
            ]
        finally:
            host.close()
