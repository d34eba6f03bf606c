"""Many hosts in one client: what one of them does costs the others nothing."""

import resource
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
import zmq

from bench.fleet.rivals import fleet as simulated
from hostmon.client import Endpoint, FleetView, Subscriber
from hostmon.client.link import Link
from hostmon.events import Welcome
from hostmon.status import SnapshotAnswer
from tests.unit.bus import DEFINED, STARTED, Bus, until

HOUR = 3600 * 10**9


@pytest.fixture
def buses(tmp_path: Path) -> Iterator[list[Bus]]:
    with ExitStack() as stack:
        made = []
        for number in range(3):
            folder = tmp_path / str(number)
            folder.mkdir()
            made.append(Bus(folder, host=f"host-{number}", heartbeat_ns=HOUR))
            stack.callback(made[-1].close)
        yield made


def test_only_links_with_something_to_do_are_advanced(
    buses: list[Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    advanced: Counter[Link] = Counter()
    advance = Link.advance

    def counted(link: Link) -> list[object]:
        advanced[link] += 1
        return advance(link)  # type: ignore[return-value]

    fleet = FleetView([bus.endpoint for bus in buses])
    try:
        until(lambda: fleet.joined, lambda: fleet.update(0.01))
        fleet.subscriber._waiting._sweep_at = time.monotonic() + 60
        until(lambda: not fleet.update(0.2), lambda: None)
        monkeypatch.setattr(Link, "advance", counted)
        guest = uuid.uuid4()
        for number in range(100):
            event = (DEFINED, STARTED)[number % 2]
            buses[1].rig.put_lifecycle(guest, event, 0, id_=1)
            until(lambda: len(fleet.update(0.05)) > 0, lambda: None)
        quiet, busy, other = (advanced[link] for link in fleet.subscriber._links)
        assert busy >= 100
        assert quiet + other <= 4
        assert str(guest) in fleet.hosts["host-1"].guests
    finally:
        fleet.close()


def test_every_host_is_followed_at_once_and_gaps_are_repaired(buses: list[Bus]) -> None:
    guests = [uuid.uuid4() for _ in range(20)]
    fleet = FleetView([bus.endpoint for bus in buses])
    try:
        until(lambda: fleet.joined, lambda: fleet.update(0.01))
        for number, bus in enumerate(buses):
            bus.churn(guests, 3000, seed=number)
        for bus in buses:
            bus.wait()

        def agreed() -> bool:
            views = fleet.subscriber.views
            return all(bus.agrees(view) for bus, view in zip(buses, views, strict=True))

        until(agreed, lambda: fleet.update(0.05))
    finally:
        fleet.close()


def test_more_hosts_than_a_context_of_libzmq_has_sockets_for(tmp_path: Path) -> None:
    endpoints = [
        Endpoint(f"ipc://{tmp_path}/{n}.events", f"ipc://{tmp_path}/{n}.requests")
        for n in range(600)
    ]
    fleet = FleetView(endpoints)
    try:
        assert fleet.update(0.0) == []
        assert not fleet.joined
    finally:
        fleet.close()


def test_all_hosts_are_asked_at_once(tmp_path: Path) -> None:
    with zmq.Context() as context, ExitStack() as stack:
        endpoints, buses, routers = [], [], []
        for number in range(20):
            endpoint = Endpoint(f"ipc://{tmp_path}/{number}.e", f"ipc://{tmp_path}/{number}.r")
            bus = stack.enter_context(context.socket(zmq.XPUB))
            router = stack.enter_context(context.socket(zmq.ROUTER))
            welcome = Welcome(epoch=1, host=f"h{number}", classes=())
            bus.setsockopt(zmq.XPUB_WELCOME_MSG, b"welcome\0" + msgspec.msgpack.encode(welcome))
            bus.bind(endpoint.events)
            router.bind(endpoint.requests)
            endpoints.append(endpoint)
            buses.append(bus)
            routers.append(router)
        fleet = FleetView(endpoints)
        stack.callback(fleet.close)
        # Nobody is answered before all have been asked.
        until(
            lambda: all(router.poll(0) for router in routers),
            lambda: (fleet.update(0.01), [bus.poll(0) for bus in buses]),
        )
        for number, router in enumerate(routers):
            peer, question = router.recv_multipart()
            answer = SnapshotAnswer(
                re=msgspec.msgpack.decode(question)["re"], epoch=1, host=f"h{number}",
                connection="up", taken_ns=1, classes=(), id=0, row=0, guests=msgspec.Raw(b"\x90"),
            )  # fmt: skip
            router.send_multipart([peer, msgspec.msgpack.encode(answer)])
        until(lambda: fleet.joined, lambda: fleet.update(0.01))
        assert len(fleet.hosts) == 20


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 16_384,
    reason="600 agents in this process open 12,000 descriptors: allow 16384 (ulimit -Hn)",
)
def test_hundreds_of_hosts_behind_one_gate_are_joined(tmp_path: Path) -> None:
    # A gate that lets one in at a turn, and looks at all its doors at each, takes minutes for
    # them, and their handshakes end after 2 s.
    with simulated(tmp_path, 600, 64, 1 << 37) as hosts:
        fleet = FleetView([host.endpoint for host in hosts])
        try:
            until(lambda: fleet.joined, lambda: fleet.update(0.2))
            assert len(fleet.hosts) == 600
        finally:
            fleet.close()


@pytest.mark.parametrize("guests", [b"\x91\x01", b"\x91\x81\xa4uuid\xa1\x81", b"\xc1"])
def test_an_answer_that_holds_no_guests_is_counted_and_ignored(
    tmp_path: Path, guests: bytes
) -> None:
    endpoint = Endpoint(f"ipc://{tmp_path}/e", f"ipc://{tmp_path}/r")
    with zmq.Context() as context, context.socket(zmq.XPUB) as bus, ExitStack() as stack:
        router = stack.enter_context(context.socket(zmq.ROUTER))
        welcome = msgspec.msgpack.encode(Welcome(epoch=1, host="h", classes=()))
        bus.setsockopt(zmq.XPUB_WELCOME_MSG, b"welcome\0" + welcome)
        bus.bind(endpoint.events)
        router.bind(endpoint.requests)
        subscriber = stack.enter_context(Subscriber(endpoint, view=True, context=context))
        until(lambda: router.poll(0), lambda: (subscriber.receive(0.01), bus.poll(0)))
        peer, question = router.recv_multipart()
        answer = SnapshotAnswer(
            re=msgspec.msgpack.decode(question)["re"], epoch=1, host="h", connection="up",
            taken_ns=1, classes=(), id=0, row=0, guests=msgspec.Raw(guests),
        )  # fmt: skip
        router.send_multipart([peer, msgspec.msgpack.encode(answer)])
        until(lambda: subscriber.malformed == 1, lambda: subscriber.receive(0.01))
        assert not subscriber.views[0].joined
