"""The bus's gate on real sockets: keys, garbage, floods; who behaves notices nothing of it."""

import resource
import socket
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
import zmq

from hostmon import keys, stalled
from hostmon._dispatcher import Dispatcher
from hostmon._pipe import EventPipe, record
from hostmon._table import GuestTable
from hostmon._trim import trim_heap
from hostmon.answers import AgentState, Answers
from hostmon.client import ClientKeys, Endpoint, Subscriber, health
from hostmon.dispatcher import DispatcherThread
from hostmon.errors import AgentUnreachableError
from hostmon.gate import MOST_GROWTH, Census, Door, Gate
from hostmon.keys import Pair
from hostmon.ledger import HostLedger
from hostmon.machine.topology import Topology
from hostmon.publisher import Access, zmq_library
from hostmon.requests import RequestServer
from hostmon.settings import BusSettings
from tests.agent_process import free_port, wait_for
from tests.zmtp import ready


class Guarded:
    """The bus of an agent on ipc and on TCP with keys, behind its gate."""

    def __init__(
        self, folder: Path, *, most_peers: int = 1024, most_growth: int = MOST_GROWTH
    ) -> None:
        self.keys = folder / "keys"
        keys.new_pair(self.keys, "agent")
        self.agent = keys.load_pair(self.keys / "agent.key_secret")
        self.port, self.requests_port = free_port(), free_port()
        self.local = Endpoint(f"ipc://{folder}/events", f"ipc://{folder}/requests")
        self.settings = BusSettings(
            events=(f"tcp://127.0.0.1:{self.port}", self.local.events), keys=str(self.keys)
        )
        self.pipe, table = EventPipe(), GuestTable()
        ledger = HostLedger(Topology(arch="", cells=()))
        self.dispatcher = Dispatcher(
            self.pipe, table, 1, "host", zmq_library(), 200_000_000, ledger=ledger
        )
        self.gate = Gate(self.keys, most_peers=most_peers, most_growth=most_growth)
        access = Access(mode=0o600, keys=self.agent)
        view = SimpleNamespace(
            connection=lambda: "up",
            connection_reason=lambda: "",
            ailing=lambda: (),
            account=lambda taken=None: ledger.account(taken=taken),
        )
        self.events = DispatcherThread(self.dispatcher, self.settings, self.gate, access)
        self.requests = RequestServer(
            [self.local.requests, f"tcp://127.0.0.1:{self.requests_port}"],
            Answers(cast("AgentState", view), table, self.dispatcher), self.gate, access,
        )  # fmt: skip
        self.gate.guard(self.events, self.requests)
        for part in (self.gate, self.events, self.requests):
            part.start()

    def close(self) -> None:
        for part in (self.requests, self.events, self.gate):
            part.stop()

    def client(self, name: str, *, allow: bool = True, agent: str = "") -> Endpoint:
        """A client with keys of its own."""
        public, secret = (key.decode() for key in zmq.curve_keypair())
        if allow:
            keys.allow(self.keys, name, public)
            wait_for(lambda: self.gate.may(public))
        own = ClientKeys(Pair(public, secret), agent or self.agent.public)
        return self.remote(own)

    def remote(self, own: ClientKeys | None) -> Endpoint:
        host = "tcp://127.0.0.1"
        return Endpoint(f"{host}:{self.port}", f"{host}:{self.requests_port}", own)

    def publish(self) -> None:
        self.pipe.put(record(0, uuid=uuid.uuid4().bytes, name=b"g", event=2, detail=0, id=1))

    def serves(self, endpoint: Endpoint) -> bool:
        """Whether a client gets events and answers within seconds."""
        with Subscriber(endpoint, view=True) as subscriber:
            end = time.monotonic() + 10
            while not subscriber.views[0].joined and time.monotonic() < end:
                subscriber.receive(0.05)
            return subscriber.views[0].joined and subscriber.views[0].fresh

    def door(self, name: str) -> Any:
        return next(door for door in self.gate.status().doors if door.name == name)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Guarded]]:
    made: list[Guarded] = []

    def build(**options: int) -> Guarded:
        made.append(Guarded(tmp_path, **options))
        return made[0]

    yield build
    for bus in made:
        bus.close()


@pytest.fixture
def bus(make: Callable[..., Guarded]) -> Guarded:
    return make()


def test_an_allowed_key_is_served_and_ipc_needs_none(bus: Guarded) -> None:
    assert bus.serves(bus.client("one"))
    assert bus.serves(bus.local)
    path = Path(bus.local.events.removeprefix("ipc://"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_unknown_missing_and_wrong_keys_get_nothing(bus: Guarded) -> None:
    other = zmq.curve_keypair()[0].decode()
    strangers = {
        "unknown": bus.client("stranger", allow=False),
        "missing": bus.remote(None),
        "wrong agent": bus.client("misled", agent=other),
    }
    for name, endpoint in strangers.items():
        with Subscriber(endpoint) as subscriber:
            bus.publish()
            assert subscriber.receive(0.7) is None, name
        with pytest.raises(AgentUnreachableError, match="are these keys allowed there"):
            health(endpoint, timeout=0.5)
    assert bus.gate.status().denied >= 2
    wait_for(lambda: bus.door("events").failed >= 3 and bus.door("requests").failed >= 3)
    assert bus.serves(bus.client("one"))


def test_a_revoked_key_ends_what_it_had_and_others_miss_nothing(bus: Guarded) -> None:
    revoked, kept = bus.client("revoked"), bus.client("kept")
    with Subscriber(revoked, view=True) as loser, Subscriber(kept, view=True) as keeper:
        for subscriber in (loser, keeper):
            wait_for(lambda: subscriber.receive(0.05) and subscriber.views[0].joined)  # noqa: B023
        keys.revoke(bus.keys, "revoked")
        wait_for(lambda: len(bus.gate.status().doors) == 2 and bus.gate.status().keys == 1)
        # Heartbeats that were under way may still come; then there is nothing.
        wait_for(lambda: loser.receive(0.6) is None)
        for _ in range(100):
            bus.publish()
        wait_for(lambda: keeper.receive(0.05) and len(keeper.views[0].guests) == 100)
        assert loser.receive(0.3) is None
        assert not loser.views[0].guests


def test_a_key_that_comes_later_is_allowed_without_a_restart(bus: Guarded) -> None:
    endpoint = bus.client("late", allow=False)
    with pytest.raises(AgentUnreachableError):
        health(endpoint, timeout=0.3)
    assert endpoint.keys is not None
    keys.allow(bus.keys, "late", endpoint.keys.own.public)
    assert health(endpoint, timeout=10).connection == "up"


GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00"
RUBBISH = {
    "http": b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    "random": Random(1).randbytes(4096),
    "truncated greeting": GREETING[:7],
    "truncated curve": GREETING + b"CURVE".ljust(20, b"\0") + b"\0" * 32 + b"\x04\x19\x05HELLO",
    "huge frame": GREETING + b"NULL".ljust(20, b"\0") + b"\0" * 32 + b"\x02" + b"\xff" * 8,
}


def unix(path: str) -> socket.socket:
    """A connection to a socket file."""
    made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(0.2)
        made.connect(path)
    except OSError:
        made.close()
        raise
    return made


def still_open(peer: socket.socket) -> bool:
    """Whether the other end has not closed a connection yet."""
    peer.settimeout(0)
    with suppress(ConnectionError):
        try:
            while peer.recv(65536):
                pass
        except BlockingIOError:
            return True
    return False


def test_rubbish_costs_nothing(bus: Guarded) -> None:
    path = bus.local.events.removeprefix("ipc://")
    ports = (bus.port, bus.requests_port)
    peers: list[tuple[str, socket.socket]] = []
    with ExitStack() as held:
        for name, said in (*RUBBISH.items(),) * 20:
            tcp = [socket.create_connection(("127.0.0.1", port)) for port in ports]
            for peer in (*tcp, unix(path)):
                held.enter_context(peer).sendall(said)
                peers.append((name, peer))
        assert bus.serves(bus.client("one"))
        # Silent or not: none of them is there for longer than the handshake may take.
        end = time.monotonic() + 15
        while left := {name for name, peer in peers if still_open(peer)}:
            assert time.monotonic() < end, f"still there: {left}"
            time.sleep(0.02)
        wait_for(lambda: bus.door("events").peers == 0 and bus.door("requests").peers == 0)
        wait_for(lambda: bus.door("events").failed == 200 and bus.door("requests").failed == 100)


@contextmanager
def unbounded(kind: int, address: str) -> Iterator["zmq.Socket[bytes]"]:
    """A subscriber that sends without limit, and does not come again once it was cut off."""
    with zmq.Context() as context, context.socket(kind) as socket:
        socket.linger = 0
        socket.reconnect_ivl = -1
        socket.sndhwm = 0
        socket.connect(address)
        yield socket


def test_who_subscribes_to_too_much_is_cut_off(bus: Guarded) -> None:
    before = resident()
    with unbounded(zmq.SUB, bus.local.events) as greedy:
        for number in range(200_000):
            greedy.subscribe(b"lifecycle/lifecycle/%036d" % number)
        wait_for(lambda: bus.dispatcher.abuse[0], 30)
        wait_for(lambda: bus.door("events").peers == 0)
    assert bus.serves(bus.local)
    # The client that floods is this process too: its own memory is part of what grew.
    assert resident() - before < 80 << 20


def test_taking_back_what_was_never_subscribed_makes_no_room(bus: Guarded) -> None:
    with unbounded(zmq.XSUB, bus.local.events) as greedy:
        for number in range(6_000):
            greedy.send(b"\x00never/%06d" % number)
            greedy.send(b"\x01lifecycle/lifecycle/%036d" % number)
        wait_for(lambda: bus.dispatcher.abuse[0])
        wait_for(lambda: bus.door("events").peers == 0)
    assert bus.serves(bus.local)


def test_who_says_too_much_is_cut_off(bus: Guarded) -> None:
    with unbounded(zmq.XSUB, bus.local.events) as noisy:
        for _ in range(50_000):  # subscribes to nothing: that is another limit
            noisy.send(b"\x00lifecycle/")
            noisy.send(b"\x07nonsense")
        wait_for(lambda: bus.dispatcher.abuse[0])
        wait_for(lambda: bus.door("events").peers == 0)
    assert bus.serves(bus.local)


def test_who_takes_but_a_little_now_and_then_is_dropped(
    make: Callable[..., Guarded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalled, "LAGGING_S", 1.0)
    monkeypatch.setattr(stalled, "STALLED_S", 60.0)
    bus = make()
    with (
        zmq.Context() as context,
        context.socket(zmq.SUB) as slow,
        Subscriber(bus.local, view=True) as other,
    ):
        slow.linger = 0
        slow.rcvhwm = 1
        slow.reconnect_ivl = -1
        slow.subscribe(b"lifecycle/")
        slow.connect(bus.local.events)
        wait_for(lambda: bus.door("events").peers == 2)

        def had() -> int:
            bus.publish()
            return int(slow.poll(0))

        wait_for(had)

        def takes_a_little() -> bool:
            for _ in range(50):  # in all less than comes
                bus.publish()
                other.receive(0)
            slow.recv(zmq.DONTWAIT) if slow.poll(0) else None
            return bus.gate.status().stalled == 1

        wait_for(takes_a_little, 30)
        wait_for(lambda: bus.door("events").peers == 1)
        assert other.views[0].joined


@pytest.mark.parametrize("door", ["events", "requests"])
def test_a_message_without_an_end_is_ended(make: Callable[..., Guarded], door: str) -> None:
    """libzmq keeps its frames, each within the limits, where nothing counts them."""
    bus = make(most_growth=32 << 20)
    before = resident()
    path = (bus.local.events if door == "events" else bus.local.requests).removeprefix("ipc://")
    frame = b"\x01\xff" + bytes(255)
    with unix(path) as peer:
        peer.sendall(ready(b"SUB" if door == "events" else b"DEALER"))
        peer.settimeout(5)
        answered = b""
        while b"READY" not in answered:
            answered += peer.recv(4096)
        with pytest.raises(ConnectionError):
            flood(peer, frame * 256)
    wait_for(lambda: bus.gate.status().overgrown)
    assert bus.serves(bus.local)
    trim_heap()
    assert resident() - before < 64 << 20


def flood(peer: socket.socket, data: bytes) -> None:
    """Send the same until that fails."""
    while True:
        peer.sendall(data)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_message_that_is_no_subscription_is_ignored(bus: Guarded) -> None:
    with zmq.Context() as context, context.socket(zmq.XSUB) as peer:
        peer.linger = 0
        peer.connect(bus.local.events)
        for message in (b"\x07nonsense", b"\x01welcome\0", b"", b"\xff"):
            peer.send(message)
        wait_for(lambda: bus.dispatcher.abuse[1] >= 2)
        assert peer.poll(5000)


def test_more_peers_than_allowed_are_not_taken(make: Callable[..., Guarded]) -> None:
    bus = make(most_peers=20)
    path = bus.local.events.removeprefix("ipc://")
    with Subscriber(bus.local, view=True) as first, ExitStack() as crowd:
        wait_for(lambda: first.receive(0.05) and first.views[0].joined)
        for _ in range(100):
            with suppress(OSError):
                crowd.enter_context(unix(path))
        wait_for(lambda: bus.gate.status().crowded_out >= 70)
        bus.publish()
        wait_for(lambda: first.receive(0.05) and first.views[0].guests)
        # Who did not shake hands is gone after two seconds, and there is room again.
        wait_for(lambda: bus.door("events").peers == 1)
        assert bus.serves(bus.local)
        assert bus.serves(bus.client("one"))


def test_a_burst_costs_as_many_as_are_too_many(make: Callable[..., Guarded]) -> None:
    bus = make(most_peers=20)
    path = bus.local.events.removeprefix("ipc://")
    with ExitStack() as held:

        def come(count: int) -> None:
            for _ in range(count):
                held.enter_context(unix(path)).sendall(ready(b"SUB"))

        come(15)
        wait_for(lambda: bus.door("events").peers == 15)
        come(10)
        wait_for(lambda: bus.gate.status().crowded_out >= 5)
        wait_for(lambda: bus.door("events").peers <= 20)
        assert (bus.gate.status().crowded_out, bus.door("events").peers) == (5, 20)


def test_who_is_being_ended_is_not_counted_again() -> None:
    gate = Gate(most_peers=20)
    census = Census(cast("Door", SimpleNamespace(owns=lambda _: True)))
    gate._censuses = [census]
    with gate.context, ExitStack() as held:
        for came, peers, ended in ((10, 25, 5), (2, 27, 7), (1, 27, 7)):
            pairs = [socket.socketpair() for _ in range(came)]
            for one in (one for pair in pairs for one in pair):
                held.enter_context(one)
            census.peers, census.accepted = peers, [ours.fileno() for ours, _ in pairs]
            gate._bound(census)  # nothing has told yet that those of the turn before are gone
            assert gate.crowded_out == ended
